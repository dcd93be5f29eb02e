/* The dialog over the shop's page; the bank's page is a frame within it. */
"use strict";

const bank = document.getElementById("challengeFrame");

/* Straight to the heading: focusing only the frame would leave the keyboard outside of it. */
function takeFocus() {
  const heading = bank.contentDocument && bank.contentDocument.querySelector("h1");
  if (heading) heading.focus();
}

bank.src = document.body.dataset.challenge + location.hash;
bank.addEventListener("load", () => tell({ type: "loaded" }));
window.addEventListener("message", (event) => {
  if (event.origin === location.origin && event.source === bank.contentWindow && event.data.type === "answered") {
    tell({ type: "done" });
  }
});
listen(({ type }) => { if (type === "focus") takeFocus(); });
