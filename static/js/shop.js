// Small improvements for every page; each page works without them.
(() => {
  "use strict";

  // Move the focus to the error summary, so that it is read first.
  document.querySelector("[data-focus]")?.focus();

  // A second click on a button sends nothing more. The server does not need this; it saves the shopper a surprise.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  });
})();
