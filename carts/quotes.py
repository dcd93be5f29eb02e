"""What a cart costs: the one function behind every total on a page, in a cart or in an order."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core import signing

from carts.models import CartItem
from ecommerce.money import maximum, minimum

SALT = "quote"


@dataclass(frozen=True)
class Quote:
    """The lines and sums of one cart at today's prices, in the shop's currency."""

    lines: Sequence[CartItem]
    subtotal: Decimal
    shipping: Decimal
    discount: Decimal
    tax: Decimal
    currency: str

    @property
    def total(self) -> Decimal:
        return self.subtotal - self.discount + self.shipping + self.tax

    @property
    def problems(self) -> dict[str, str]:
        """Why lines cannot be bought as they are, by title."""
        return {str(line.product): line.problem for line in self.lines if line.problem}

    @property
    def is_too_small(self) -> bool:
        """Below what Stripe charges at least."""
        return self.total < minimum(self.currency)

    @property
    def is_too_large(self) -> bool:
        """Above what Stripe charges at once."""
        return self.total > maximum(self.currency)

    @property
    def missing_for_free_shipping(self) -> Decimal:
        """What to add for free shipping; zero if it is free already."""
        return max(settings.SHIPPING_FREE_FROM - self.subtotal, Decimal(0)) if self.shipping else Decimal(0)

    def facts(self) -> dict[str, Any]:
        """What the shopper agrees to: quantity and unit price of each product, and the total."""
        lines = {str(line.product_id): [line.quantity, str(line.product.price)] for line in self.lines}
        return {"lines": lines, "total": str(self.total), "currency": self.currency}

    def signed(self) -> str:
        """The facts for a form's hidden field, which nobody can change unseen."""
        return signing.dumps(self.facts(), salt=SALT, compress=True)


def read_signed(value: str) -> dict[str, Any]:
    """The facts of a signed quote; a signing.BadSignature if we did not sign it."""
    facts: dict[str, Any] = signing.loads(value, salt=SALT)
    return facts


def quote(lines: Sequence[CartItem]) -> Quote:
    """What `lines` cost today, shipping included (a flat price, free from settings.SHIPPING_FREE_FROM)."""
    subtotal = sum((line.total for line in lines), Decimal(0))
    is_free = not lines or subtotal >= settings.SHIPPING_FREE_FROM
    return Quote(
        lines=lines,
        subtotal=subtotal,
        shipping=Decimal(0) if is_free else settings.SHIPPING_PRICE,
        discount=Decimal(0),
        tax=Decimal(0),
        currency=settings.CURRENCY,
    )
