// Small improvements for every page; each page works without them.
(() => {
  "use strict";

  // The error summary has the focus by autofocus, so that it is read first; this is for browsers that pass that over.
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
