/* The bank's page: shows the amount and sends the shopper's response. */
"use strict";

const { answer, amount, currency } = document.body.dataset;
const buttons = [...document.querySelectorAll("button")];
const problem = document.getElementById("problem");

function money(minor, code) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency: code });
  const digits = code === "isk" ? 2 : format.resolvedOptions().maximumFractionDigits;
  return format.format(Number(minor) / 10 ** digits);
}

async function send(succeed) {
  buttons.forEach((button) => { button.disabled = true; });
  problem.hidden = true;
  try {
    const response = await fetch(answer, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ succeed }),
    });
    if (response.status >= 500) throw new Error(response.statusText);
    window.parent.postMessage({ type: "answered" }, location.origin);
  } catch {
    problem.textContent = "The bank did not answer. Please try again.";
    problem.hidden = false;
    buttons.forEach((button) => { button.disabled = false; });
  }
}

document.getElementById("merchant").textContent = shop.host || "Your shop";
if (amount) document.getElementById("amount").textContent = money(amount, currency);
document.getElementById("test-source-authorize-3ds").addEventListener("click", () => send(true));
document.getElementById("test-source-fail-3ds").addEventListener("click", () => send(false));
