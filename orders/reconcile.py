"""Finishes what a killed process, a lost answer or an absent shopper left unfinished; safe in parallel with itself."""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from billing import gateway
from orders import mails, payments
from orders.models import Order, Payment

logger = logging.getLogger(__name__)
SETTLE_AFTER = timedelta(minutes=2)


def reconcile() -> dict[str, int]:
    """Settle open attempts, finish cancellations, expire what was not paid, send waiting mails; how many of each."""
    old = timezone.now() - SETTLE_AFTER
    attempts = Payment.objects.filter(status__in=Payment.OPEN, timestamp__lt=old).values("order")
    canceling = Order.objects.filter(status=Order.Status.CANCELING)
    return {
        "attempts settled": _each(Order.objects.filter(pk__in=attempts), payments.settle),
        "cancellations finished": _each(canceling, payments.finish_cancel),
        "orders expired": _each(Order.objects.stale(), lambda order: payments.cancel(order, by="expiry")),
        "mails sent": sum(mails.send(mail) for mail in mails.waiting()),
    }


def _each(orders: QuerySet[Order], work: Callable[[Order], object]) -> int:
    """Do `work` for each order; one that fails stops no other. The number that went well."""
    done = 0
    for order in orders:
        try:
            work(order)
            done += 1
        except gateway.GatewayError as error:
            logger.warning("order %s is left for the next round: %s", order, error)
        except Exception:  # whatever is wrong with one order, the others are looked after
            logger.exception("order %s is left for the next round", order)
    return done
