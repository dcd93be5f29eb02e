"""Prepared queries for the lines of a cart. Most requests of a visitor with a cart read them."""

from typing import Any

from django.db.models import DecimalField, ExpressionWrapper, F, QuerySet, Sum

from carts.models.item import CartItem
from core.database.prepared import PreparedQuery
from products.models.product import LONG_COLUMNS

AMOUNT: "DecimalField[Any, Any]" = DecimalField(max_digits=18, decimal_places=2)  # an abusive cart can be large


def _lines(cart: int) -> QuerySet[CartItem]:
    """Return the lines in the order in which they were added, with their products, but without long texts."""
    lines = CartItem.objects.filter(cart=cart).select_related("product").order_by("pk")
    return lines.defer(*(f"product__{name}" for name in LONG_COLUMNS))


def _lines_of_active_cart(cart: int) -> QuerySet[CartItem]:
    return _lines(cart).filter(cart__active=True).select_related("cart", "product")


def _total(cart: int) -> Any:
    """Return the sum of the lines at current prices."""
    line = ExpressionWrapper(F("quantity") * F("product__price"), output_field=AMOUNT)
    lines = CartItem.objects.filter(cart=cart).order_by().values("cart")
    return lines.annotate(sum=Sum(line)).values("sum")


LINES = PreparedQuery(_lines, cart=int)
LINES_OF_ACTIVE_CART = PreparedQuery(_lines_of_active_cart, cart=int)
TOTAL = PreparedQuery(_total, cart=int)
