"""Tests that a single order is found for exactly the visitors whose orders contain it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone

from accounts import guest_session
from accounts.models import User
from billing.models import BillingProfile
from billing.models.profile import PROFILE_KEY
from orders.models import Order
from orders.models.visitor import MAX_SESSION_ORDERS
from orders.views.unpaid_orders import UnpaidOrders
from tests.makers import make_open_order, make_paid_order, make_user
from tests.visitors import make_request

pytestmark = pytest.mark.django_db


def guest_request(order: Order) -> HttpRequest:
    """Return a request of the guest whose profile the order has."""
    request = make_request(**{PROFILE_KEY: order.billing_profile_id})
    request.user = AnonymousUser()
    guest_session.record_change(request)
    return request


def deactivate(order: Order) -> None:
    BillingProfile.objects.filter(pk=order.billing_profile_id).update(active=False)


def erase(order: Order) -> None:
    BillingProfile.objects.filter(pk=order.billing_profile_id).update(forgotten=timezone.now())


def give_to_user(order: Order) -> None:
    user = make_user("bo@example.org")
    BillingProfile.objects.filter(user=user).delete()
    BillingProfile.objects.filter(pk=order.billing_profile_id).update(user=user)


def change_nothing(order: Order) -> None:
    """Leave the order as it is."""


@pytest.mark.parametrize(
    ("change", "is_found"), [(change_nothing, True), (deactivate, False), (erase, False), (give_to_user, False)]
)
@pytest.mark.parametrize("make", [make_open_order, make_paid_order])
def test_order_is_found_for_its_guest(make: Callable[[], Order], change: Any, is_found: bool) -> None:
    order = make()
    request = guest_request(order)
    change(order)
    found = Order.objects.find_for_visitor(request, order.order_id)
    assert (found == order, found) == (is_found, Order.objects.for_visitor(request).first())


def test_order_is_not_found_for_another_guest() -> None:
    order, other = make_paid_order(), make_paid_order()
    assert Order.objects.find_for_visitor(guest_request(other), order.order_id) is None


def test_order_is_not_found_for_the_next_user_of_the_browser() -> None:
    order = make_paid_order()
    request = guest_request(order)
    request.user = make_user("bo@example.org")
    assert Order.objects.find_for_visitor(request, order.order_id) is None


def test_order_of_the_session_or_of_a_link_is_found() -> None:
    order, linked = make_paid_order(), make_paid_order()
    request = make_request()
    Order.objects.remember(request, order)
    Order.objects.remember_link(request, linked.order_id, linked.link_version)
    assert [Order.objects.find_for_visitor(request, row.order_id) for row in (order, linked)] == [order, linked]


def test_order_is_found_for_its_user() -> None:
    user: User = make_user("bo@example.org")
    order = make_paid_order(account=user)
    assert Order.objects.find_for_visitor(make_request(user), order.order_id) == order


@pytest.mark.parametrize("number", ["", "NO-SUCH", "x" * 300])
def test_unknown_number_is_not_found(number: str) -> None:
    assert Order.objects.find_for_visitor(guest_request(make_paid_order()), number) is None


def test_session_with_more_orders_than_it_should_have_names_the_newest() -> None:
    newest = make_open_order(status=Order.Status.PLACED)
    request = make_request(order_ids=[*(f"NUMBER{number}" for number in range(MAX_SESSION_ORDERS)), newest.order_id])
    guest_session.record_order(request)
    assert [unpaid.order for unpaid in UnpaidOrders(request).all] == [newest]
