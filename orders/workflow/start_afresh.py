"""Start afresh: a guest cancels their unpaid orders, and the browser forgets the guest for its next user."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from accounts import guest_session
from addresses.models import Address
from billing.models import BillingProfile
from carts import guest_carts
from carts.models import Cart
from carts.optional_details import OPTIONAL_DETAILS
from orders.emails.queue import SHOPPER
from orders.models import Order
from orders.workflow import cancellation, order_cards


@dataclass
class Afresh:
    """What happened to the orders that were not paid when the visitor last knew."""

    canceled: list[Order]
    paid: list[Order]
    unknown: list[Order]


def has_guest_data(request: HttpRequest) -> bool:
    """Return whether this visitor is not logged in, and the session knows a guest or orders. Run no query."""
    guest_session.end_if_over(request)
    is_known = guest_session.is_dated(request) or bool(Order.objects.held_numbers(request))
    return is_known and not request.user.is_authenticated


def start_afresh(request: HttpRequest) -> Afresh:
    """Cancel the unpaid orders of this session's guest, then let the session forget the guest.

    An order stays in the session while Stripe's answer about it is unknown. Calling this again finishes the work.
    """
    Cart.objects.remember_current(request)
    orders = list(Order.objects.of_guest_session(request).select_related("billing_profile", "cart"))
    profile = BillingProfile.objects.for_session(request)
    profiles = {order.billing_profile for order in orders} | ({profile} if profile and profile.is_guest else set())
    held = Order.objects.held_numbers(request)
    result = _cancel(
        request, [order for order in orders if order.status in Order.UNPAID_STATES or order.order_id in held]
    )
    guest_session.end(request)
    for guest in profiles:
        _forget_rows(guest)
    order_cards.drop_unsaved_cards(profiles)
    order_cards.detach_cards_of(profile.pk for profile in profiles)
    _change_session_key(request)
    return result


def _cancel(request: HttpRequest, orders: list[Order]) -> Afresh:
    for order in orders:
        cancellation.cancel(order, by=SHOPPER)
        if order.cart and order.status == Order.Status.CANCELED:
            Cart.objects.remember_restored(request, order.cart, order.order_id)
    return Afresh(
        canceled=[order for order in orders if order.status == Order.Status.CANCELED],
        paid=[order for order in orders if order.is_paid],
        unknown=[order for order in orders if order.status in Order.UNPAID_STATES],
    )


def _forget_rows(guest: BillingProfile) -> None:
    """Remove what only future orders of this guest would have used: details of open orders and postal addresses."""
    orders = Order.objects.filter(billing_profile=guest)
    optional: Any = dict.fromkeys(OPTIONAL_DETAILS, "")
    orders.filter(status=Order.Status.OPEN).update(
        shipping_address=None, billing_address=None, active=False, **optional
    )
    used = {pk for pair in orders.values_list("shipping_address", "billing_address") for pk in pair}
    Address.objects.for_profile(guest).exclude(pk__in=used - {None}).delete()


def _change_session_key(request: HttpRequest) -> None:
    """Give the session a new key, so that a request that is still running cannot write the guest back into it."""
    if request.session.session_key:
        request.session.cycle_key()
        guest_carts.move_to_session(request, Order.objects.held_numbers(request))
