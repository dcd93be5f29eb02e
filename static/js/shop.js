// Small improvements for every page; each page works without them.
(() => {
  "use strict";

  // The error summary has the focus by autofocus, so that it is read first; this is for browsers that pass that over.
  document.querySelector("[data-focus]")?.focus();

  // The browser's own menu prints as well; the button is for those who do not know.
  const print = document.querySelector("[data-print]");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }

  // A second click on a button sends nothing more. The server does not need this; it saves the shopper a surprise.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || "again" in form.dataset) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  });
})();
