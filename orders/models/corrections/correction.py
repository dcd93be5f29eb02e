"""The model for corrections of orders."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Correction(models.Model):
    """A value of an order that staff corrected, with the value before. Rows never change until an erasure."""

    class Kind(models.TextChoices):
        SHIPPING = "shipping", _("Shipping address")
        BILLING = "billing", _("Billing address")
        EMAIL = "email", _("Email")
        TRACKING = "tracking", _("Tracking number")

    order = models.ForeignKey(
        "orders.Order", models.CASCADE, related_name="corrections", verbose_name=_("order")
    )  # fmt: skip
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    old = models.TextField(_("before"), blank=True)
    new = models.TextField(_("corrected"), blank=True)
    by = models.CharField(_("by"), max_length=254, blank=True)
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return str(self.get_kind_display())
