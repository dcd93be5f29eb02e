// The order page while a payment is in progress: the bank's authentication (3-D Secure), and polling for the result.
(() => {
  "use strict";

  const state = document.querySelector("[data-order-state]");
  if (!state) return;

  const fetchState = async () => {
    const response = await fetch(state.dataset.statusUrl, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error("no answer");
    return response.json();
  };
  const pause = 2500; // milliseconds; the server asks Stripe about an order once in two seconds
  const goOn = async () => {
    try {
      let result = await fetchState();
      if (result.is_known === false) {
        await new Promise((resolve) => { window.setTimeout(resolve, pause); });
        result = await fetchState();
      }
      window.location.replace(result.url);
    } catch {
      window.location.reload();
    }
  };

  if (state.dataset.orderState === "checking") {
    const poll = window.setInterval(async () => {
      const result = await fetchState().catch(() => ({ situation: "checking" }));
      if (result.situation !== "checking") {
        window.clearInterval(poll);
        window.location.replace(result.url);
      }
    }, pause);
  }

  const button = state.querySelector("[data-next-action]");
  if (!button) return;
  const problem = state.querySelector("[data-action-error]");
  button.hidden = false; // hidden by default, because it needs this script

  const confirm = async () => {
    button.disabled = true;
    if (window.Stripe) {
      const stripe = window.Stripe(button.dataset.publishableKey, { locale: Intl.getCanonicalLocales(document.documentElement.lang)[0] });
      // The outcome is ignored here, even whether the action was needed, because the server asks Stripe for it.
      await stripe.handleNextAction({ clientSecret: button.dataset.nextAction }).catch(() => {});
      await goOn();
    } else {
      problem.textContent = button.dataset.unavailable;
      problem.hidden = false;
      button.disabled = false;
    }
  };
  button.addEventListener("click", confirm);
  confirm();
})();
