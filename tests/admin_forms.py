"""Forms of the admin as a browser sees and submits them."""

from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.urls import reverse

from tests.markup import Element, parse_html

SKIPPED_TYPES = ("submit", "button", "reset", "image", "file")


@dataclass
class OpenForm:
    """A page with a form that somebody has open. Fields keep what the page showed until they are changed."""

    client: Client
    url: str
    data: dict[str, list[str]]
    button: str = "_save"

    def submit(self, **changes: Any) -> Any:
        """Change these fields and press Save. None clears a checkbox. Return the response without redirects."""
        data: dict[str, Any] = self.data | {self.button: ["Save"]}
        for name, value in changes.items():
            data[name] = value if isinstance(value, list) else [value]
            if value is None:
                del data[name]
        flat = {name: values if len(values) != 1 else values[0] for name, values in data.items()}
        return self.client.post(self.url, flat)


def open_form(client: Client, url: str) -> OpenForm:
    """Open a change form or an editable list."""
    return read_form(client, url, client.get(url))


def read_form(client: Client, url: str, page: Any) -> OpenForm:
    """Return the form of a page that was answered to a request for this URL."""
    root = parse_html(page.text)
    [form] = [form for form in root.all("form") if form.attrs.get("id", "").endswith(("_form", "changelist-form"))]
    data: dict[str, list[str]] = {}
    for element in form.all():
        for value in submitted_values(element):
            data.setdefault(element.attrs["name"], []).append(value)
    return OpenForm(client, url, data)


def run_action(client: Client, url: str, action: str, *rows: Any) -> Any:
    """Run an action of a list and confirm it as its page says. Return the last response, after redirects."""
    page = client.post(url, {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True)
    return confirm(client, url, page)


def confirm(client: Client, url: str, page: Any, **changes: Any) -> Any:
    """Confirm what this page says. Return the page itself if it has nothing to confirm."""
    if 'name="confirm"' not in page.text:
        return page
    return client.post(url, confirmation(page) | changes, follow=True)


def confirmation(page: Any) -> dict[str, list[str]]:
    """Return what the button of a confirmation page sends."""
    root = parse_html(page.text)
    [form] = [form for form in root.all("form") if any(form.all("input", name="confirm"))]
    data: dict[str, list[str]] = {"confirm": ["Yes"]}
    for element in form.all("input"):
        for value in submitted_values(element):
            data.setdefault(element.attrs["name"], []).append(value)
    return data


def submit_refund(client: Client, url: str, data: dict[str, Any]) -> Any:
    """Submit both pages of a refund. Return the response of the first one if it does not lead to the second."""
    page = client.post(url, data)
    return read_form(client, url, page).submit(step="refund") if "refund_confirm_form" in page.text else page


def submitted_values(element: Element) -> list[str]:
    """Return what a browser sends for this element if nothing was changed."""
    kind, attrs = element.attrs.get("type", "text"), element.attrs
    if not attrs.get("name") or "disabled" in attrs or "__prefix__" in attrs["name"]:
        return []
    if element.tag == "textarea":
        return ["".join(element.strings).removeprefix("\r\n").removeprefix("\n").replace("\n", "\r\n")]
    if element.tag == "select":
        options = list(element.all("option"))
        chosen = [option for option in options if "selected" in option.attrs]
        chosen = chosen or ([] if "multiple" in attrs else options[:1])
        return [option.attrs.get("value", option.text) for option in chosen]
    if element.tag != "input" or kind in SKIPPED_TYPES or (kind == "checkbox" and "checked" not in attrs):
        return []
    return [attrs.get("value", "on" if kind == "checkbox" else "")]


def field_errors(page: Any, name: str = "") -> str:
    """Return the error messages that the page shows, or those of the fields of this name."""
    root = parse_html(page.text)
    lists = [element.text for element in root.all("ul") if "errorlist" in element.attrs.get("class", "")]
    if not name:
        return " ".join(lists)
    boxes = [element for element in root.all() if f"field-{name}" in element.attrs.get("class", "").split()]
    return " ".join(
        error.text for box in boxes for error in box.all("ul") if "errorlist" in error.attrs.get("class", "")
    )


def ship_page_form(client: Client, order: Any) -> dict[str, Any]:
    """Return what the ship page of an order submits if nothing was changed."""
    form = open_form(client, reverse("admin:orders_order_ship", args=[order.pk]))
    return {name: values[0] for name, values in form.data.items()}


def open_ship_many(client: Client, *orders: Any) -> OpenForm:
    """Open the page that ships these orders, as the action of the list does."""
    data = {"action": "ship_orders", "_selected_action": [order.pk for order in orders]}
    url = client.post(reverse("admin:orders_order_changelist"), data).url  # type: ignore[attr-defined]
    form = open_form(client, url)
    form.button = "ship"
    return form
