"""Returning refunded units to stock: with their refund, or later, when the parcel has arrived.

`Refund.restock` has the units of each line. Refunds whose `is_restocked` is true returned them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.page_cache.versions import collect_touches
from orders.models import Order, OrderEvent, Refund
from orders.models.item import by_line
from orders.models.units import Units, refunded_units, units_left, units_text

SETTLED = (Refund.Status.PENDING, Refund.Status.DONE)  # Stripe accepted the refund, so its units may be in stock


class RestockRejected(Exception):
    """Raised if units cannot be returned to stock, with a message for staff. Nothing was changed."""


def restockable_units(order: Order) -> Units:
    """Return the number of units that can still be restocked, by order line id.

    Units of a failed refund count as restocked if they were returned to stock before it failed.
    """
    return _restockable(order, Refund.objects.filter(payment__order=order))


def _restockable(order: Order, refunds: Iterable[Refund]) -> Units:
    back = _restocked(row for row in refunds if row.status != Refund.Status.FAILED or row.is_restocked)
    return {item.pk: item.quantity - back[item.pk] for item in order.items.all()}


def unshipped_units(order: Order) -> Units:
    """Return the units of each line that were neither refunded nor shipped. They are in the shop's hands."""
    return units_left(order.refundable_units(), order.shipped_units())


def returnable_units(order: Order, rows: list[Refund] | None = None) -> Units:
    """Return the units of each line that were refunded, but not returned to stock.

    If a refund names no units, such as one that was made in Stripe's dashboard, the shipped units count as well.
    Pass all refunds of the order as `rows` if they are read already.
    """
    if rows is None:
        rows = list(Refund.objects.filter(payment__order=order))
    refunds = [row for row in rows if row.status in SETTLED and not row.is_mismatch]
    if not refunds:
        return {}
    sold, refunded = order.units_sold(), refunded_units(refunds)
    if order.status == Order.Status.REFUNDED:
        refunded = Counter(sold)
    elif not all(row.units for row in refunds):
        refunded.update(order.shipped_units())
    back, most = _restocked(refunds), _restockable(order, rows)
    not_back = Counter({line: min(refunded[line], units) for line, units in sold.items()}) - back
    return {line: min(not_back[line], units) for line, units in most.items()}


def restocked_text(order: Order) -> str:
    """Return what was returned to stock so far as a text, for a hidden field."""
    back = _restocked(Refund.objects.filter(payment__order=order, is_restocked=True))
    return units_text({str(line): units for line, units in back.items() if units})


def restock(order: Order, units: Units, shown: str, by: str) -> Units:
    """Return refunded units to stock. Return the units of each line that were added to the stock of their product.

    `shown` is the `restocked_text` of the page on which staff decided. Of two who return the same units, only one is
    accepted. Raise RestockRejected and change nothing if the units cannot be returned.
    """
    with transaction.atomic(), collect_touches():
        # This update locks the order. Refunds change only while it is locked.
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())
        order.refresh_from_db()
        if shown != restocked_text(order):
            raise RestockRejected(_("Units of this order were returned to stock in the meantime. Please check again."))
        if not any(units.values()):
            raise RestockRejected(_("Enter how many units to return to stock."))
        if not are_within(units, returnable_units(order)):
            raise RestockRejected(_("You cannot return more units to stock than were refunded."))
        back = return_units(order, units, by)
        if not any(back.values()):
            raise RestockRejected(_("The stock of these products is not counted. Nothing was changed."))
        _store(order, back)
        titles = {item.pk: item.title for item in order.items.all()}
        text = ", ".join(f"{number} × {titles[line]}" for line, number in back.items() if number)
        order.record(OrderEvent.Kind.RESTOCKED, by=by, text=text)
    return back


def return_units(order: Order, units: Mapping[int, int], by: str) -> Units:
    """Add refunded units of the order to the stock of their products, by their ids, to avoid deadlocks.

    Return the units of each line that were added: 0 for stock that is no longer counted.
    """
    items = order.items.filter(pk__in=units).select_related("product").order_by("product_id")
    return {item.pk: item.product.release(order.order_id, units[item.pk], by, is_return=True) for item in items}


def are_within(units: Mapping[int, int], most: Mapping[int, int]) -> bool:
    """Return whether no line has fewer than zero or more than `most` units."""
    return all(0 <= number <= most.get(line, 0) for line, number in units.items())


def _settled(order: Order) -> QuerySet[Refund]:
    return Refund.objects.filter(payment__order=order, status__in=SETTLED, is_mismatch=False)


def _restocked(refunds: Iterable[Refund]) -> Counter[int]:
    return sum((by_line(row.restock) for row in refunds), Counter[int]())


def _store(order: Order, back: Units) -> None:
    """Add units that are back in stock to the refunds of these units, and what is left to the last refund."""
    left, refunds = +Counter(back), list(_settled(order))
    for row in refunds:
        part = left if row is refunds[-1] else left & (by_line(row.units) - by_line(row.restock))
        if part:
            stored = by_line(row.restock) + part
            restock = {str(line): units for line, units in stored.items()}
            Refund.objects.filter(pk=row.pk).update(restock=restock, is_restocked=True)
            left = left - part
