// The address form: another country brings its own fields at once; without this script its button does.
(() => {
  "use strict";

  // The latest answer alone counts: who walks through the list by arrow keys chooses many countries on the way.
  let latest = null;

  async function changeCountry(address, button) {
    latest?.abort();
    latest = new AbortController();
    const form = button.form;
    const body = new FormData(form);
    body.set(button.name, button.value);
    const answer = await fetch(form.action, { method: "POST", body, signal: latest.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const wanted = page.querySelector(`[data-address="${button.value}"] [data-address-rest]`);
    if (!answer.ok || !wanted) throw new Error("no fields");
    const rest = address.querySelector("[data-address-rest]");
    for (const field of wanted.querySelectorAll("input")) {
      const typed = rest.querySelector(`input[name="${field.name}"]`);
      if (typed) field.value = typed.value; // what was typed while the answer was on its way
    }
    rest.replaceWith(document.adoptNode(wanted));
  }

  document.querySelectorAll("[data-address]").forEach((address) => {
    const button = address.querySelector("[name=change_country]");
    button.hidden = true;
    address.querySelector("select").addEventListener("change", () => {
      changeCountry(address, button).catch((error) => {
        if (error.name !== "AbortError") button.hidden = false; // then it can be pressed
      });
    });
  });

  // Who opens the fold wants another billing address; who closes it does not.
  const same = document.querySelector("#billing_same");
  same?.closest("details").addEventListener("toggle", (event) => { same.checked = !event.target.open; });
})();
