"""The payment step as a shopper sees it, to compare with the order that the page places."""

from decimal import Decimal

from orders.models import Order
from tests.markup import parse_html


class ShownPage:
    """What a payment step showed, read from its HTML and not from the signed facts."""

    def __init__(self, html: str, total: Decimal) -> None:
        tree = parse_html(html)
        self.total = total
        details = tree.one("section", class_="address-pair").all("p")
        self.shipping, self.billing, email = (part.text for part in details)
        self.email = email.split()[0]
        self.optional = [part.text for part in tree.all("section", class_="optional-details")]
        self.lines = [item.text for item in tree.one("ul", class_="summary-lines").all("li")]

    def differences(self, order: Order) -> list[str]:
        """Return what a placed order froze and this page did not show."""
        shipping, billing = (
            " ".join(text.split()) for text in (order.shipping_address_text, order.billing_address_text)
        )
        lines = [f"{item.quantity} × {item.title} " for item in order.items.order_by("pk")]
        is_billing_shown = billing in (self.billing, shipping)  # The page can say "The same address".
        shown = [self.shipping == shipping, is_billing_shown, self.email == order.email, self.total == order.total]
        is_line_shown = [text.startswith(line) for text, line in zip(self.lines, lines, strict=False)]
        texts = [shipping, billing, order.email, f"{order.total}", *lines]
        optional = [text for text in (order.phone, order.buyer_note, order.gift_message) if text]
        is_optional_shown = all(text in part for text in optional for part in self.optional)
        if not is_optional_shown or bool(self.optional) != bool(optional):
            return [*optional, *self.optional]
        missing = [text for text, is_shown in zip(texts, shown + is_line_shown, strict=False) if not is_shown]
        return missing if len(lines) == len(self.lines) else [*missing, f"{len(lines)} lines"]
