"""Tests for the units of orders: refunded, shipped, and still to ship; on the ship page and in the email."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orders.bookkeeping.audit import audit
from orders.bookkeeping.audits.units import units as audit_units
from orders.emails import messages, previews
from orders.models import Mail, Order, OrderItem, Refund
from orders.models.units import units_left, value_of_units
from orders.refund_forms import RefundForm
from orders.workflow import refunds
from orders.workflow.refunds import RefundRejected, RefundRequest
from stripe_simulator.server import Simulator
from tests.admin_forms import ship_page_form, submit_refund
from tests.makers import buy, make_paid_order, make_product, make_shipment, ship

pytestmark = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    """Return a paid order of three mugs at 10.00 each and one bowl at 8.00, for 38.00 with delivery free."""
    order = make_paid_order(make_product(title="Mug", price=Decimal(10)), total=Decimal(38), shipping_total=0)
    order.items.update(quantity=3, total=Decimal(30))
    bowl = make_product(title="Bowl", price=Decimal(8))
    order.items.create(product=bowl, sku=bowl.sku, title="Bowl", unit_price=8, quantity=1, total=8)
    return order


def line(order: Order, title: str) -> int:
    return order.items.get(title=title).pk


def request_units(order: Order, amount: str, **units: int) -> Refund:
    """Request a refund of units by the title of their line."""
    order.refresh_from_db()
    by_line = {line(order, title): number for title, number in units.items()}
    return refunds.request_refund(order, RefundRequest(Decimal(amount), order.amount_refunded, "staff", units=by_line))


def units(order: Order) -> dict[str, int]:
    """Return the units to ship by the title of their line."""
    left = Order.objects.get(pk=order.pk).units_to_ship()
    return {item.title: left[item.pk] for item in order.items.all()}


def ship_page(client: Client, order: Order) -> str:
    return client.get(reverse("admin:orders_order_ship", args=[order.pk])).text


def shipped_email(order: Order) -> str:
    mail = messages.build(order.mails.get(kind=Mail.Kind.SHIPPED))
    assert mail
    return str(mail.body)


# What is left to ship


def test_refunded_units_are_not_shipped(order: Order) -> None:
    assert units(order) == {"Mug": 3, "Bowl": 1}
    request_units(order, "18.00", Mug=1, Bowl=1)
    assert units(order) == {"Mug": 2, "Bowl": 0}


def test_refund_of_an_amount_changes_no_units(order: Order) -> None:
    request_units(order, "18.00")
    assert units(order) == {"Mug": 3, "Bowl": 1}


def test_refund_of_the_whole_amount_is_of_all_units(order: Order) -> None:
    request_units(order, "10.00", Mug=1)
    request_units(order, "28.00")
    assert units(order) == {"Mug": 0, "Bowl": 0}


def test_failed_refund_leaves_its_units_to_ship(order: Order) -> None:
    row = request_units(order, "10.00", Mug=1)
    Refund.objects.filter(pk=row.pk).update(status=Refund.Status.FAILED)
    assert units(order) == {"Mug": 3, "Bowl": 1}


def test_refunds_of_other_orders_and_of_mismatches_do_not_count(order: Order) -> None:
    row = request_units(order, "10.00", Mug=1)
    Refund.objects.filter(pk=row.pk).update(is_mismatch=True)
    other = make_paid_order()
    refunds.request_refund(other, RefundRequest(Decimal(1), Decimal(0), "staff", units={other.items.get().pk: 1}))
    assert units(order) == {"Mug": 3, "Bowl": 1}


@pytest.mark.parametrize("status", ["placed", "canceling", "canceled"])
def test_order_that_is_not_paid_has_no_units_to_ship(order: Order, status: str) -> None:
    Order.objects.filter(pk=order.pk).update(status=status)
    assert units(order) == {"Mug": 0, "Bowl": 0}


def test_shipped_order_has_no_units_to_ship_and_keeps_what_was_shipped(order: Order) -> None:
    request_units(order, "10.00", Mug=1)
    assert ship(order, by="packer")
    request_units(order, "10.00", Mug=1)
    order.refresh_from_db()
    assert units(order) == {"Mug": 0, "Bowl": 0}
    assert order.shipped_units() == {line(order, "Mug"): 2, line(order, "Bowl"): 1}
    assert order.refundable_units() == {line(order, "Mug"): 1, line(order, "Bowl"): 1}


def test_unit_whose_refund_failed_after_shipping_is_left_to_ship(order: Order) -> None:
    row = request_units(order, "10.00", Mug=1)
    ship(order, by="packer")
    Refund.objects.filter(pk=row.pk).update(status=Refund.Status.FAILED)
    assert units(order) == {"Mug": 1, "Bowl": 0}


def test_line_never_has_fewer_than_no_units_left() -> None:
    assert units_left({1: 3, 2: 1}, {1: 1}, {1: 5, 2: 1, 9: 4}) == {1: 0, 2: 0}


def test_units_are_counted_in_the_same_number_of_queries_for_ten_lines(
    order: Order, django_assert_num_queries: Any
) -> None:
    for _ in range(8):
        product = make_product()
        order.items.create(product=product, sku=product.sku, title="x", unit_price=1, quantity=1, total=1)
    with django_assert_num_queries(4):
        order.units_to_ship()


# The ship page and the email


def test_ship_page_and_email_list_the_units_that_are_left(order: Order, admin_client: Client) -> None:
    request_units(order, "18.00", Mug=1, Bowl=1)
    page = ship_page(admin_client, order)
    assert (f'name="units_{line(order, "Mug")}" value="2"' in page, "Bowl" in page) == (True, False)
    assert ship(order, by="packer")
    request_units(order, "10.00", Mug=1)
    assert "2 x Mug" in shipped_email(order)
    assert "Bowl" not in shipped_email(order)


def test_units_that_changed_after_the_page_are_not_shipped(order: Order, admin_client: Client) -> None:
    url = reverse("admin:orders_order_ship", args=[order.pk])
    packed = ship_page_form(admin_client, order)
    request_units(order, "10.00", Mug=1)
    response = admin_client.post(url, packed, follow=True)
    assert "its units to ship have changed. Check what you have packed." in response.text
    assert (Order.objects.get(pk=order.pk).status, order.mails.exists()) == ("paid", False)
    left = ship_page_form(admin_client, order)
    assert left != packed
    assert "has been shipped" in admin_client.post(url, left, follow=True).text


@pytest.mark.parametrize("shown", ["0:1", "x", ":", "[" * 5000])
def test_unreadable_units_are_not_shipped(order: Order, admin_client: Client, shown: str) -> None:
    url = reverse("admin:orders_order_ship", args=[order.pk])
    form = ship_page_form(admin_client, order) | {"shown": shown}
    assert admin_client.post(url, form, follow=True).status_code == 200
    assert Order.objects.get(pk=order.pk).status == "paid"


def test_order_without_units_is_not_shipped(order: Order, admin_client: Client) -> None:
    request_units(order, "37.00", Mug=3, Bowl=1)
    assert "No units of this order are left to ship." in ship_page(admin_client, order)
    response = admin_client.post(reverse("admin:orders_order_ship", args=[order.pk]), follow=True)
    assert "cannot be shipped: no units are left to ship." in response.text
    assert (Order.objects.get(pk=order.pk).status, order.mails.exists()) == ("paid", False)


def test_preview_of_the_email_lists_units_of_an_order_that_was_not_shipped(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(paid_at=timezone.now())
    request_units(order, "10.00", Mug=1)
    mail = previews.preview_kind(Mail.Kind.SHIPPED)
    assert mail
    assert "2 x Mug" in mail.body


# Refunds of units


@pytest.mark.parametrize("number", [-1, 4])
def test_more_units_than_were_sold_are_not_refunded(order: Order, number: int) -> None:
    with pytest.raises(RefundRejected, match="more units than are left"):
        request_units(order, "1.00", Mug=number)
    assert Order.objects.get(pk=order.pk).amount_refunded == 0
    assert not Refund.objects.exists()


def test_unit_is_not_refunded_twice(order: Order) -> None:
    request_units(order, "10.00", Mug=2)
    with pytest.raises(RefundRejected, match="more units than are left"):
        request_units(order, "10.00", Mug=2)


def test_units_of_another_order_are_not_refunded(order: Order) -> None:
    other = make_paid_order().items.get().pk
    with pytest.raises(RefundRejected):
        refunds.request_refund(order, RefundRequest(Decimal(1), Decimal(0), "staff", units={other: 1}))


def test_values_of_parts_add_up_to_the_value_of_the_line() -> None:
    item = OrderItem(quantity=3, total=Decimal("10.00"), discount_total=Decimal("1.00"), tax_total=Decimal("1.80"))
    assert value_of_units(item, 3, 0, False, "gbp") == Decimal("10.80")
    assert value_of_units(item, 3, 0, True, "gbp") == Decimal("9.00")
    item.total = Decimal("11.00")
    parts = [value_of_units(item, 1, before, True, "gbp") for before in range(3)]
    assert (parts, sum(parts)) == ([Decimal("3.33"), Decimal("3.34"), Decimal("3.33")], Decimal("10.00"))


# The form


def refund_url(order: Order) -> str:
    return reverse("admin:orders_order_refund", args=[order.pk])


@pytest.mark.parametrize(("entered", "amount"), [("", "10.00"), ("7.50", "7.50")])
def test_staff_refund_units_with_or_without_an_amount(
    client: Client, admin_client: Client, simulator: Simulator, entered: str, amount: str
) -> None:
    order = buy(client, make_product(price=Decimal(10), stock=5), quantity=3)
    pk = order.items.get().pk
    data = {"already": "0", "amount": entered, f"units_{pk}": 1}
    assert submit_refund(admin_client, refund_url(order), data).status_code == 302
    row = Refund.objects.get()
    assert (row.amount, row.units, row.restock) == (Decimal(amount), {str(pk): 1}, {})
    assert audit() == []


@pytest.mark.parametrize("value", ["-1", "4", "x", "99999999999999999999"])
def test_invalid_units_are_rejected_with_a_message(order: Order, admin_client: Client, value: str) -> None:
    data = {"already": "0", "amount": "", f"units_{line(order, 'Mug')}": value}
    response = submit_refund(admin_client, refund_url(order), data)
    assert (response.status_code, "errorlist" in response.text, Refund.objects.exists()) == (200, True, False)


def test_form_without_units_and_amount_is_rejected(order: Order, admin_client: Client) -> None:
    response = submit_refund(admin_client, refund_url(order), {"already": "0"})
    assert "Enter units, delivery or another amount" in response.text
    assert not Refund.objects.exists()


def test_value_of_units_is_not_more_than_what_is_left(order: Order) -> None:
    request_units(order, "35.00")
    order.refresh_from_db()
    assert RefundForm(order=order).value_of({line(order, "Mug"): 3}) == Decimal("3.00")


# The audit


@pytest.mark.parametrize("number", [-1, 4])
def test_audit_finds_units_that_were_never_sold(order: Order, number: int) -> None:
    assert list(audit_units()) == []
    shipment = make_shipment(order, units={str(line(order, "Mug")): number, str(line(order, "Bowl")): 0})
    assert [finding.rule for finding in audit_units()][:1] == ["I24"]
    shipment.delete()
    row = request_units(order, "10.00", Mug=1)
    assert list(audit_units()) == []
    Refund.objects.filter(pk=row.pk).update(units={str(line(order, "Mug")): number})
    assert [finding.rule for finding in audit_units()] == ["I24"]
