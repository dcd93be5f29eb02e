"""Notes of staff about orders."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.models import Order, OrderNote


class NoteRejected(Exception):
    """Raised if no note can be added, with a message for staff."""


def add_note(order: Order, text: str, by: str) -> bool:
    """Add a note to the order. Return False if it has just been added: a button can be pressed twice.

    Raise NoteRejected for an erased order, because nothing would ever erase the note.
    """
    with transaction.atomic():
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())  # This locks the order.
        order.refresh_from_db()
        if not order.email:
            raise NoteRejected(_("The personal data of this order was erased."))
        last = order.notes.first()
        if last and (last.text, last.by) == (text, by[:254]):
            return False
        OrderNote.objects.create(order=order, text=text, by=by[:254])
    return True
