/* The dialog over the shop's page. It contains the bank's page in a frame. */
"use strict";

const bank = document.getElementById("challengeFrame");

/* Focuses the heading, because focusing only the frame would leave the keyboard focus outside the frame. */
function takeFocus() {
  const heading = bank.contentDocument && bank.contentDocument.querySelector("h1");
  if (heading) heading.focus();
}

bank.src = document.body.dataset.challenge + location.hash;
bank.addEventListener("load", () => postToShop({ type: "loaded" }));
window.addEventListener("message", (event) => {
  if (event.origin === location.origin && event.source === bank.contentWindow && event.data.type === "answered") {
    postToShop({ type: "done" });
  }
});
listen(({ type }) => { if (type === "focus") takeFocus(); });
