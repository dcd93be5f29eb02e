"""What only people can put right: the order is marked, its history says so, and staff get a mail."""

import logging

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone, translation

from orders import mails
from orders.models import Mail, Order, OrderEvent

logger = logging.getLogger(__name__)


def alarm(order: Order, words: object, **facts: object) -> bool:
    """Tell staff about this order; False if they were told the same and nobody has had a look since.

    `words` may be lazy: staff read them in the shop's language, with the `facts` put in.
    """
    with translation.override(settings.LANGUAGE_CODE):
        text = (str(words) % facts if facts else str(words))[:250]
    with transaction.atomic():
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())  # others wait: told once, not twice
        seen = order.events.filter(kind=OrderEvent.Kind.LOOKED_AT).aggregate(last=Max("pk"))["last"] or 0
        if order.events.filter(kind=OrderEvent.Kind.TOLD_STAFF, text=text, pk__gt=seen).exists():
            return False
        Order.objects.filter(pk=order.pk).update(attention=text)
        order.record(OrderEvent.Kind.TOLD_STAFF, by="shop", text=text)
        mails.queue(order, Mail.Kind.ATTENTION, about=str(order.events.count()))
    logger.critical("order %s: %s", order, text)
    return True


def looked_at(order: Order, by: str) -> bool:
    """Staff saw to it: the mark goes; False if there was none."""
    with transaction.atomic():
        if not Order.objects.filter(pk=order.pk).exclude(attention="").update(attention=""):
            return False
        order.record(OrderEvent.Kind.LOOKED_AT, by=by)
    return True
