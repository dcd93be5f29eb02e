// Lists of products: add to the cart without leaving the page, and sort at once. Both also work without this script.
(() => {
  "use strict";

  const sort = document.querySelector("form[data-sent-on-change]");
  if (sort) {
    sort.querySelector("button").hidden = true;
    sort.addEventListener("change", () => sort.requestSubmit());
  }

  const form = document.getElementById("add-to-cart");
  const panel = document.querySelector("[data-added]");
  if (!form || !panel?.show) return;
  const count = document.querySelector("[data-cart-items]");
  const picture = panel.querySelector("img");
  const text = panel.querySelector("p");
  let button = null; // the one that was used last

  const close = () => {
    if (!panel.open) return;
    panel.close();
    button?.focus({ preventScroll: true });
  };

  const show = (answer) => {
    const shown = button.closest(".product-card")?.querySelector(".product-picture img");
    picture.hidden = !shown;
    if (shown) picture.src = shown.currentSrc || shown.src;
    panel.show();
    text.textContent = answer.messages.join(" ");
    if (count) count.textContent = answer.count;
  };

  const add = async () => {
    const data = new FormData(form);
    data.append(button.name, button.value);
    const response = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(data),
      headers: { Accept: "application/json" },
    });
    const answer = response.ok && !response.redirected ? await response.json() : null;
    if (!answer) throw new Error(response.status);
    show(answer);
  };

  form.addEventListener("submit", async (event) => {
    if (form.dataset.plain || !event.submitter) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "1";
    button = event.submitter;
    try {
      await add();
    } catch {
      form.dataset.plain = "1";
      setTimeout(() => form.requestSubmit(button)); // not while this event is still handled
    }
    delete form.dataset.busy;
  });
  window.addEventListener("pageshow", () => {
    delete form.dataset.plain;
    close();
  });
  panel.querySelector("button").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
})();
