"""Signal receivers for orders."""

from typing import Any

from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver

from carts.models import Cart
from orders.models import Order
from orders.models.order import new_order_id


@receiver(pre_save, sender=Order, dispatch_uid="order_number")
def set_order_id(sender: type[Order], instance: Order, raw: bool = False, **kwargs: Any) -> None:
    if not raw and not instance.order_id:
        instance.order_id = new_order_id()


@receiver(post_save, sender=Cart, dispatch_uid="order_follows_cart")
def copy_cart_totals(sender: type[Cart], instance: Cart, raw: bool = False, **kwargs: Any) -> None:
    """Copy the totals of a cart to its open order.

    Only a cart that reached the checkout has a billing profile, and only then can it have an open order.
    """
    if not raw and instance.billing_profile_id:
        Order.objects.copy_totals(instance)
