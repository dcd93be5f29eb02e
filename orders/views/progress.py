"""How far an order is, for its page and the thank-you page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.shop.current import current_shop
from orders.models import Order, Shipment

SHOWN = (Order.Status.PLACED, Order.Status.PAID, Order.Status.SHIPPED)


@dataclass(frozen=True)
class Step:
    """A step of an order. `at` is None until it is done."""

    label: str
    at: datetime | None = None
    is_current: bool = False


def progress_context(order: Order, is_new: bool = False) -> dict[str, Any]:
    """Return the steps of the order, what comes next, and its shipments with the lines that will follow.

    An order that was canceled or refunded has no steps. A new order, which was just paid, has no shipments.
    """
    shipments = list(order.shipments.select_related("carrier")) if order.is_paid and not is_new else []
    to_follow = order.lines_to_ship() if shipments else []
    if order.status not in SHOWN:
        return {"shipments": shipments, "lines_to_follow": to_follow, "steps": [], "next_step": ""}
    steps = _steps(order, shipments, is_complete=bool(shipments) and not to_follow)
    return {
        "shipments": shipments,
        "lines_to_follow": to_follow,
        "steps": steps,
        "next_step": _next_step(order, shipments, bool(to_follow), is_delivered=steps[-1].at is not None),
    }


def _steps(order: Order, shipments: Sequence[Shipment], is_complete: bool) -> list[Step]:
    delivered = [shipment.delivered_at for shipment in shipments]
    arrived = [at for at in delivered if at is not None]
    moments = [
        (_("Ordered"), order.placed_at),
        (_("Paid"), order.paid_at),
        (_("Shipped") if is_complete or not shipments else _("Partly shipped"), _last(shipments)),
        (_("Delivered"), max(arrived) if is_complete and len(arrived) == len(delivered) else None),
    ]
    current = next((label for label, at in reversed(moments) if at), "")
    return [Step(label, at, is_current=label == current) for label, at in moments]


def _last(shipments: Sequence[Shipment]) -> datetime | None:
    return max((shipment.shipped_at for shipment in shipments), default=None)


def _next_step(order: Order, shipments: Sequence[Shipment], is_partial: bool, is_delivered: bool) -> str:
    """Return a sentence about what happens next. The page of an unpaid order says itself what to do."""
    if not order.paid_at or is_delivered:
        return ""
    if is_partial:
        return _("The rest follows. You get an email with each parcel.")
    if shipments:
        return _("Your parcel is on its way.")
    if days := current_shop().dispatch_days:
        text = ngettext(
            "We ship your order within %(days)d day and send you an email then.",
            "We ship your order within %(days)d days and send you an email then.",
            days,
        )
        return text % {"days": days}
    return _("We pack your order and send you an email when it is on its way.")
