// The postal address form: choosing another country loads its fields. Without this script, a button does that.
(() => {
  "use strict";

  // Only the latest response counts, because moving through the list with the arrow keys selects many countries.
  let latest = null;

  async function changeCountry(address, button) {
    latest?.abort();
    latest = new AbortController();
    const form = button.form;
    const body = new FormData(form);
    body.set(button.name, button.value);
    const url = form.getAttribute("action") || location.href; // a button named "action" hides form.action
    const response = await fetch(url, { method: "POST", body, signal: latest.signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const wanted = page.querySelector(`[data-address="${button.value}"] [data-address-rest]`);
    if (!response.ok || !wanted) throw new Error("no fields");
    const rest = address.querySelector("[data-address-rest]");
    for (const field of wanted.querySelectorAll("input")) {
      const typed = rest.querySelector(`input[name="${field.name}"]`);
      if (typed) field.value = typed.value; // keep what was typed during the request
    }
    rest.replaceWith(document.adoptNode(wanted));
  }

  document.querySelectorAll("[data-address]").forEach((address) => {
    const button = address.querySelector("[name=change_country]");
    button.hidden = true;
    address.querySelector("select").addEventListener("change", () => {
      changeCountry(address, button).catch((error) => {
        if (error.name !== "AbortError") button.hidden = false; // the button is the fallback
      });
    });
  });

  // Logging in on this page also sends the details that were typed, so that the server keeps them.
  const details = document.querySelector("[data-details]");
  document.querySelector("[data-keeps-details]")?.addEventListener("submit", (event) => {
    for (const [name, value] of new FormData(details)) {
      if (!/^((shipping|billing)[-_]|phone$|buyer_note$|gift_message$)/.test(name)) continue;
      event.target.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
  });

  // Opening the section means that the billing address differs; closing it means that it is the same.
  const same = document.querySelector("#billing_same");
  const section = same?.closest("details");
  const follow = () => { same.checked = !section.open; };
  section?.addEventListener("toggle", follow);
  if (section) follow(); // it may have been opened before this script ran
})();
