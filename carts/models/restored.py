"""What carts and their lines store about canceled orders whose lines came back."""

from collections.abc import Iterable
from typing import Any, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from products.models.product import MAX_QUANTITY

MAX_RESTORED_ORDERS = 9  # order numbers that a cart keeps until its page names them


class RestoredOrdersMixin(models.Model):
    """Mixin for carts: the numbers of canceled orders whose lines came back, until the cart page has said so.

    They are in the database because an order can expire without a request of the visitor.
    """

    restored_orders = models.CharField(
        _("restored orders"), max_length=11 * MAX_RESTORED_ORDERS, blank=True, editable=False
    )  # numbers of 10 characters, separated by spaces, oldest first

    class Meta:
        abstract = True

    def add_restored_orders(self, numbers: Iterable[str]) -> None:
        """Store that the lines of these orders came back. Call this with the cart locked."""
        known = self.restored_orders.split()
        added = [*known, *(number for number in numbers if number and number not in known)]
        self._replace_restored_orders(added[-MAX_RESTORED_ORDERS:])

    def remove_restored_orders(self, numbers: Iterable[str]) -> None:
        """Forget these orders. Change nothing if another order was added in the meantime; its message is still due."""
        removed = set(numbers)
        self._replace_restored_orders(number for number in self.restored_orders.split() if number not in removed)

    def _replace_restored_orders(self, numbers: Iterable[str]) -> None:
        text = " ".join(numbers)
        if text != self.restored_orders:
            rows = type(self)._default_manager.filter(pk=self.pk)
            rows.filter(restored_orders=self.restored_orders).update(restored_orders=text)
            self.restored_orders = text


class RestoredLineMixin(models.Model):
    """Mixin for the lines of carts: whether a line came back from a canceled order, and how lines are merged."""

    is_restored = models.BooleanField(default=False, editable=False)  # until the shopper sets the quantity again

    quantity: Any
    seen_price: Any

    class Meta:
        abstract = True

    def merged_values(self, own: Self | None) -> dict[str, Any]:
        """Return the values of the line that results from merging this line into the line `own` of another cart.

        Quantities that the shopper chose are added, up to MAX_QUANTITY. If one of them came back from an order, the
        larger one counts, because the shopper may have added the same items again.
        """
        is_restored = self.is_restored or (own is not None and own.is_restored)
        if own is None:
            return {"quantity": self.quantity, "seen_price": self.seen_price, "is_restored": is_restored}
        if is_restored:
            newest = own if self.is_restored else self  # the price that the shopper saw last
            quantity = max(own.quantity, self.quantity)
            return {"quantity": quantity, "seen_price": newest.seen_price, "is_restored": True}
        quantity = min(own.quantity + self.quantity, MAX_QUANTITY)
        return {"quantity": quantity, "seen_price": self.seen_price, "is_restored": False}
