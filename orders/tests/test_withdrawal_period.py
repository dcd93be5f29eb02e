"""Tests for the withdrawal period: its last day in several time zones, and what it is frozen from."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from carts.models.rates import ShippingMethod
from orders.models import Order
from orders.workflow.placing import OrderRejected, place
from orders.workflow.withdrawals.period import is_line_withdrawable, is_withdrawable, line_period_end, period_end
from products.models import Product
from tests.admin_forms import open_form
from tests.makers import (
    add_to_cart,
    make_open_order,
    make_paid_order,
    make_product,
    make_shipped_order,
    shown_facts,
    submit_details,
)

pytestmark = pytest.mark.django_db
EXCLUSION = "Made to your measurements"


def shipped(at: datetime, **fields: Any) -> Order:
    return make_shipped_order(at, delivery_days=3, **fields)


# London: clocks go back on 25 October 2026; Auckland: forward on 27 September 2026; New York: back on 1 November 2026.
@pytest.mark.parametrize(
    ("zone", "shipped_at", "last_moment"),
    [
        ("UTC", datetime(2026, 11, 1, 12, tzinfo=UTC), datetime(2026, 11, 18, 23, 59, 59, tzinfo=UTC)),
        ("Europe/London", datetime(2026, 10, 10, 22, 59, tzinfo=UTC), datetime(2026, 10, 27, 23, 59, 59, tzinfo=UTC)),
        ("Europe/London", datetime(2026, 10, 10, 23, 1, tzinfo=UTC), datetime(2026, 10, 28, 23, 59, 59, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 15, 12, tzinfo=UTC), datetime(2026, 4, 1, 21, 59, 59, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(2026, 9, 12, 11, 59, tzinfo=UTC), datetime(2026, 9, 29, 10, 59, 59, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(2026, 9, 12, 12, 1, tzinfo=UTC), datetime(2026, 9, 30, 10, 59, 59, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 10, 20, 3, 0, tzinfo=UTC), datetime(2026, 11, 6, 4, 59, 59, tzinfo=UTC)),
    ],
)
def test_period_ends_with_the_last_day_in_the_time_zone_of_the_shop(
    settings: Any, zone: str, shipped_at: datetime, last_moment: datetime
) -> None:
    settings.TIME_ZONE = zone
    order = shipped(shipped_at)
    assert period_end(order) == last_moment + timedelta(seconds=1)
    assert is_withdrawable(order, last_moment)
    assert not is_withdrawable(order, last_moment + timedelta(seconds=1))


def test_delivery_takes_14_days_if_the_method_does_not_say() -> None:
    order = shipped(datetime(2026, 6, 1, 12, tzinfo=UTC))
    known = period_end(order)
    order.delivery_days = None
    unknown = period_end(order)
    assert known
    assert unknown
    assert unknown - known == timedelta(days=11)


def test_period_of_an_order_that_was_not_shipped_has_no_end() -> None:
    order = make_paid_order()
    assert (period_end(order), is_withdrawable(order)) == (None, True)


@pytest.mark.parametrize("status", ["open", "placed", "canceling", "canceled"])
def test_order_that_was_not_paid_cannot_be_withdrawn_from(status: str) -> None:
    assert not is_withdrawable(make_paid_order(status=status))


def test_excluded_line_has_no_period() -> None:
    order = shipped(timezone.now())
    item = order.items.create(
        product=make_product(), sku="x", title="x", unit_price=1, quantity=1, total=1, withdrawal_days=0
    )
    assert (line_period_end(item), is_line_withdrawable(item), is_withdrawable(order)) == (None, False, True)
    order.items.exclude(pk=item.pk).delete()
    order = Order.objects.get(pk=order.pk)
    assert (period_end(order), is_withdrawable(order)) == (None, False)


def test_period_of_the_order_is_that_of_its_longest_line() -> None:
    order = shipped(datetime(2026, 6, 1, 12, tzinfo=UTC))
    order.items.create(
        product=make_product(), sku="x", title="x", unit_price=1, quantity=1, total=1, withdrawal_days=30
    )
    first, second = order.items.order_by("withdrawal_days")
    assert period_end(order) == line_period_end(second)
    assert line_period_end(first) != line_period_end(second)


# What is shown before buying, and frozen


@pytest.fixture
def excluded(client: Client) -> Product:
    """Return a product without a right of withdrawal, in the visitor's cart at the payment step."""
    product = make_product(title="Tailored cosy", withdrawal_days=0, withdrawal_exclusion=EXCLUSION)
    add_to_cart(client, product)
    submit_details(client)
    return product


def test_exclusion_is_shown_on_the_product_page_in_the_cart_and_at_the_payment_step(
    client: Client, excluded: Product
) -> None:
    for url in (excluded.get_absolute_url(), reverse("carts:home"), reverse("carts:checkout")):
        page = client.get(url).text
        assert "No right of withdrawal" in page, url
        assert EXCLUSION in page, url


def test_other_products_do_not_mention_it(client: Client) -> None:
    product = make_product()
    add_to_cart(client, product)
    submit_details(client)
    for url in (product.get_absolute_url(), reverse("carts:home"), reverse("carts:checkout")):
        assert "No right of withdrawal" not in client.get(url).text, url


@pytest.mark.parametrize("change", [{"withdrawal_days": 14}, {"withdrawal_exclusion": "Sealed for hygiene"}])
def test_changed_right_of_withdrawal_rejects_the_page_that_showed_another(
    excluded: Product, change: dict[str, Any]
) -> None:
    order = Order.objects.get()
    shown = shown_facts(order)
    Product.objects.update(**change)
    with pytest.raises(OrderRejected, match="The right of withdrawal for Tailored cosy has changed"):
        place(order, shown)


def test_order_keeps_the_period_and_the_delivery_time(client: Client, excluded: Product) -> None:
    ShippingMethod.objects.update(longest_days=9)
    order = Order.objects.get()
    assert place(order, shown_facts(order))
    Product.objects.update(withdrawal_days=14, withdrawal_exclusion="")
    ShippingMethod.objects.update(longest_days=1)
    order, item = Order.objects.get(), Order.objects.get().items.get()
    assert (order.delivery_days, item.withdrawal_days, item.withdrawal_exclusion) == (9, 0, EXCLUSION)
    assert EXCLUSION in client.get(order.get_absolute_url()).text


def test_change_of_the_exclusion_moves_the_page(client: Client) -> None:
    product = make_product(withdrawal_days=0, withdrawal_exclusion=EXCLUSION)
    assert EXCLUSION in client.get(product.get_absolute_url()).text
    Product.objects.update(withdrawal_exclusion="Sealed")
    assert "Sealed" in client.get(product.get_absolute_url()).text


# The form of staff


@pytest.mark.parametrize(
    ("days", "reason", "error"),
    [
        ("0", "", "Enter the reason"),
        ("14", "x", "Leave this empty"),
        ("13", "", "Enter 0, or a number from 14 to 366"),
        ("400", "", "Enter 0, or a number from 14 to 366"),
        ("-1", "", "greater than or equal to 0"),
    ],
)
def test_invalid_period_is_rejected(admin_client: Client, days: str, reason: str, error: str) -> None:
    product = make_product()
    url = reverse("admin:products_product_change", args=[product.pk])
    response = open_form(admin_client, url).submit(withdrawal_days=days, withdrawal_exclusion=reason)
    assert error in response.text
    assert Product.objects.get().withdrawal_days == 14


@pytest.mark.parametrize(("days", "reason", "stored"), [("0", "Sealed", 0), ("30", "", 30), ("", "", 14)])
def test_staff_set_the_period(admin_client: Client, days: str, reason: str, stored: int) -> None:
    product = make_product(withdrawal_days=20)
    url = reverse("admin:products_product_change", args=[product.pk])
    response = open_form(admin_client, url).submit(withdrawal_days=days, withdrawal_exclusion=reason)
    assert response.status_code == 302
    product.refresh_from_db()
    assert (product.withdrawal_days, product.withdrawal_exclusion) == (stored, reason)


def test_open_order_has_no_delivery_time_yet() -> None:
    assert make_open_order().delivery_days is None
