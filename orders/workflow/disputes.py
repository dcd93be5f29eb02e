"""Step D: disputes of charges, and inquiries by banks. The shop copies their state from Stripe and alerts staff.

A lost dispute counts like a refund that the shop cannot undo: `Order.amount_lost`.
"""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import answers, gateway
from core.money import format_money, major_units
from core.times import format_datetime
from orders.models import Dispute, Order, OrderEvent
from orders.workflow.alerts import alert_staff
from orders.workflow.shipping.completion import update_shipped

EVENT_PREFIX = "charge.dispute."
MAX_FETCHES = 3
STRIPE = "Stripe"
State = dict[str, Any]  # the columns of a dispute that Stripe can change

S = Dispute.Status
Kind = OrderEvent.Kind
REJECTED_WHILE_OPEN = gettext_lazy(
    "The payment is disputed. Stripe rejects refunds until the dispute is closed. Nothing was refunded."
)
REJECTED_AFTER_LOSS = gettext_lazy(
    "A dispute in another currency was lost, so the shop does not know how much is left. "
    "Refund this order in the Stripe Dashboard."
)


def is_due(order: Order, intent: answers.Intent) -> bool:
    """Return whether the disputes of a settled order must be fetched: it has one at Stripe, or an open one here."""
    return intent.is_disputed or order.disputes.open().exists()


def settle_disputes(order: Order, intent_id: str) -> None:
    """Store the state of every dispute of this order at Stripe. Record each change once and alert staff to it.

    A state is stored only if the row is as it was before the fetch. Otherwise a parallel request stored another state,
    perhaps a newer one, and the disputes are fetched again. Raise GatewayError if Stripe does not answer.
    """
    for _fetch in range(MAX_FETCHES):
        before = {row.stripe_id: _state(row) for row in order.disputes.all()}
        results = gateway.list_disputes(intent_id)
        stored = [_store(order, found, before.get(found.id)) for found in reversed(results)]
        if all(stored):
            return


def refund_obstacle(order: Order) -> str:
    """Return a message for staff that says why disputes prevent a refund of this order, or an empty string."""
    if order.disputes.blocking_refunds().exists():
        return str(REJECTED_WHILE_OPEN)
    return str(REJECTED_AFTER_LOSS) if order.disputes.lost().exclude(currency=order.currency).exists() else ""


def _state(row: Dispute) -> State:
    return {name: getattr(row, name) for name in ("amount", "reason", "status", "is_lost", "due")}


def _state_at_stripe(found: answers.DisputeResult) -> State:
    return {
        "amount": major_units(found.amount, found.currency),
        "reason": found.reason[:80],
        "status": found.status[:40],
        "is_lost": found.status == S.LOST or (found.status == S.PREVENTED and found.is_withdrawn),
        "due": found.due,
    }


def _store(order: Order, found: answers.DisputeResult, before: State | None) -> bool:
    """Store the fetched state of a dispute. Return False if its row has changed since `before`, its earlier state."""
    state = _state_at_stripe(found)
    with transaction.atomic():
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())  # Orders are always written first.
        row = Dispute.objects.filter(stripe_id=found.id).first()
        current = _state(row) if row else None
        if current == state:
            return True
        if current != before:
            return False
        row = _update(row, state) if row else _create(order, found, state)
        _update_amount_lost(order)
        _report(order, row, before)
    return True


def _create(order: Order, found: answers.DisputeResult, state: State) -> Dispute:
    return Dispute.objects.create(
        order=order,
        stripe_id=found.id,
        currency=found.currency,
        opened=found.opened,
        closed=timezone.now() if state["status"] in Dispute.CLOSED else None,
        **state,
    )


def _update(row: Dispute, state: State) -> Dispute:
    closed = (row.closed or timezone.now()) if state["status"] in Dispute.CLOSED else None
    Dispute.objects.filter(pk=row.pk, **_state(row)).update(closed=closed, **state)
    row.refresh_from_db()
    return row


def _update_amount_lost(order: Order) -> None:
    """Set the sum of the lost disputes. The caller has locked the order.

    An amount in another currency cannot be added. Refunds of that order are left to staff.
    """
    lost = order.disputes.lost().filter(currency=order.currency)
    rows = Order.objects.filter(pk=order.pk)
    rows.update(amount_lost=sum((row.amount for row in lost), Decimal(0)))
    if rows.filter(status=Order.Status.PAID).exists():  # An order without a payment that is left is not to ship.
        update_shipped(order, STRIPE)


def _report(order: Order, row: Dispute, before: State | None) -> None:
    """Record a change in the order's history and alert staff."""
    for kind in _event_kinds(row, before):
        order.record(kind, by=STRIPE, text=lazy(_facts, str)(row), language=settings.LANGUAGE_CODE)
    alert_staff(order, lazy(_alert, str)(row), is_new=True)


def _event_kinds(row: Dispute, before: State | None) -> list[str]:
    """Return the kinds of events of a change. A dispute that was closed before the shop saw it has two."""
    opening = Kind.INQUIRY if row.is_inquiry else Kind.DISPUTED
    is_escalated = before is not None and Dispute(**before).is_inquiry and not row.is_inquiry
    kinds: list[str] = [opening] if before is None or is_escalated else []
    if row.is_closed:
        return [*kinds, Kind.DISPUTE_CLOSED]
    return kinds or [Kind.DISPUTE_UPDATED]


def _facts(row: Dispute) -> str:
    """Return the id, state, amount, reason and, while it is open, the due date of a dispute."""
    amount = format_money(row.amount, row.currency)
    facts = [row.stripe_id, str(row.get_status_display()), amount, row.display_reason]
    if row.due and not row.is_closed:
        due = format_datetime(row.due)
        facts.append(_("respond by %(time)s") % {"time": due})
    return ", ".join(filter(None, facts))


def _alert(row: Dispute) -> str:
    facts = {"facts": _facts(row)}
    if row.is_closed:
        return _("A case about the payment was closed: %(facts)s") % facts
    if row.is_inquiry:
        text = _("The bank asks about the payment. Refunds are possible. Answer in the Stripe Dashboard: %(facts)s")
        return text % facts
    return _("The payment is disputed. Respond in the Stripe Dashboard: %(facts)s") % facts
