"""The end of an order that nobody paid: what it held goes back."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from carts.models import Cart
from orders import mails
from orders.models import Order, OrderEvent, Payment


def close(order: Order) -> None:
    """canceling -> canceled, with the goods back on the shelf and the lines back in the cart, in one transaction."""
    with transaction.atomic():
        if order.cart:
            Cart.objects.restore(order.cart)  # first: carts, orders, discounts, products, in this order everywhere
        canceling = Order.objects.filter(
            pk=order.pk, status=Order.Status.CANCELING, payment_intent_id=order.payment_intent_id
        )
        if canceling.update(status=Order.Status.CANCELED, active=False):
            order.payments.filter(status__in=Payment.OPEN).update(status=Payment.Status.CANCELED)
            if order.discount:
                order.discount.give_back()  # once, as this update of the order happens once
            for item in order.items.select_related("product").order_by("product_id"):
                item.product.give_back(order.order_id)
            is_charged = order.payments.filter(status=Payment.Status.SUCCEEDED).exists()
            order.record(OrderEvent.Kind.CANCELED, text="" if is_charged else _("nothing was charged"))
            mails.tell_canceled(order)
        else:
            transaction.set_rollback(True)  # somebody else closed it, or it was paid
    order.refresh_from_db()
