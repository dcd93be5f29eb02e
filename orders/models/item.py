"""The lines of an order, and some of their units."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.database.prepared import PreparedQuery
from core.models import GuardedModel
from orders.models import columns
from orders.models.columns import MONEY, PERCENT
from products.models import Product
from products.models.product import WITHDRAWAL_DAYS


class OrderItem(GuardedModel):
    """A line of a placed order, frozen as it was sold."""

    columns = columns.ORDER_ITEM

    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="items", verbose_name=_("order"))
    product = models.ForeignKey(Product, models.PROTECT, related_name="order_items", verbose_name=_("product"))
    sku = models.CharField(_("SKU"), max_length=40)
    title = models.CharField(_("title"), max_length=150)
    unit_price = models.DecimalField(_("unit price"), **MONEY)
    quantity = models.PositiveSmallIntegerField(_("quantity"))
    discount_total = models.DecimalField(
        _("discount"),
        **MONEY,
        default=Decimal(0),
        help_text=_("Share of the order discount. The total is before this discount."),
    )
    tax_rate = models.DecimalField(_("tax rate in percent"), **PERCENT, default=Decimal(0))
    tax_total = models.DecimalField(_("tax"), **MONEY, default=Decimal(0))
    total = models.DecimalField(_("total"), **MONEY)

    withdrawal_days = models.PositiveSmallIntegerField(
        _("withdrawal period in days"), default=WITHDRAWAL_DAYS, db_default=WITHDRAWAL_DAYS
    )
    withdrawal_exclusion = models.CharField(
        _("reason without right of withdrawal"), max_length=200, blank=True, default="", db_default=""
    )

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")

    def __str__(self) -> str:
        return f"{self.quantity} x {self.title}"


WITH_PRODUCTS = PreparedQuery(
    lambda order: OrderItem.objects.filter(order=order).select_related("product").order_by("pk"), order=int
)


class LineUnits(NamedTuple):
    """Some units of an order line."""

    item: OrderItem
    units: int


def by_line(stored: Mapping[str, int]) -> Counter[int]:
    """Return the units of a JSON column, whose keys are texts."""
    return Counter({int(line): units for line, units in stored.items()})


def lines_with(items: Iterable[OrderItem], units: Mapping[int, int]) -> list[LineUnits]:
    """Return the lines that have some of these units."""
    return [LineUnits(item, units[item.pk]) for item in items if units.get(item.pk)]
