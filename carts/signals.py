"""A cart's totals follow its lines; carts merge when a visitor signs in; new rules hold at once."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver
from django.utils.translation import ngettext

from accounts.models import User
from carts.models import Cart, CartItem
from carts.rates import Rules, ShippingMethod, TaxRate


@receiver(m2m_changed, sender=Cart.products.through, dispatch_uid="cart_products_total")
def update_total_of_products(sender: Any, instance: Any, action: str, **kwargs: Any) -> None:
    """`cart.products.add()` and its kin fire only this."""
    if isinstance(instance, Cart) and action.startswith("post_"):
        instance.update_totals()


@receiver([post_save, post_delete], sender=CartItem, dispatch_uid="cart_item_total")
def update_total_of_line(sender: type[CartItem], instance: CartItem, raw: bool = False, **kwargs: Any) -> None:
    """A new quantity fires only post_save, the deletion of a product only post_delete."""
    if not raw:
        instance.cart.update_totals()


@receiver([post_save, post_delete], sender=ShippingMethod, dispatch_uid="shipping_method_rules")
@receiver([post_save, post_delete], sender=TaxRate, dispatch_uid="tax_rate_rules")
def forget_rules(sender: type[Any], **kwargs: Any) -> None:
    """Now, and again once others can see the change: a look in between would keep the old rules for a minute."""
    Rules.forget()
    transaction.on_commit(Rules.forget)


@receiver(user_logged_in, dispatch_uid="merge_carts")
def merge_carts(sender: Any, request: Any, user: User, **kwargs: Any) -> None:
    """What a visitor put into the cart before signing in is there after; and what the account's held is told."""
    if request is not None:
        request.user = user  # a request that never met the middleware has none
        if count := Cart.objects.merge_on_login(request, user):
            words = ngettext(
                "%(count)d item from your last visit is also in your cart.",
                "%(count)d items from your last visit are also in your cart.",
                count,
            )
            messages.info(request, words % {"count": count}, fail_silently=True)
