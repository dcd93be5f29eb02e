"""The audit check of cards that their shoppers did not choose to save."""

from collections.abc import Iterator
from datetime import datetime

from billing.models import Card
from orders.bookkeeping.audits.findings import AuditFinding
from orders.workflow import order_cards


def unsaved_cards(late: datetime) -> Iterator[AuditFinding]:
    """Return findings of I23: a card that is not saved is removed when its order ends, and detached at Stripe.

    Reconcile has done what was due before `late`.
    """
    for card in order_cards.of_ended_orders():
        yield AuditFinding("I23", f"card {card.pk}", f"is kept, although its order {card.order_number} has ended")
    for card in order_cards.without_order(late - Card.UNSAVED_FOR):
        yield AuditFinding("I23", f"card {card.pk}", "is not saved and was entered too long ago without an order")
    for card in order_cards.due_to_detach().filter(removed_at__lt=late):
        yield AuditFinding("I23", f"card {card.pk}", "was removed, but not yet at Stripe")
