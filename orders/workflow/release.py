"""The last step of a cancellation: release everything that the order reserved."""

from collections.abc import Sequence

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from carts.models import Cart
from core.page_cache.versions import collect_touches
from orders.emails import queue
from orders.models import Order, OrderEvent, Payment
from orders.workflow import order_cards


def release_order(order: Order) -> None:
    """Change the status from canceling to canceled, release the stock and restore the cart, in one transaction.

    Change nothing if another process canceled the order first or it was paid.
    """
    with transaction.atomic(), collect_touches():
        # The cart is read again, because the visitor may have signed in or been erased since.
        if closed := Cart.objects.filter(pk=order.cart_id or 0).first():
            # Rows are always written in the order carts, orders, discounts, products, versions to avoid deadlocks.
            Cart.objects.restore(closed, order.order_id)
        canceling = Order.objects.filter(
            pk=order.pk, status=Order.Status.CANCELING, payment_intent_id=order.payment_intent_id
        )
        if canceling.update(status=Order.Status.CANCELED, active=False):
            if order.payments.filter(status__in=Payment.OPEN).update(status=Payment.Status.CANCELED):
                order_cards.record_bank_check(order, ok=False)  # a bank check that nobody finished
            if order.discount:
                order.discount.release_use()  # This runs once, because the update above succeeds once.
            for item in order.items.select_related("product").order_by("product_id"):
                item.product.release(order.order_id)
            is_charged = order.payments.succeeded().exists()
            order.record(OrderEvent.Kind.CANCELED, text="" if is_charged else _("nothing was charged"))
            order_cards.end_cards(order)
            queue.queue_cancellation_email(order)
        else:
            transaction.set_rollback(True)  # Another process canceled it, or it was paid.
    order.refresh_from_db()
    order_cards.detach_cards(order)


def restored_messages(request: HttpRequest, numbers: Sequence[str]) -> list[str]:
    """Return a message for the shopper for each of these orders, whose lines came back to the cart.

    Leave out the orders of a guest whom the browser has forgotten.
    """
    shown = set(numbers) - set(Order.objects.held_numbers(request))
    orders = Order.objects.filter(order_id__in=shown, status=Order.Status.CANCELED).order_by("pk")
    return [_restored_message(order) for order in orders]


def _restored_message(order: Order) -> str:
    params = {"number": order.order_id}
    if queue.canceled_by(order) == queue.EXPIRY:
        return (
            gettext("Order %(number)s was cancelled because it was not paid in time. Its items are back in your cart.")
            % params
        )
    return gettext("Order %(number)s was cancelled. Its items are back in your cart.") % params
