/* The part of Stripe.js that a shop needs for card payments. Card numbers stay inside the simulator's frames. */
(function () {
  "use strict";

  const ORIGIN = new URL(document.currentScript.src).origin;
  const UNREACHABLE = {
    type: "api_connection_error",
    message: "We are experiencing issues connecting to our payments provider. " +
      "Please check your internet connection and try again.",
  };
  const STATES = ["focus", "invalid", "complete", "empty"];
  let frames = 0;
  let requests = 0;

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = "IntegrationError";
    }
  }

  function paint(node, declarations) {
    for (const [name, value] of Object.entries(declarations)) {
      node.style.setProperty(name, value, "important");
    }
  }

  /* An iframe on the simulator's origin, and the messages exchanged with it. */
  class Frame {
    constructor(path, title, declarations, onMessage) {
      frames += 1;
      this.node = document.createElement("iframe");
      this.node.name = `__privateStripeFrame${frames}`;
      this.node.title = title;
      const shop = { origin: location.origin, host: location.host };
      this.node.src = `${ORIGIN}${path}#${encodeURIComponent(JSON.stringify(shop))}`;
      paint(this.node, { border: "0", margin: "0", padding: "0", ...declarations });
      this.onMessage = onMessage;
      this.answers = new Map();
      this.loaded = new Promise((resolve) => { this.setLoaded = resolve; });
      this.listener = (event) => this.receive(event);
      window.addEventListener("message", this.listener);
    }

    receive(event) {
      if (event.origin !== ORIGIN || event.source !== this.node.contentWindow) return;
      const message = event.data || {};
      if (message.type === "loaded") this.setLoaded();
      if (message.type === "answer") {
        const resolve = this.answers.get(message.request);
        this.answers.delete(message.request);
        if (resolve) resolve(message.result);
        return;
      }
      this.onMessage(message);
    }

    async post(message) {
      await this.loaded;
      if (this.node.contentWindow) this.node.contentWindow.postMessage(message, ORIGIN);
    }

    ask(message) {
      requests += 1;
      const request = requests;
      return new Promise((resolve) => {
        this.answers.set(request, resolve);
        this.post({ ...message, request });
      });
    }

    remove() {
      window.removeEventListener("message", this.listener);
      for (const resolve of this.answers.values()) resolve({ error: UNREACHABLE });
      this.answers.clear();
      this.node.remove();
    }
  }

  class CardElement {
    constructor(key, options) {
      this.key = key;
      this.options = { ...options };
      this.handlers = {};
      this._elementType = "card";
    }

    on(name, handler) {
      (this.handlers[name] = this.handlers[name] || []).push(handler);
      return this;
    }

    once(name, handler) {
      const once = (event) => { this.off(name, once); handler(event); };
      return this.on(name, once);
    }

    off(name, handler) {
      this.handlers[name] = (this.handlers[name] || []).filter((known) => handler && known !== handler);
      return this;
    }

    emit(name, event) {
      for (const handler of this.handlers[name] || []) handler({ elementType: "card", ...event });
    }

    mount(place) {
      const container = typeof place === "string" ? document.querySelector(place) : place;
      if (!container) {
        throw new IntegrationError(`The selector you specified (${place}) applies to no DOM elements.`);
      }
      if (this.isDestroyed) throw new IntegrationError("This Element has already been destroyed.");
      this.unmount();
      this.container = container;
      this.frame = new Frame("/elements/card", "Secure card payment input frame", {
        display: "block", width: "100%", "min-width": "100%", height: "19.2px", overflow: "hidden",
        background: "transparent", "color-scheme": "light only", "user-select": "none",
      }, (message) => this.receive(message));
      const wrapper = document.createElement("div");
      wrapper.className = "__PrivateStripeElement";
      paint(wrapper, { margin: "0", padding: "0", border: "none", display: "block", position: "relative" });
      wrapper.append(this.frame.node);
      container.replaceChildren(wrapper);
      container.classList.add("StripeElement");
      this.mark({ empty: true });
      this.labels = container.id ? document.querySelectorAll(`label[for="${CSS.escape(container.id)}"]`) : [];
      this.onLabel = () => this.focus();
      this.labels.forEach((label) => label.addEventListener("click", this.onLabel));
      this.frame.post({ type: "init", key: this.key, options: this.options });
      return this;
    }

    mark(states) {
      for (const state of STATES) {
        if (state in states) this.container.classList.toggle(`StripeElement--${state}`, states[state]);
      }
    }

    receive({ type, event, height }) {
      if (type === "height") paint(this.frame.node, { height: `${height}px` });
      if (type === "submit") {
        const form = this.container.closest("form");
        if (form) form.requestSubmit();
      }
      if (type === "focus" || type === "blur") this.mark({ focus: type === "focus" });
      if (type === "change") this.mark({ invalid: !!event.error, complete: event.complete, empty: event.empty });
      if (["ready", "change", "focus", "blur", "escape"].includes(type)) this.emit(type, event);
    }

    unmount() {
      if (!this.frame) return this;
      this.frame.remove();
      this.labels.forEach((label) => label.removeEventListener("click", this.onLabel));
      this.container.replaceChildren();
      this.container.classList.remove("StripeElement", ...STATES.map((state) => `StripeElement--${state}`));
      this.frame = null;
      return this;
    }

    destroy() {
      this.unmount();
      this.isDestroyed = true;
      return this;
    }

    update(options) {
      this.options = { ...this.options, ...options };
      return this.tell({ type: "update", options: this.options });
    }

    focus() {
      if (this.frame) this.frame.node.focus();
      return this.tell({ type: "focus" });
    }

    blur() {
      return this.tell({ type: "blur" });
    }

    clear() {
      return this.tell({ type: "clear" });
    }

    tell(message) {
      if (this.frame) this.frame.post(message);
      return this;
    }

    create(kind, data) {
      if (!this.frame) {
        throw new IntegrationError("We could not retrieve data from the specified Element. Please mount it first.");
      }
      return this.frame.ask({ type: "create", kind, data: data || {} });
    }
  }

  class Elements {
    constructor(key) {
      this.key = key;
      this.card = null;
    }

    create(type, options) {
      if (type !== "card") {
        throw new IntegrationError(`The simulator has no Element of type ${type}, only card.`);
      }
      if (this.card && !this.card.isDestroyed) {
        throw new IntegrationError("Can only create one Element of type card through an Elements object.");
      }
      this.card = new CardElement(this.key, options);
      return this.card;
    }

    getElement(type) {
      return type === "card" && this.card && !this.card.isDestroyed ? this.card : null;
    }

    update() {}
  }

  /* Shows the dialog over the whole window until the shopper has responded. */
  function challenge(intent) {
    const path = new URL(intent.next_action.use_stripe_sdk.stripe_js).pathname;
    const before = document.activeElement;
    return new Promise((resolve) => {
      const behind = [...document.body.children].filter((node) => !node.inert);
      const overflow = document.documentElement.style.overflow;
      const frame = new Frame(path, "Secure 3D authentication", {
        position: "fixed", inset: "0", width: "100%", height: "100%", "z-index": "2147483647",
        display: "block", background: "transparent", "color-scheme": "light only",
      }, (message) => {
        if (message.type === "loaded") {
          frame.node.focus();
          frame.post({ type: "focus" });
        }
        if (message.type !== "done") return;
        frame.remove();
        behind.forEach((node) => { node.inert = false; });
        document.documentElement.style.overflow = overflow;
        if (before && before.focus) before.focus();
        resolve();
      });
      document.body.append(frame.node);
      behind.forEach((node) => { node.inert = true; });
      document.documentElement.style.overflow = "hidden";
    });
  }

  class StripeClient {
    constructor(key) {
      this.key = key;
      this.controller = null;
    }

    elements() {
      return new Elements(this.key);
    }

    registerAppInfo() {}

    /* Calls the API from a frame on the API's origin, so that the shop's page does not need access to it. */
    async api(method, path, params) {
      if (!this.controller) {
        this.controller = new Frame("/elements/controller", "Secure payment connection", {
          display: "none",
        }, () => {});
        document.body.append(this.controller.node);
      }
      return this.controller.ask({ type: "api", key: this.key, method, path, params });
    }

    async createToken(element, data) {
      const answer = await element.create("tokens", data);
      return answer.error ? answer : { token: answer };
    }

    async createPaymentMethod(typeOrOptions, element, data) {
      const options = typeof typeOrOptions === "string" ? { ...data, card: element } : typeOrOptions;
      const { card, billing_details: billingDetails } = options;
      const answer = await card.create("payment_methods", { billing_details: billingDetails });
      return answer.error ? answer : { paymentMethod: answer };
    }

    async paymentMethodId(source) {
      if (typeof source === "string") return { id: source };
      const { paymentMethod, error } = await this.createPaymentMethod({ ...source, type: "card" });
      return error ? { error } : { id: paymentMethod.id };
    }

    path(clientSecret) {
      const id = String(clientSecret).split("_secret_")[0];
      if (!/^(pi|seti)_\w+$/.test(id)) {
        throw new IntegrationError("Invalid value for clientSecret: it should be the client secret of an intent.");
      }
      return `/v1/${id.startsWith("seti_") ? "setup_intents" : "payment_intents"}/${id}`;
    }

    retrieve(clientSecret) {
      return this.api("GET", this.path(clientSecret), { client_secret: clientSecret });
    }

    result(answer) {
      if (answer.error) return { error: answer.error };
      return answer.object === "setup_intent" ? { setupIntent: answer } : { paymentIntent: answer };
    }

    async retrievePaymentIntent(clientSecret) {
      return this.result(await this.retrieve(clientSecret));
    }

    async retrieveSetupIntent(clientSecret) {
      return this.result(await this.retrieve(clientSecret));
    }

    async handleNextAction({ clientSecret }) {
      const intent = await this.retrieve(clientSecret);
      if (!intent.error && intent.status !== "requires_action") {
        const message = `handleNextAction: The ${intent.object} supplied is not in the requires_action state.`;
        const code = `${intent.object}_unexpected_state`;
        return { error: { type: "invalid_request_error", code, message, [intent.object]: intent } };
      }
      return this.finish(clientSecret, intent);
    }

    handleCardAction(clientSecret) {
      return this.handleNextAction({ clientSecret });
    }

    async finish(clientSecret, started) {
      if (started.error || started.status !== "requires_action") return this.result(started);
      await challenge(started);
      const intent = await this.retrieve(clientSecret);
      const failure = intent.last_payment_error || intent.last_setup_error;
      if (failure && intent.status === "requires_payment_method") {
        return { error: { ...failure, [intent.object]: intent } };
      }
      return this.result(intent);
    }

    async confirmCard(clientSecret, data, options) {
      const params = { client_secret: clientSecret, use_stripe_sdk: "true" };
      if (data && data.payment_method) {
        const { id, error } = await this.paymentMethodId(data.payment_method);
        if (error) return { error };
        params.payment_method = id;
      } else {
        const waiting = await this.retrieve(clientSecret);
        if (waiting.error || waiting.status === "requires_action") return this.finish(clientSecret, waiting);
      }
      const answer = await this.api("POST", `${this.path(clientSecret)}/confirm`, params);
      if (options && options.handleActions === false) return this.result(answer);
      return this.finish(clientSecret, answer);
    }

    confirmCardPayment(clientSecret, data, options) {
      return this.confirmCard(clientSecret, data, options);
    }

    confirmCardSetup(clientSecret, data, options) {
      return this.confirmCard(clientSecret, data, options);
    }
  }

  window.Stripe = function Stripe(key) {
    if (!key) {
      throw new IntegrationError("Please call Stripe() with your publishable key. You used an empty string.");
    }
    if (!/^pk_test_/.test(key)) {
      throw new IntegrationError("The simulator accepts only publishable test keys, which begin with pk_test_.");
    }
    return new StripeClient(key);
  };
  window.Stripe.version = "simulator";
}());
