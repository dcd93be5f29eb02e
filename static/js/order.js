// The order's page while its payment is under way: the bank's check (3-D Secure), and finding out how it ended.
(() => {
  "use strict";

  const state = document.querySelector("[data-order-state]");
  if (!state) return;

  const lookAgain = async () => {
    const response = await fetch(state.dataset.statusUrl, { headers: { Accept: "application/json" } });
    return response.json();
  };
  const goOn = async () => {
    try {
      window.location.replace((await lookAgain()).url);
    } catch {
      window.location.reload();
    }
  };

  if (state.dataset.orderState === "checking") {
    const poll = window.setInterval(async () => {
      const answer = await lookAgain().catch(() => ({ situation: "checking" }));
      if (answer.situation !== "checking") {
        window.clearInterval(poll);
        window.location.replace(answer.url);
      }
    }, 2000);
  }

  const button = state.querySelector("[data-next-action]");
  if (!button) return;
  const problem = state.querySelector("[data-action-error]");
  button.hidden = false; // without this script it could do nothing

  const confirm = async () => {
    button.disabled = true;
    if (window.Stripe) {
      const stripe = window.Stripe(button.dataset.publishableKey, { locale: Intl.getCanonicalLocales(document.documentElement.lang)[0] });
      // However it ended, or whether it was needed at all, the server finds out by asking Stripe.
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
