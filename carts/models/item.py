"""The lines of carts."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from carts.models.restored import RestoredLineMixin
from core.money import has_excess_decimals
from products.models import Product
from products.models.product import MAX_QUANTITY


class CartItem(RestoredLineMixin):
    """A line of a cart: one product and its quantity."""

    cart = models.ForeignKey("carts.Cart", models.CASCADE, related_name="items", verbose_name=_("cart"))
    product = models.ForeignKey(Product, models.CASCADE, related_name="cart_items", verbose_name=_("product"))
    quantity = models.PositiveSmallIntegerField(
        _("quantity"), default=1, validators=[MinValueValidator(1), MaxValueValidator(MAX_QUANTITY)]
    )
    seen_price = models.DecimalField(
        _("price when added"), max_digits=10, decimal_places=2, null=True, blank=True, editable=False
    )
    typed_quantity = ""  # a rejected quantity, which the cart page shows again

    class Meta:
        verbose_name = _("cart line")
        verbose_name_plural = _("cart lines")
        constraints = [
            models.UniqueConstraint(fields=["cart", "product"], name="cart_item_product_once"),
            models.CheckConstraint(condition=Q(quantity__range=(1, MAX_QUANTITY)), name="cart_item_quantity_1_to_99"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product}"

    @property
    def total(self) -> Decimal:
        return self.product.price * self.quantity

    @property
    def old_price(self) -> Decimal | None:
        """The price when the product was chosen, or None if it is unknown or has not changed."""
        return self.seen_price if self.seen_price != self.product.price else None

    @property
    def problem(self) -> str:
        """A message for the shopper that says why this line cannot be bought as it is, or "" if it can."""
        if not self.product.active or has_excess_decimals(self.product.price, settings.CURRENCY):
            return str(_("No longer available"))
        if self.product.is_sold_out:
            return str(_("Sold out"))
        if self.quantity > self.product.max_cart_quantity():
            return str(_("Only %(count)d left") % {"count": self.product.max_cart_quantity()})
        return ""
