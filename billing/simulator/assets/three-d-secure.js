/* The dialog over the shop's page; the bank's page is a frame within it. */
"use strict";

const bank = document.getElementById("challengeFrame");
bank.src = document.body.dataset.challenge + location.hash;
bank.addEventListener("load", () => {
  bank.focus();
  tell({ type: "loaded" });
});
window.addEventListener("message", (event) => {
  if (event.origin === location.origin && event.source === bank.contentWindow && event.data.type === "answered") {
    tell({ type: "done" });
  }
});
window.addEventListener("focus", () => bank.focus());
