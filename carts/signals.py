"""Signal receivers for carts: update totals and merge carts at sign-in."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import ngettext

from accounts.guest_session import guest_session_ended
from accounts.models import User
from carts import details_draft, guest_carts
from carts.models import Cart, CartItem


@receiver(m2m_changed, sender=Cart.products.through, dispatch_uid="cart_products_total")
def update_totals_for_products(sender: Any, instance: Any, action: str, **kwargs: Any) -> None:
    """Update the totals after `cart.products.add()` and similar calls, which send only m2m_changed."""
    if isinstance(instance, Cart) and action.startswith("post_"):
        instance.update_totals()


@receiver([post_save, post_delete], sender=CartItem, dispatch_uid="cart_item_total")
def update_totals_for_line(
    sender: type[CartItem], instance: CartItem, raw: bool = False, origin: Any = None, **kwargs: Any
) -> None:
    """Update the totals when a line is saved or deleted, unless the cart itself is deleted (`origin`).

    A new quantity sends only post_save, and the deletion of a product sends only post_delete.
    """
    if not raw and getattr(origin, "model", type(origin)) is not Cart:
        instance.cart.update_totals()


@receiver(user_logged_in, dispatch_uid="merge_carts")
def merge_carts(sender: Any, request: Any, user: User, **kwargs: Any) -> None:
    """Merge the visitor's cart into the user's cart. Report how many items it already had, and what did not fit."""
    if request is not None:
        request.user = user  # a request that did not pass the middleware has no user
        if count := Cart.objects.merge_on_login(request, user):
            message = ngettext(
                "%(count)d item from your last visit is also in your cart.",
                "%(count)d items from your last visit are also in your cart.",
                count,
            )
            messages.info(request, message % {"count": count}, fail_silently=True)
            if (cart := Cart.objects.from_request(request)) and (left_out := cart.take_left_out()):
                messages.warning(request, left_out, fail_silently=True)


@receiver(guest_session_ended, dispatch_uid="carts.forget_guest")
def forget_guest_choices(request: HttpRequest, **kwargs: Any) -> None:
    guest_carts.forget_choices(request)
    details_draft.forget(request)
