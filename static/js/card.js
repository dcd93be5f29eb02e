// The card field: Stripe's own Element. The card's number goes from Stripe's frame to Stripe; we get a token.
(() => {
  "use strict";

  const form = document.querySelector("[data-card-form]");
  const field = form?.querySelector("[data-card-element]");
  if (!field) return;

  const problem = field.querySelector("[data-card-error]");
  const button = form.querySelector("button:not([type=button])");
  const say = (text) => { problem.textContent = text || ""; };
  const wantsNewCard = () => !form.querySelector("input[type=radio]") || form.querySelector("#card-new").checked;
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
  const stripe = window.Stripe(field.dataset.key);
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

  // Sends the token to the shop, which keeps the card; then the form goes on with it.
  async function stripeTokenHandler(token) {
    let answer;
    try {
      const response = await fetch(field.dataset.processingUrl, {
        method: "POST",
        headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
        body: new URLSearchParams({ token: token.id }),
      });
      answer = await response.json();
    } catch {
      answer = { error: field.dataset.failed };
    }
    if (!answer.card) {
      say(answer.error);
      busy(false);
      return;
    }
    if (form.dataset.next) {
      window.location.assign(form.dataset.next);
      return;
    }
    form.querySelector("#card-new").value = answer.card;
    form.submit();
  }

  form.addEventListener("submit", async (event) => {
    if (!wantsNewCard()) return;
    event.preventDefault();
    if (button.disabled) return;
    busy(true);
    say("");
    const { token, error } = await stripe.createToken(card);
    if (error) {
      say(error.message);
      busy(false);
    } else {
      await stripeTokenHandler(token);
    }
  });
})();
