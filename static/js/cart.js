// The cart page: what is chosen is stored at once, and the page shows the server's answer. Without this script, or if a
// request fails, the same form is submitted as usual.
(() => {
  "use strict";

  const OWN = "[data-saves-cart]";
  const STEPS = { less: -1, more: 1 };
  const live = Object.assign(document.createElement("p"), { className: "visually-hidden" });
  live.setAttribute("role", "status");
  document.body.append(live);

  let isSaving = false;
  let next = null; // what to submit after the current request: [form, button]
  let isLeaving = false; // some browsers let requests fail when another page is opened
  let release = null;
  let released = Promise.resolve(); // no part is replaced under a pressed mouse button, which would lose the click
  document.addEventListener("pointerdown", () => { released = new Promise((resolve) => { release = resolve; }); });
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, () => { window.setTimeout(() => release?.()); });
  }

  // The element of the new page that is the same control as this one.
  function counterpart(element) {
    if (!element || element === document.body) return null;
    if (element.id) return document.getElementById(element.id);
    if (element.matches("summary")) return document.getElementById(element.parentElement.id)?.querySelector("summary");
    const { name, value } = element;
    const action = element.getAttribute("formaction");
    return [...document.querySelectorAll(`main button[name="${name}"]`)].find(
      (button) => button.value === value && button.getAttribute("formaction") === action,
    );
  }

  function show(page) {
    const [old, main] = [document.querySelector("main"), page.querySelector("main")];
    const focused = document.activeElement;
    const hadFocus = old.contains(focused);
    for (const fold of old.querySelectorAll("details[id][open]")) {
      main.querySelector(`details#${fold.id}`)?.setAttribute("open", "");
    }
    const [code, newCode] = [old, main].map((part) => part.querySelector("#discount-code"));
    if (code?.value && newCode?.value === "") newCode.value = code.value; // not stored until its button is pressed
    const news = [...main.querySelectorAll(".notice-success")];
    news.forEach((notice) => notice.remove()); // the page does not jump, because the new quantity is visible anyway
    old.replaceWith(document.adoptNode(main));
    document.querySelector("[data-cart-items]").textContent = page.querySelector("[data-cart-items]").textContent;
    document.title = page.title;
    window.history.replaceState(null, "", page.shownAt);
    live.textContent = news.map((notice) => notice.textContent.trim()).join(" ");
    const goal = main.querySelector("[data-focus]") || main.querySelector(`.notice ${OWN} button`);
    if (hadFocus) (goal || counterpart(focused) || main.querySelector("h1"))?.focus();
  }

  async function load(form, button) {
    const body = new FormData(form);
    if (button?.name) body.set(button.name, button.value);
    if (button?.name !== "apply_code") body.delete("code");
    const url = button?.getAttribute("formaction") || form.getAttribute("action");
    const response = await fetch(url, {
      method: "POST",
      headers: { Accept: "text/html" },
      body: new URLSearchParams(body),
      keepalive: true, // a link that is clicked now does not stop it
    });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const isCart = new URL(response.url).pathname === window.location.pathname;
    if (!response.ok || !isCart || !page.querySelector("main")) throw new Error("no cart");
    return Object.assign(page, { shownAt: response.url });
  }

  function submit(form, button) {
    form.dataset.isPlain = "1";
    form.requestSubmit(button);
  }

  async function save(form, button) {
    if (isSaving) {
      next = [form, button];
      return;
    }
    isSaving = true;
    form.setAttribute("aria-busy", "true");
    try {
      const page = await load(form, button);
      await released;
      if (!next) show(page); // otherwise, the form has newer values than the answer
    } catch {
      isSaving = false;
      if (!isLeaving) submit(form, button);
      return;
    }
    isSaving = false;
    form.removeAttribute("aria-busy");
    if (!next) return;
    const [nextForm, nextButton] = next;
    next = null;
    if (nextButton?.name === "checkout") submit(nextForm, nextButton);
    else save(nextForm, nextButton);
  }

  document.addEventListener("submit", (event) => {
    const { target: form, submitter: button } = event;
    if (!form.matches(OWN) || form.dataset.isPlain) return;
    if (button?.name === "checkout" && !isSaving) return;
    event.preventDefault();
    const step = STEPS[button?.name];
    const field = step ? button.parentElement.querySelector("input") : null;
    if (!field || !field.checkValidity()) {
      save(form, button);
      return;
    }
    const quantity = Math.max(1, Math.min(Number(field.value) + step, Number(field.max)));
    if (quantity === Number(field.value)) return;
    field.value = quantity;
    save(form, null);
  }, true);

  document.addEventListener("change", (event) => {
    const form = event.target.closest(OWN);
    if (form && /^(quantity|country|region|shipping_method)$/.test(event.target.name)) save(form, null);
  });
  window.addEventListener("beforeunload", () => { isLeaving = true; });
  window.addEventListener("pageshow", () => {
    isLeaving = false;
    document.querySelectorAll(OWN).forEach((form) => delete form.dataset.isPlain);
  });
})();
