"""Signal receivers for orders."""

from functools import partial
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.guest_session import guest_session_ended
from accounts.models import User
from addresses.models import Address
from carts import guest_carts
from carts.models import Cart
from core.background.tasks import has_workers, start
from core.emails.outbox import queued
from orders.bookkeeping.tasks import send_due_emails
from orders.models import Order
from orders.numbers import new_order_id
from orders.workflow import guests
from orders.workflow.erasure.notes import clear_log


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


@receiver(queued, dispatch_uid="send_queued_emails")
def send_queued_emails(sender: Any, **kwargs: Any) -> None:
    """Let a worker send the email soon after the commit. Without workers, reconcile sends it.

    No page sends it, because visitors would wait for the mail server, and see by the time who has an account.
    """
    if has_workers():
        transaction.on_commit(partial(start, send_due_emails))


@receiver(post_delete, sender=Address, dispatch_uid="clear_log_about_address")
def clear_log_about_address(sender: type[Address], instance: Address, **kwargs: Any) -> None:
    """Remove a deleted address from the log. Nothing would tell later whose it was."""
    clear_log(Address, [instance.pk])


@receiver(guest_session_ended, dispatch_uid="orders.forget_guest")
def forget_guest_orders(request: HttpRequest, **kwargs: Any) -> None:
    """Remove the guest's orders from the session. For unpaid ones, which stay, also forget what the cart was for."""
    guest_carts.forget_choices_of_orders(Order.objects.forget_guest(request))


@receiver(user_logged_in, dispatch_uid="guest_checkout_at_sign_in")
def keep_checkout(sender: Any, request: Any, user: User, **kwargs: Any) -> None:
    """Keep the details that were entered for this checkout, and forget the finished orders of another person."""
    if request is not None:
        guests.keep_details(request, user)
        Order.objects.forget_others(request, user)


@receiver(user_logged_in, dispatch_uid="give_unpaid_carts_to_user")
def give_unpaid_carts_to_user(sender: Any, request: Any, user: User, **kwargs: Any) -> None:
    """Give the user the closed carts of the unpaid orders that this session placed as a guest.

    Sign-in changes the session key. Otherwise the lines of an order that expires would come back to a cart that cannot
    be found.
    """
    if request is not None:
        unpaid = Order.objects.placed_in_session(request).unpaid()
        Cart.objects.give_closed_to_user(unpaid.values("cart"), user)
