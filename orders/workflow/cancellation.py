"""Step X, cancellation of an unpaid order: at Stripe first, so that no charge can follow."""

import logging
from contextlib import suppress

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from billing import answers, gateway
from billing.stripe_calls import admission
from orders.models import Order, OrderEvent
from orders.workflow.alerts import alert_staff, alerting_to_wrong_objects
from orders.workflow.payments import settle_quietly
from orders.workflow.release import release_order

logger = logging.getLogger(__name__)


def cancel(order: Order, by: str) -> bool:
    """Cancel an unpaid order: prevent any further charge, then release its stock.

    The order stays `canceling` while Stripe does not answer. Return whether this call requested the cancellation.
    """
    is_first = _begin_cancellation(order, by)
    finish_cancellation(order)
    return is_first


def _begin_cancellation(order: Order, by: str) -> bool:
    with transaction.atomic():
        placed = Order.objects.filter(pk=order.pk, status=Order.Status.PLACED)
        is_first = bool(placed.update(status=Order.Status.CANCELING))
        if is_first:
            order.record(OrderEvent.Kind.CANCELING, by=by)
    return is_first


def finish_cancellation(order: Order) -> None:
    """Bring a `canceling` order to its final status, canceled or paid, depending on its intent at Stripe.

    The order stays `canceling` if Stripe does not answer; reconcile calls this function again.
    """
    order.refresh_from_db()
    if order.status != Order.Status.CANCELING:
        return
    if not order.payment_intent_id:
        release_order(order)
        return
    try:
        with admission.admitted(), alerting_to_wrong_objects(order):
            _cancel_intent(order, order.payment_intent_id)
    except answers.Missing:
        alert_staff(
            order,
            _("Stripe does not know this order's payment: staff must check the order before it can be cancelled."),
        )
        return
    except answers.GatewayError as error:
        logger.warning("order %s is still being canceled: %s", order, error)


def _cancel_intent(order: Order, intent_id: str) -> None:
    with suppress(answers.StateChanged):  # The intent is paid or already canceled; settling finds out which.
        gateway.cancel_intent(intent_id)
    settle_quietly(order)


def cancel_missing_intent(order: Order, by: str) -> bool:
    """Cancel an order whose intent Stripe does not know, for example because the Stripe account was changed.

    Return False if Stripe knows the intent. Raise GatewayError if Stripe does not answer.
    """
    if not order.payment_intent_id:
        cancel(order, by)
        return True
    with suppress(answers.Missing):
        gateway.retrieve_intent(order.payment_intent_id)
        return False
    _begin_cancellation(order, by)
    release_order(order)  # This does nothing if the order has another intent by now.
    return True
