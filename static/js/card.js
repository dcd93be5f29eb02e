// The card field, a Stripe Element. The card number goes from Stripe's frame directly to Stripe. The shop receives only
// a token or the id of a SetupIntent.
(() => {
  "use strict";

  const form = document.querySelector("[data-card-form]");
  const field = form?.querySelector("[data-card-element]");
  if (!field) return;

  const problem = field.querySelector("[data-card-error]");
  const button = form.querySelector("button:not([type=button], [formaction])");
  const say = (text) => { problem.textContent = text || ""; };
  const newCard = form.querySelector("#card-new");  // a radio button if there are saved cards, else hidden or missing
  const save = form.querySelector("[name=save]");
  const wantsNewCard = () => newCard?.type !== "radio" || newCard.checked;
  const busy = (isBusy) => {
    button.disabled = isBusy;
    button.classList.toggle("is-busy", isBusy);
  };

  const show = () => { field.hidden = !wantsNewCard(); };
  form.addEventListener("change", show);
  show();

  if (!window.Stripe) {
    say(field.dataset.unavailable);
    if (wantsNewCard()) button.disabled = true;
    form.addEventListener("change", () => { button.disabled = wantsNewCard(); });
    return;
  }

  const colors = getComputedStyle(document.documentElement);
  const color = (name) => colors.getPropertyValue(name).trim();
  const stripe = window.Stripe(field.dataset.key, { locale: Intl.getCanonicalLocales(document.documentElement.lang)[0] });
  const card = stripe.elements().create("card", {
    hidePostalCode: true,
    style: {
      base: {
        color: color("--bs-body-color"),
        iconColor: color("--bs-body-color"),
        fontFamily: "system-ui, sans-serif",
        fontSize: "17px",
        "::placeholder": { color: color("--shop-placeholder") },
      },
      invalid: { color: color("--shop-danger"), iconColor: color("--shop-danger") },
    },
  });
  card.mount("#card-element");
  card.on("change", (event) => say(event.error?.message));
  window.addEventListener("pageshow", () => busy(false));

  // Send a request to the shop. Return an error message for the shopper if the response is not JSON or none arrives.
  async function ask(url, values) {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { Accept: "application/json", "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
        body: new URLSearchParams(values),
      });
      return await response.json();
    } catch {
      return { error: field.dataset.failed };
    }
  }

  // Show an error, with a link to the page that corrects it if there is one. The button can be far below the message.
  function stop(text, link) {
    say(text || field.dataset.failed);
    problem.scrollIntoView({ block: "center" });
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link.url;
      anchor.textContent = link.text;
      problem.append(" ", anchor);
    }
    busy(false);
  }

  // Store the card in the shop, then continue with it: go to the next page or submit the form.
  async function saveCard(values) {
    const choice = save ? { save: save.checked ? "1" : "0" } : {};  // guests and the card page are not asked
    const result = await ask(field.dataset.processingUrl, { ...values, ...choice });
    if (!result.card) {
      stop(result.error, result.link);
    } else if (form.dataset.next) {
      window.location.assign(form.dataset.next);
    } else {
      newCard.value = result.card;
      form.submit();
    }
  }

  const stripeTokenHandler = (token) => saveCard({ token: token.id });

  async function sendToken() {
    const { token, error } = await stripe.createToken(card);
    await (error ? stop(error.message) : stripeTokenHandler(token));
  }

  // The SetupIntent flow: the shop creates a SetupIntent, the bank can authenticate the shopper, and the shop asks
  // Stripe for the result.
  async function setUp() {
    const { client_secret: secret, error: setupError, link } = await ask(field.dataset.setupUrl, {});
    if (!secret) {
      stop(setupError, link);
      return;
    }
    const { setupIntent, error } = await stripe.confirmCardSetup(secret, { payment_method: { card } });
    await (error ? stop(error.message) : saveCard({ setup_intent: setupIntent.id }));
  }

  form.addEventListener("submit", (event) => {
    if (!wantsNewCard() || event.submitter?.hasAttribute("formaction")) return;  // changes the delivery method
    event.preventDefault();
    if (button.disabled) return;
    busy(true);
    say("");
    (field.dataset.setupUrl ? setUp() : sendToken()).catch(() => stop());
  });
})();
