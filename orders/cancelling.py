"""Step X, cancel: an unpaid order is given up, at Stripe first, so that no charge can follow."""

import logging
from contextlib import suppress

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from billing import answers, gateway
from orders.alarms import alarm
from orders.closing import close
from orders.models import Order, OrderEvent
from orders.payments import settle_quietly

logger = logging.getLogger(__name__)


def cancel(order: Order, by: str) -> None:
    """Give an unpaid order up: no charge can follow, the goods go back. Stays `canceling` while Stripe is silent."""
    _begin_cancel(order, by)
    finish_cancel(order)


def _begin_cancel(order: Order, by: str) -> None:
    with transaction.atomic():
        placed = Order.objects.filter(pk=order.pk, status=Order.Status.PLACED)
        if placed.update(status=Order.Status.CANCELING):
            order.record(OrderEvent.Kind.CANCELING, by=by)


def finish_cancel(order: Order) -> None:
    """Bring a `canceling` order to its end, canceled or paid, whichever Stripe says; repeated until it is."""
    order.refresh_from_db()
    if order.status != Order.Status.CANCELING:
        return
    if not order.payment_intent_id:
        close(order)
        return
    try:
        gateway.cancel_intent(order.payment_intent_id)
    except answers.StateChanged:
        pass  # paid, or cancelled before: settle sees which
    except answers.Missing:
        alarm(
            order,
            _("Stripe does not know this order's payment: staff must check the order before it can be cancelled."),
        )
        return
    except answers.GatewayError as error:
        logger.warning("order %s is still being canceled: %s", order, error)
        return
    settle_quietly(order)


def cancel_unknown(order: Order, by: str) -> bool:
    """Staff's way out where Stripe does not know the intent (the account was changed); False if it does know it.

    Raises GatewayError if Stripe does not answer.
    """
    if not order.payment_intent_id:
        cancel(order, by)
        return True
    with suppress(answers.Missing):
        gateway.retrieve_intent(order.payment_intent_id)
        return False
    _begin_cancel(order, by)
    close(order)  # nothing happens if it has another intent by now
    return True
