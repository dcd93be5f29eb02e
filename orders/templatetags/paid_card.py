"""The card that paid an order: {% load paid_card %}{{ order|paid_card }}."""

from django import template

from billing.models import Card
from orders.models import Order

register = template.Library()


@register.filter
def paid_card(order: Order) -> Card | None:
    """Return the card of the charge, or None if the order is not paid or the card is no longer stored."""
    payment = order.payments.succeeded().select_related("card").first() if order.paid_at else None
    return payment.card if payment else None
