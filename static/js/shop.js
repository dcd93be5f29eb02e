// Small improvements for all pages, which also work without this script.
(() => {
  "use strict";

  // The error summary has autofocus, so that it is read first. This is for browsers that ignore autofocus.
  document.querySelector("[data-focus]")?.focus();

  // Show the print button, for shoppers who do not know the print command of their browser.
  const print = document.querySelector("[data-print]");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }

  // Load the script for suggestions when the search field is used.
  const search = document.querySelector("form[data-suggestions]");
  search?.addEventListener("focusin", () => import(search.dataset.script), { once: true });

  // Ignore a second click on a submit button. The server handles repeated requests; this avoids confusion.
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
