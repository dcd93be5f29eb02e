"""Movements of stock."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class StockMovement(models.Model):
    """One change of a limited stock. Rows are only added, so the sum of a product's movements is its stock."""

    class Kind(models.TextChoices):
        OPENING = "opening", _("Opening stock")
        RESERVED = "taken", _("Reserved by an order")
        RELEASED = "given_back", _("Released by an order")
        RETURNED = "returned", _("Returned after a refund")
        ADJUSTED = "adjusted", _("Changed by staff")

    # The kinds that add units of an order to the stock again. Earlier units of refunds are RELEASED.
    BACK = (Kind.RELEASED, Kind.RETURNED)

    class Reason(models.TextChoices):
        """Why staff changed the stock."""

        DELIVERY = "delivery", _("Goods received")
        COUNT = "count", _("Stocktake")
        LOSS = "loss", _("Broken or lost")
        OTHER = "other", _("Something else")

    product = models.ForeignKey("products.Product", models.CASCADE, related_name="movements", verbose_name=_("product"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason, blank=True, default="", db_default="")
    amount = models.IntegerField(_("units"))
    # The number of the order, not a foreign key: the products app does not depend on orders.
    order = models.CharField(_("order"), max_length=20, blank=True, db_index=True)
    by = models.CharField(_("by"), max_length=254, blank=True)
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("stock movement")
        verbose_name_plural = _("stock movements")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["at"], name="stock_movement_by_time")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount:+d}"

    @property
    def is_uncounted(self) -> bool:
        """Whether an order moved units of a stock that was unlimited, so that no number changed."""
        return self.amount == 0 and bool(self.order)
