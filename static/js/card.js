// The card field: Stripe's own Element. The card's number goes from Stripe's frame to Stripe; we get a token, or the
// id of a SetupIntent.
(() => {
  "use strict";

  const form = document.querySelector("[data-card-form]");
  const field = form?.querySelector("[data-card-element]");
  if (!field) return;

  const problem = field.querySelector("[data-card-error]");
  const button = form.querySelector("button:not([type=button], [formaction])");
  const say = (text) => { problem.textContent = text || ""; };
  const newCard = form.querySelector("#card-new");  // a radio button where cards are on file, hidden or none elsewhere
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

  const colours = getComputedStyle(document.documentElement);
  const colour = (name) => colours.getPropertyValue(name).trim();
  const stripe = window.Stripe(field.dataset.key, { locale: Intl.getCanonicalLocales(document.documentElement.lang)[0] });
  const card = stripe.elements().create("card", {
    hidePostalCode: true,
    style: {
      base: {
        color: colour("--bs-body-color"),
        iconColor: colour("--bs-body-color"),
        fontFamily: "system-ui, sans-serif",
        fontSize: "17px",
        "::placeholder": { color: colour("--shop-placeholder") },
      },
      invalid: { color: colour("--shop-danger"), iconColor: colour("--shop-danger") },
    },
  });
  card.mount("#card-element");
  card.on("change", (event) => say(event.error?.message));
  window.addEventListener("pageshow", () => busy(false));

  // Asks the shop; whatever is no answer of its becomes a sentence for the shopper.
  async function ask(url, values) {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
        body: new URLSearchParams(values),
      });
      return await response.json();
    } catch {
      return { error: field.dataset.failed };
    }
  }

  function stop(text) {
    say(text || field.dataset.failed);
    busy(false);
  }

  // The shop keeps the card; then the form goes on with it.
  async function keepCard(values) {
    const answer = await ask(field.dataset.processingUrl, values);
    if (!answer.card) {
      stop(answer.error);
    } else if (form.dataset.next) {
      window.location.assign(form.dataset.next);
    } else {
      newCard.value = answer.card;
      form.submit();
    }
  }

  const stripeTokenHandler = (token) => keepCard({ token: token.id });

  async function sendToken() {
    const { token, error } = await stripe.createToken(card);
    await (error ? stop(error.message) : stripeTokenHandler(token));
  }

  // The other way: the shop begins a SetupIntent, the bank may ask the shopper, and the shop looks what came of it.
  async function setUp() {
    const { client_secret: secret, error: refusal } = await ask(field.dataset.setupUrl, {});
    if (!secret) {
      stop(refusal);
      return;
    }
    const { setupIntent, error } = await stripe.confirmCardSetup(secret, { payment_method: { card } });
    await (error ? stop(error.message) : keepCard({ setup_intent: setupIntent.id }));
  }

  form.addEventListener("submit", (event) => {
    if (!wantsNewCard() || event.submitter?.hasAttribute("formaction")) return;  // another way of delivery
    event.preventDefault();
    if (button.disabled) return;
    busy(true);
    say("");
    (field.dataset.setupUrl ? setUp() : sendToken()).catch(() => stop());
  });
})();
