/* The card field: three inputs in one line that behave like Stripe's card Element. */
"use strict";

const form = document.getElementById("card");
const icon = form.querySelector(".icon");
const number = form.elements.cardnumber;
const expiry = form.elements["exp-date"];
const cvc = form.elements.cvc;
const inputs = [number, expiry, cvc];
const TEXT_STYLES = [
  "color", "fontFamily", "fontSize", "fontStyle", "fontVariant", "fontWeight", "letterSpacing",
  "textAlign", "textDecoration", "textShadow", "textTransform",
];
const left = new Set();
let key = "";
let style = {};
let lastEvent = "";

function problemOf(input) {
  const digits = digitsOf(input.value);
  if (input === number) return numberProblem(digits);
  if (input === expiry) return expiryProblem(digits, new Date());
  return cvcProblem(digits, brandOf(digitsOf(number.value)));
}

/* An incomplete field is an error only after the shopper has left it. */
function shownProblem(input) {
  const code = problemOf(input);
  return code.startsWith("incomplete") && !left.has(input) ? "" : code;
}

function errorOf(code) {
  return { type: "validation_error", code, message: MESSAGES[code] };
}

function paintInput(input, code) {
  const state = code ? "invalid" : !input.value ? "empty" : problemOf(input) ? "base" : "complete";
  const wanted = { ...style.base, ...style[state] };
  if (state === "invalid" && !(style.invalid && style.invalid.color)) wanted.color = "#c5221f";
  if (input === document.activeElement) Object.assign(wanted, (style.base || {})[":focus"]);
  for (const name of TEXT_STYLES) input.style[name] = typeof wanted[name] === "string" ? wanted[name] : "";
  input.style.webkitFontSmoothing = wanted.fontSmoothing || "";
  const placeholder = (wanted["::placeholder"] || {}).color || "";
  input.style.setProperty("--placeholder", placeholder || (code ? wanted.color : ""));
  input.setAttribute("aria-invalid", code ? "true" : "false");
  return wanted;
}

function paint() {
  const codes = inputs.map(shownProblem);
  const painted = inputs.map((input, index) => paintInput(input, codes[index]));
  const base = style.base || {};
  form.style.padding = base.padding || "";
  form.style.lineHeight = base.lineHeight || "";
  form.style.fontSize = base.fontSize || "";
  form.style.fontFamily = base.fontFamily || "";
  icon.style.color = codes[0] ? painted[0].iconColor || "#c5221f" : base.iconColor || base.color || "";
  const brand = brandOf(digitsOf(number.value)).name;
  document.getElementById("brand").setAttribute("href", `#brand-${brand}`);
  const isNarrow = form.clientWidth < 20.5 * parseFloat(getComputedStyle(form).fontSize);
  const isTail = isNarrow && !problemOf(number) && document.activeElement !== number;
  form.classList.toggle("tail", isTail);
  number.scrollLeft = isTail ? number.scrollWidth : 0;
  postToShop({ type: "height", height: Math.ceil(form.getBoundingClientRect().height * 10) / 10 });
}

function report() {
  paint();
  const code = inputs.map(shownProblem).find(Boolean);
  const event = {
    empty: inputs.every((input) => !input.value),
    complete: inputs.every((input) => !problemOf(input)),
    brand: brandOf(digitsOf(number.value)).name,
    error: code ? errorOf(code) : undefined,
    value: { postalCode: "" },
  };
  const text = JSON.stringify(event);
  if (text !== lastEvent) postToShop({ type: "change", event });
  lastEvent = text;
}

/* Sets the formatted text of an input and keeps the caret after the same digit. */
function rewrite(input, text) {
  const before = digitsOf(input.value.slice(0, input.selectionStart)).length;
  const isAtEnd = input.selectionStart === input.value.length;
  if (input.value === text) return;
  input.value = text;
  if (isAtEnd || input !== document.activeElement) return;
  let position = 0;
  for (let seen = 0; position < text.length && seen < before; position += 1) {
    if (/\d/.test(text[position])) seen += 1;
  }
  input.setSelectionRange(position, position);
}

function onInput(event) {
  const input = event.target;
  const isDeleting = (event.inputType || "").startsWith("delete");
  left.delete(input);
  if (input === number) rewrite(input, formatNumber(input.value));
  if (input === expiry) rewrite(input, formatExpiry(input.value, isDeleting));
  const { cvcLength } = brandOf(digitsOf(number.value));
  rewrite(cvc, digitsOf(cvc.value).slice(0, cvcLength));
  const next = inputs[inputs.indexOf(input) + 1];
  const isAtEnd = input.selectionStart === input.value.length;
  if (next && !isDeleting && isAtEnd && !problemOf(input) && document.activeElement === input) next.focus();
  report();
}

function onKey(event) {
  const input = event.target;
  const previous = inputs[inputs.indexOf(input) - 1];
  if (event.key === "Enter") {
    event.preventDefault();
    postToShop({ type: "submit" });
  } else if (event.key === "Escape") {
    postToShop({ type: "escape" });
  } else if (event.key === "Backspace" && !input.value && previous) {
    event.preventDefault();
    previous.focus();
  }
}

for (const input of inputs) {
  input.addEventListener("input", onInput);
  input.addEventListener("keydown", onKey);
  input.addEventListener("focus", report);
  input.addEventListener("blur", () => {
    if (input.value) left.add(input);
    report();
  });
}
form.addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("focusin", (event) => { if (!event.relatedTarget) postToShop({ type: "focus" }); });
window.addEventListener("focusout", (event) => { if (!event.relatedTarget) postToShop({ type: "blur" }); });
window.addEventListener("resize", paint);

function configure(options) {
  style = options.style || {};
  inputs.forEach((input) => { input.disabled = !!options.disabled; });
  icon.style.display = options.hideIcon ? "none" : "";
  paint();
}

async function create(kind, data) {
  inputs.forEach((input) => left.add(input));
  report();
  const code = inputs.map(problemOf).find(Boolean);
  if (code) return { error: errorOf(code) };
  const digits = digitsOf(expiry.value);
  const card = {
    number: digitsOf(number.value), cvc: cvc.value, exp_month: digits.slice(0, 2), exp_year: digits.slice(2),
  };
  const path = `/v1/${kind}`;
  if (kind === "tokens") return callApi(key, "POST", path, { card: { ...card, ...data } });
  return callApi(key, "POST", path, { type: "card", card, billing_details: data.billing_details });
}

function onMessage(message) {
  if (message.type === "init") {
    key = message.key;
    configure(message.options);
    postToShop({ type: "ready" });
  } else if (message.type === "update") {
    configure(message.options);
  } else if (message.type === "focus") {
    (inputs.find(problemOf) || number).focus();
  } else if (message.type === "blur") {
    if (document.activeElement) document.activeElement.blur();
  } else if (message.type === "clear") {
    inputs.forEach((input) => { input.value = ""; });
    left.clear();
    report();
  } else if (message.type === "create" && ["tokens", "payment_methods"].includes(message.kind)) {
    create(message.kind, message.data).then((result) => {
      postToShop({ type: "answer", request: message.request, result });
    });
  }
}

listen(onMessage);
lastEvent = JSON.stringify({ empty: true, complete: false, brand: "unknown", value: { postalCode: "" } });
postToShop({ type: "loaded" });
