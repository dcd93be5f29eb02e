"""What all corrections of an order share: when they are possible, the lock, and the checksum."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.bookkeeping.checksum import checksum_of, is_intact
from orders.models import Correction, Order, OrderEvent, OrderWords


class CorrectionRejected(Exception):
    """Raised if a correction is not possible, with a message for staff. Nothing was changed."""


def fingerprint(text: str) -> str:
    """Return a short text for a hidden field that tells whether a value is still the one that a page has shown."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def obstacle(order: Order) -> str:
    """Return why this order cannot be corrected, or an empty string. It can be until its last units are shipped."""
    if not order.email:
        return _("The personal data of this order was erased.")
    if order.status != Order.Status.PAID or not any(order.units_to_ship().values()):
        return _("Only a paid order with units left to ship can be corrected.")
    if not is_intact(order):  # A new checksum would hide what an audit has to find.
        return _("This order was changed after it was placed. An operator has to check it first.")
    return ""


@contextmanager
def correcting(order: Order) -> Iterator[None]:
    """Lock the order and check that it can be corrected. After the block, renew its checksum and its search words.

    Raise CorrectionRejected if it cannot.
    """
    rows = Order.objects.filter(pk=order.pk)
    with transaction.atomic():
        rows.update(updated=timezone.now())  # This locks the order: it is not shipped or corrected in the meantime.
        order.refresh_from_db()
        if reason := obstacle(order):
            raise CorrectionRejected(reason)
        yield
        order.refresh_from_db()
        rows.update(checksum=checksum_of(order))
        OrderWords.objects.store(rows)
    order.refresh_from_db()


def check_shown(value: str, shown: str) -> None:
    """Raise CorrectionRejected unless a page has shown this value: somebody else has corrected it since."""
    if fingerprint(value) != shown:
        raise CorrectionRejected(_("Somebody else corrected this in the meantime. Nothing was changed."))


def record(order: Order, kind: Correction.Kind, old: str, new: str, by: str) -> None:
    """Store the correction, and add an event without the values to the order's history."""
    Correction.objects.create(order=order, kind=kind, old=old, new=new, by=by[:254])
    order.record(OrderEvent.Kind.CORRECTED, by=by, text=kind.label)
