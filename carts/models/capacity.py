"""How many lines a cart can have, and how many did not fit when two carts were merged."""

from typing import Any

from django.db import models
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from products.models import Product

MAX_LINES = 100  # of one cart


class CartFull(Exception):
    """Raised if a cart has MAX_LINES lines already. The text is a message for the shopper."""

    def __init__(self) -> None:
        text = _("Your cart is full: it can have at most %(count)d different products. Remove one to add another.")
        super().__init__(text % {"count": MAX_LINES})


class CapacityMixin(models.Model):
    """Mixin for carts: the limit of their lines, and the number of lines that were left out of a merge.

    The number is in the database because an order can expire, and its lines come back, without a request.
    """

    left_out = models.PositiveIntegerField(default=0, editable=False)  # until a page has said so

    items: Any

    class Meta:
        abstract = True

    def check_room_for(self, product: Product) -> None:
        """Raise CartFull if the cart has no line of this product and no room for another line.

        A product that was read with its quantity in this cart, or with the number of lines, needs no query. Call this
        with the cart locked.
        """
        if not getattr(product, "in_cart", None):
            count = getattr(product, "lines_in_cart", None)
            if (self.items.exclude(product=product).count() if count is None else count) >= MAX_LINES:
                raise CartFull

    def add_left_out(self, count: int) -> None:
        """Store that so many lines did not fit. Call this with the cart locked."""
        if count:
            type(self)._default_manager.filter(pk=self.pk).update(left_out=F("left_out") + count)
            self.left_out += count

    def take_left_out(self) -> str:
        """Return the message about lines that did not fit, or "". The next call returns "".

        If another merge has just left out more lines, that message is still due.
        """
        count: int = self.left_out
        if count:
            type(self)._default_manager.filter(pk=self.pk).update(left_out=F("left_out") - count)
            self.left_out = 0
        return left_out_message(count) if count else ""


def fitting(own: dict[int, Any], others: list[Any]) -> list[Any]:
    """Return those of the lines `others` that fit into a cart with the lines `own`, by product. The oldest come first.

    A line whose product is in the cart already needs no room.
    """
    room = max(MAX_LINES - len(own), 0)
    new = [line for line in others if line.product_id not in own][:room]
    return [line for line in others if line.product_id in own or line in new]


def left_out_message(count: int) -> str:
    text = ngettext(
        "Your cart can have at most %(limit)d different products, so %(count)d more was left out.",
        "Your cart can have at most %(limit)d different products, so %(count)d more were left out.",
        count,
    )
    return text % {"limit": MAX_LINES, "count": count}
