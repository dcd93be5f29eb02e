"""Shipments of orders. An order can have several."""

from collections import Counter
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import GuardedModel
from orders.models import columns
from orders.models.item import LineUnits, by_line, lines_with
from orders.models.shipping.carrier import MAX_TRACKING, Carrier, validate_tracking


class Shipment(GuardedModel):
    """Some units of an order that were shipped together. Its delivery and corrections of its tracking come later."""

    columns = columns.SHIPMENT

    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="shipments", verbose_name=_("order"))
    number = models.PositiveSmallIntegerField(_("number within the order"))
    units = models.JSONField(_("shipped units"), help_text=_("Units by the ID of the order line."))
    carrier = models.ForeignKey(
        Carrier, models.PROTECT, null=True, blank=True, related_name="shipments", verbose_name=_("carrier")
    )
    tracking = models.CharField(
        _("tracking number"), max_length=MAX_TRACKING, blank=True, validators=[validate_tracking]
    )
    shipped_at = models.DateTimeField(_("shipped"), default=timezone.now)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    by = models.CharField(_("by"), max_length=254, blank=True)

    class Meta:
        verbose_name = _("shipment")
        verbose_name_plural = _("shipments")
        ordering = ["order_id", "number"]
        indexes = [models.Index(fields=["shipped_at"], name="shipment_by_time")]
        constraints = [models.UniqueConstraint(fields=["order", "number"], name="shipment_number_once_an_order")]

    def __str__(self) -> str:
        return f"{self.order}-{self.number}"

    @property
    def units_by_line(self) -> Counter[int]:
        """The units by order line id."""
        return by_line(self.units)

    @property
    def tracking_url(self) -> str:
        """The carrier's page about this shipment, or an empty string."""
        return self.carrier.tracking_url(self.tracking) if self.carrier else ""

    @property
    def carrier_text(self) -> str:
        """The carrier and the tracking number, as far as they are known."""
        return " ".join(filter(None, [self.carrier.name if self.carrier else "", self.tracking]))

    def lines(self) -> list[LineUnits]:
        """Return the lines of the order with the units that were shipped."""
        items: Any = self.order.items.all()
        return lines_with(items, self.units_by_line)


def last_carrier() -> Carrier | None:
    """Return the carrier of the newest shipment that has one, or None if it is not active any more."""
    newest = Shipment.objects.exclude(carrier=None).select_related("carrier").order_by("-pk").first()
    return newest.carrier if newest and newest.carrier and newest.carrier.active else None
