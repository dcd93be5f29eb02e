// Suggestions for the search field: an ARIA combobox. Without this script, the field searches as a plain form.
const form = document.querySelector("form[data-suggestions]");
const field = form.querySelector("input[type=search]");
const list = document.createElement("div");
const status = document.createElement("p");
let active = null;
let request = null;
let timer = 0;

list.id = "search-options";
list.className = "search-options";
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", form.querySelector("label").textContent);
list.hidden = true;
status.className = "visually-hidden";
status.setAttribute("role", "status");
form.append(list, status);
for (const [name, value] of Object.entries({
  role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false",
})) field.setAttribute(name, value);
field.autocomplete = "off";

const options = () => [...list.querySelectorAll("[role=option]")];

function activate(option) {
  active?.removeAttribute("aria-selected");
  active = option ?? null;
  active?.setAttribute("aria-selected", "true");
  active?.scrollIntoView({ block: "nearest" });
  if (active) field.setAttribute("aria-activedescendant", active.id);
  else field.removeAttribute("aria-activedescendant");
}

function show(isOpen) {
  list.hidden = !isOpen;
  field.setAttribute("aria-expanded", String(isOpen));
  if (!isOpen) activate(null);
}

async function update() {
  const text = field.value.trim();
  request?.abort();
  if (text.length < 2) return show(false);
  request = new AbortController();
  try {
    const response = await fetch(`${form.dataset.suggestions}?q=${encodeURIComponent(text)}`, { signal: request.signal });
    if (!response.ok) return show(false);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    list.replaceChildren(...page.body.children);
    const number = list.querySelector("[data-number]");
    status.textContent = number.textContent;
    number.remove();
    activate(null);
    show(options().length > 0 && form.contains(document.activeElement));
  } catch {
    // A newer request has replaced this one, or there is no connection. The form still works.
  }
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(update, 150);
});

field.addEventListener("keydown", (event) => {
  const found = list.hidden ? [] : options();
  const place = found.indexOf(active);
  if (event.key === "ArrowDown" && list.hidden) update();
  else if (event.key === "ArrowDown") activate(found[place + 1] ?? found[0]);
  else if (event.key === "ArrowUp") activate(place > 0 ? found[place - 1] : found.at(-1));
  else if (event.key === "Enter" && active) active.click();
  else if (event.key === "Escape" && !list.hidden) show(false);
  else return;
  event.preventDefault();
});

form.addEventListener("focusout", (event) => {
  if (!form.contains(event.relatedTarget)) show(false);
});
list.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the focus in the field
if (document.activeElement === field && field.value) update();
