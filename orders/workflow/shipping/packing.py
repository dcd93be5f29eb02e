"""Which orders can be packed without a closer look, for work on many orders at once."""

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.translation import gettext as _

from orders.models import Order
from orders.models.item import LineUnits
from orders.models.units import units_text
from orders.workflow.shipping.shipments import shipping_obstacle


class Packable(NamedTuple):
    """An order to pack, with its lines that have units to ship."""

    order: Order
    lines: list[LineUnits]

    @property
    def address(self) -> str:
        """The name and the postal address in one line."""
        return ", ".join(filter(None, map(str.strip, self.order.shipping_address_text.splitlines())))

    @property
    def shown(self) -> str:
        """The units to ship, as `ship` compares them with those that are left."""
        return units_text({str(line.item.pk): line.units for line in self.lines})


class Unpackable(NamedTuple):
    """An order that is left out, and a sentence for staff that names it and says why."""

    order: Order
    reason: str


def split_to_pack(orders: Iterable[Order]) -> tuple[list[Packable], list[Unpackable]]:
    """Return the orders that can be packed, and those that staff have to open first or that have nothing to ship."""
    rows = list(orders)
    disputed = set(Order.objects.disputed().filter(pk__in=[order.pk for order in rows]).values_list("pk", flat=True))
    packable, left_out = [], []
    for order in rows:
        if reason := _obstacle(order, order.pk in disputed):
            params = {"order": order, "status": order.get_status_display(), "attention": order.attention}
            left_out.append(Unpackable(order, reason % params))
        else:
            packable.append(Packable(order, order.lines_to_ship()))
    return packable, left_out


def _obstacle(order: Order, is_disputed: bool) -> str:
    """Return why the order is left out, with placeholders for the order, its status and its alert, or ""."""
    if order.status == Order.Status.PAID and order.attention:
        return _("%(order)s needs attention: %(attention)s")
    if order.status == Order.Status.PAID and is_disputed:
        return _("%(order)s: its payment is disputed. If you want to ship it, open the order.")
    if obstacle := shipping_obstacle(order):
        return obstacle
    return "" if order.shipping_address_text else _("%(order)s has no postal address.")
