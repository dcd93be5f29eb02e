"""Alerts about orders that need staff: a mark on the order, an event in its history and an email message."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone, translation
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from billing import answers
from orders.emails import queue
from orders.models import Mail, Order, OrderEvent

logger = logging.getLogger(__name__)


def _interpolate(message: object, params: dict[str, object]) -> str:
    return str(message) % params if params else str(message)


# Return a text with its parameters that is translated when it is needed.
interpolate_lazy = lazy(_interpolate, str)


def alert_staff(order: Order, message: object, is_new: bool = False, **params: object) -> bool:
    """Alert staff about this order. Return False if the same alert was sent before and not acknowledged since.

    `message` can be lazy. It is translated into the shop's language, and `params` are interpolated. The history has it
    in all languages. With `is_new`, send the alert regardless of earlier ones: the caller has just stored the change
    that it reports.
    """
    translated = interpolate_lazy(message, params) if params else message
    with translation.override(settings.LANGUAGE_CODE):
        text = str(translated)[:250]
    with transaction.atomic():
        # This update locks the order, so that parallel requests send one alert.
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())
        acknowledged = order.events.filter(kind=OrderEvent.Kind.ACKNOWLEDGED).aggregate(last=Max("pk"))["last"] or 0
        alerts = order.events.filter(kind=OrderEvent.Kind.ALERTED)
        if not is_new and alerts.filter(text=text, pk__gt=acknowledged).exists():
            return False
        Order.objects.filter(pk=order.pk).update(attention=text)
        order.record(OrderEvent.Kind.ALERTED, by="shop", text=translated, language=settings.LANGUAGE_CODE)
        queue.queue(order, Mail.Kind.ATTENTION, about=str(alerts.latest("pk").pk))
    logger.critical("order %s: %s", order, text)
    return True


@contextmanager
def alerting_to_wrong_objects(order: Order) -> Iterator[None]:
    """Alert staff if Stripe answers a call about this order with an object of another one, and raise the error again.

    The caller has stored and applied nothing of the answer, so a later call can succeed.
    """
    try:
        yield
    except answers.WrongObject:
        alert_staff(order, _("Stripe answered with data of another order or payment. Nothing of it was stored."))
        raise


def acknowledge(order: Order, by: str, shown: str = "") -> bool:
    """Acknowledge the alert of this order. Return False if there was none.

    With `shown`, the text that a page has shown, also return False if there is another alert by now.
    """
    with transaction.atomic():
        alerted = Order.objects.filter(pk=order.pk).exclude(attention="")
        if not (alerted.filter(attention=shown) if shown else alerted).update(attention=""):
            return False
        order.record(OrderEvent.Kind.ACKNOWLEDGED, by=by)
    return True
