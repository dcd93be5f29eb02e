// Adds up the refund while staff choose it. The server computes the sum again, and the second page shows it.
(() => {
  "use strict";

  const form = document.querySelector("#refund_form");
  if (!form) return;

  const { currency, decimals } = form.dataset;
  const scale = 10 ** Number(decimals); // all sums are in the smallest units of the currency
  const toUnits = (text) => Math.round(Number(text) * scale) || 0;
  // As `value_of_units` on the server: parts of a line add up to the line.
  const share = (paid, units, quantity) => Math.floor((2 * paid * units + quantity) / (2 * quantity));
  const valueOf = (row) => {
    const units = Number(row.querySelector("input[type=number]")?.value) || 0;
    const [paid, quantity, before] = [toUnits(row.dataset.paid), Number(row.dataset.quantity), Number(row.dataset.before)];
    return share(paid, before + units, quantity) - share(paid, before, quantity);
  };
  const format = new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  const box = document.querySelector("#refund_sum");

  const update = () => {
    const parts = [...form.querySelectorAll("tr[data-paid]")].map(valueOf);
    const sum = parts.reduce((total, part) => total + part, toUnits(form.elements.delivery?.value));
    const amount = toUnits(form.elements.amount.value) || Math.min(sum, toUnits(form.dataset.most));
    box.querySelector("output").textContent = format.format(amount / scale);
    box.hidden = false;
  };
  form.addEventListener("input", update);
  update();
})();
