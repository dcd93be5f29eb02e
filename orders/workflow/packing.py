"""Which orders can be packed without a closer look, for work on many orders at once."""

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.translation import gettext as _

from orders.models import Order
from orders.models.units import LineUnits


class Packable(NamedTuple):
    """An order to pack, with its lines that have units to ship."""

    order: Order
    lines: list[LineUnits]


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
        lines = order.lines_to_ship()
        if reason := packing_obstacle(order, bool(lines), order.pk in disputed):
            params = {"order": order, "status": order.get_status_display(), "attention": order.attention}
            left_out.append(Unpackable(order, reason % params))
        else:
            packable.append(Packable(order, lines))
    return packable, left_out


def packing_obstacle(order: Order, has_units: bool, is_disputed: bool) -> str:
    """Return why the order is left out, with placeholders for the order, its status and its alert, or ""."""
    if order.attention:
        return _("%(order)s needs attention: %(attention)s")
    if is_disputed:
        return _("%(order)s: its payment is disputed. If you want to ship it, open the order.")
    if order.status != Order.Status.PAID:
        return _("%(order)s cannot be shipped: %(status)s.")
    if order.withdrawals.awaiting_assignment().exists():
        return _("%(order)s cannot be shipped: assign the items of its withdrawal first.")
    if not order.shipping_address_text:
        return _("%(order)s has no postal address.")
    return "" if has_units else _("%(order)s cannot be shipped: no units are left to ship.")
