"""Tests for orders that are shipped in several shipments: units, status, email messages, order page and export."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from orders.bookkeeping.audits.units import shipping_emails
from orders.bookkeeping.audits.units import units as audit_units
from orders.emails import messages
from orders.models import Carrier, Mail, Order, OrderEvent, Refund, Shipment, Withdrawal
from orders.models.shipping.carrier import validate_tracking_pattern
from orders.search.engine import search_orders
from orders.workflow import refunds
from orders.workflow.erasure import erase_order
from orders.workflow.personal_data import export_personal_data
from orders.workflow.refunds import RefundRequest, settlement
from orders.workflow.shipping import ShipmentRejected, ShipmentRequest, mark_delivered, next_to_ship, ship
from orders.workflow.withdrawals import handling
from orders.workflow.withdrawals.matching import match
from orders.workflow.withdrawals.period import period_end
from tests.makers import make_carrier, make_paid_order, make_product, make_shipment, make_shipped_order, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
Kind = OrderEvent.Kind


@pytest.fixture
def order() -> Order:
    """Return a paid order of three mugs at 10.00 each, for 30.00 with delivery free."""
    order = make_paid_order(make_product(title="Mug", price=Decimal(10)), total=Decimal(30), shipping_total=0)
    order.items.update(quantity=3, total=Decimal(30))
    return order


def line(order: Order) -> int:
    return order.items.get().pk


def ship_units(order: Order, units: int, **fields: Any) -> Shipment:
    return ship(order, ShipmentRequest("packer", {line(order): units}, **fields))


def request_units(order: Order, units: int) -> Refund:
    order.refresh_from_db()
    amount = Decimal(10 * units)
    return refunds.request_refund(
        order, RefundRequest(amount, order.amount_refunded, "staff", units={line(order): units})
    )


def withdraw(order: Order, units: int) -> Withdrawal:
    """Withdraw from some units on the order's page."""
    row = Withdrawal(
        order=order, is_whole_order=False, is_from_order_page=True, units={str(line(order)): units},
        email="g@example.org", language="en",
    )  # fmt: skip
    row.digest = row.number
    row.checksum = row.compute_checksum()
    row.save()
    match(row)
    return row


def state(order: Order) -> tuple[str, int, bool]:
    """Return the status, the units left to ship, and whether the order has the time of its shipping."""
    order = Order.objects.get(pk=order.pk)
    return order.status, sum(order.units_to_ship().values()), order.shipped_at is not None


def kinds(order: Order) -> list[str]:
    return list(order.events.values_list("kind", flat=True))


# Several shipments


def test_order_is_shipped_with_its_last_unit(order: Order) -> None:
    first = ship_units(order, 2, tracking="AB 1")
    assert state(order) == ("paid", 1, False)
    second = ship_units(order, 1, tracking="CD 2")
    assert state(order) == ("shipped", 0, True)
    assert (first.number, second.number, str(second)) == (1, 2, f"{order}-2")
    assert [event.display_text for event in order.events.all()] == [
        "Part of the order shipped: AB 1", "Order shipped: CD 2"
    ]  # fmt: skip
    assert list(audit_units()) == []


@pytest.mark.parametrize("units", [-1, 0, 3])
def test_units_that_are_not_left_are_not_shipped(order: Order, units: int) -> None:
    ship_units(order, 1)
    with pytest.raises(ShipmentRejected):
        ship_units(order, units)
    assert state(order) == ("paid", 2, False)


def test_units_of_another_order_are_not_shipped(order: Order) -> None:
    with pytest.raises(ShipmentRejected, match="more units than are left"):
        ship(order, ShipmentRequest("packer", {line(make_paid_order()): 1}))
    assert not order.shipments.exists()


def test_shipment_of_units_that_were_not_shown_is_rejected(order: Order) -> None:
    with pytest.raises(ShipmentRejected, match="have changed"):
        ship_units(order, 1, shown=f"{line(order)}:2")
    assert ship_units(order, 1, shown=f"{line(order)}:3")


@pytest.mark.parametrize("tracking", ["a\nb", "x" * 61, "<b>", "100%"])
def test_wrong_tracking_number_is_rejected(order: Order, tracking: str) -> None:
    with pytest.raises(ShipmentRejected):
        ship_units(order, 1, tracking=tracking)
    assert not order.shipments.exists()


# The last unit is refunded or withdrawn


def test_order_without_a_shipment_is_not_shipped_by_a_refund(order: Order) -> None:
    request_units(order, 3)
    assert state(order) == ("paid", 0, False)


def test_refund_of_the_last_unit_completes_shipping(order: Order) -> None:
    ship_units(order, 2)
    request_units(order, 1)
    assert state(order) == ("shipped", 0, True)
    assert kinds(order)[-2:] == [Kind.REFUNDING, Kind.SHIPPED]
    assert list(audit_units()) == []


def test_order_whose_refund_failed_is_to_ship_again(order: Order) -> None:
    ship_units(order, 2)
    settlement._fail(request_units(order, 1), "no")
    assert state(order) == ("paid", 1, False)
    assert Kind.UNSHIPPED in kinds(order)
    ship_units(order, 1)
    assert state(order) == ("shipped", 0, True)


def test_refund_of_a_shipped_unit_leaves_the_order_shipped(order: Order) -> None:
    ship_units(order, 3)
    settlement._fail(request_units(order, 1), "no")
    assert state(order) == ("shipped", 0, True)


def test_withdrawal_of_the_last_unit_completes_shipping(order: Order) -> None:
    ship_units(order, 2)
    withdraw(order, 1)
    assert state(order) == ("shipped", 0, True)


def test_withdrawal_that_staff_close_between_two_shipments_leaves_its_unit_to_ship(order: Order) -> None:
    ship_units(order, 1)
    row = withdraw(order, 2)
    assert state(order) == ("shipped", 0, True)
    assert handling.close(row, by="staff")
    assert state(order) == ("paid", 2, False)
    ship_units(order, 2)
    assert state(order) == ("shipped", 0, True)
    assert sum(order.shipped_units().values()) == 3


def test_withdrawal_that_moves_to_another_order_leaves_its_unit_to_ship(order: Order) -> None:
    ship_units(order, 2)
    row = withdraw(order, 1)
    Withdrawal.objects.filter(pk=row.pk).update(is_from_order_page=False)
    row.refresh_from_db()
    other = make_paid_order()
    assert handling.assign(row, handling.Assignment(other, "staff", {line(other): 1}))
    assert state(order) == ("paid", 1, False)


# The withdrawal period


def test_period_begins_with_the_last_shipment(order: Order) -> None:
    Order.objects.update(delivery_days=3)
    ship_units(order, 2)
    order.refresh_from_db()
    assert period_end(order) is None
    ship_units(order, 1)
    moments = [datetime(2026, 6, day, 12, tzinfo=UTC) for day in (1, 11)]
    for shipment, moment in zip(order.shipments.all(), moments, strict=True):
        Shipment.objects.filter(pk=shipment.pk).update(shipped_at=moment)
    assert _last_day(order) == 28  # 11 + 3 + 14
    Shipment.objects.filter(order=order, number=2).update(delivered_at=datetime(2026, 6, 12, 12, tzinfo=UTC))
    assert _last_day(order) == 26


def _last_day(order: Order) -> int:
    end = period_end(Order.objects.get(pk=order.pk))
    assert end
    return (end - timedelta(days=1)).day


def test_shipment_is_marked_as_delivered_once(order: Order) -> None:
    shipment = ship_units(order, 3)
    assert mark_delivered(shipment, by="staff")
    assert not mark_delivered(shipment, by="staff")
    assert kinds(order).count(Kind.DELIVERED) == 1


# Email messages and pages


def email(shipment: Shipment) -> str:
    message = messages.build(Mail.objects.get(kind=Mail.Kind.SHIPPED, about=str(shipment.pk)))
    assert message
    return f"{message.subject}\n{message.body}"


def test_each_shipment_has_an_email_with_its_items_and_what_will_follow(order: Order) -> None:
    carrier = make_carrier(name="Parcels")
    first = ship_units(order, 2, carrier=carrier, tracking="AB 1/2")
    text = email(first)
    assert f"A part of your order {order} is on its way" in text
    assert "https://track.example.com/?id=AB%201%2F2" in text
    assert text.index("2 x Mug") < text.index("What will follow") < text.index("1 x Mug")
    second = email(ship_units(order, 1))
    assert ("Your order" in second, "1 x Mug" in second, "follow" in second) == (True, True, False)
    assert list(shipping_emails()) == []


def test_audit_finds_a_shipment_without_an_email(order: Order) -> None:
    ship_units(order, 2)
    order.mails.all().delete()
    assert [finding.rule for finding in shipping_emails()] == ["I9"]


def test_email_of_an_earlier_version_is_about_the_first_shipment(order: Order) -> None:
    shipment = make_shipment(order, tracking="AB 1")
    Mail.objects.create(order=order, kind=Mail.Kind.SHIPPED, to=order.email, message_id="<1>")
    message = messages.build(order.mails.get())
    assert message
    assert "AB 1" in str(message.body)
    assert list(shipping_emails()) == []
    assert shipment.number == 1


def test_order_page_shows_each_shipment(client: Client) -> None:
    user = make_user()
    order = make_paid_order(make_product(title="Mug"), account=user)
    order.items.update(quantity=3)
    make_shipment(order, units={str(line(order)): 2}, carrier=make_carrier(name="Parcels"), tracking="AB 1")
    client.force_login(user)
    page = client.get(order.get_absolute_url()).text
    for text in ("Shipment 1", "Parcels", 'href="https://track.example.com/?id=AB%201"', "What will follow"):
        assert text in page, text


def test_all_tracking_numbers_find_the_order(order: Order) -> None:
    ship_units(order, 2, tracking="AB 1")
    ship_units(order, 1, tracking="CD 2")
    for text in ("ab1", "cd 2"):
        assert list(search_orders(Order.objects.all(), text)) == [order]


def test_export_has_the_shipments() -> None:
    user = make_user()
    order = make_shipped_order(account=user)
    order.shipments.update(tracking="AB 1", carrier=make_carrier(name="Parcels"))
    [exported] = export_personal_data(user)["orders"][0]["shipments"]
    title = order.items.get().title
    assert (exported["tracking"], exported["carrier"]) == ("AB 1", "Parcels")
    assert exported["units"] == [{"title": title, "units": 1}]
    assert "by" not in exported


def test_erasure_removes_the_person_from_tracking_numbers(order: Order) -> None:
    Order.objects.update(shipping_address_text="Gia Guest\n1 High Street\nUnited Kingdom")
    make_shipment(order, tracking="Gia Guest 12")
    assert erase_order(Order.objects.get(pk=order.pk))
    assert order.shipments.get().tracking == "… 12"


# The audit


@pytest.mark.parametrize(
    ("status", "units", "text"),
    [
        ("shipped", 2, "has units left to ship"),
        ("shipped", None, "has no shipment"),
        ("paid", 3, "is not shipped"),
        ("shipped", 4, "shipped 4 units"),
        ("shipped", 3, ""),
        ("paid", 2, ""),
    ],
)
def test_audit_compares_the_status_with_the_shipments(order: Order, status: str, units: int | None, text: str) -> None:
    if units is not None:
        make_shipment(order, units={str(line(order)): units})
    Order.objects.filter(pk=order.pk).update(status=status, shipped_at=timezone.now())
    found = [finding.text for finding in audit_units()]
    assert [text in one for one in found] == ([True] if text else [])


# Carriers


@pytest.mark.parametrize(
    "pattern",
    [
        "http://track.example.com/{number}", "https://track.example.com/", "javascript:{number}", "https://{number}/x",
        "https://track.example.com/{number}/{number}", "https://track.example.com/{other}/{number}", "{number}",
        "https://track.example.com/ {number}", "https://a@track.example.com/{number}", "https://[x/{number}",
        "https:///{number}", 'https://track.example.com/"{number}',
    ],
)  # fmt: skip
def test_tracking_url_of_a_carrier_must_be_safe(pattern: str) -> None:
    with pytest.raises(ValidationError):
        validate_tracking_pattern(pattern)


def test_tracking_number_is_quoted_in_the_url() -> None:
    carrier = Carrier(name="Parcels", tracking_pattern="https://track.example.com/{number}?lang=en")
    carrier.full_clean()
    assert carrier.tracking_url("A B/1.2") == "https://track.example.com/A%20B%2F1.2?lang=en"
    assert Carrier(name="Bike").tracking_url("A B") == carrier.tracking_url("") == ""


# The next order to ship


def test_next_order_is_the_oldest_that_can_be_shipped() -> None:
    now = timezone.now()
    made = [make_paid_order(paid_at=now - timedelta(days=days)) for days in range(6)]
    newest, shipped, partly, typed, disputed, attention = made
    Order.objects.filter(pk=attention.pk).update(attention="Look")
    disputed.disputes.create(stripe_id="du_1", amount=5, currency="gbp", status="needs_response", opened=now)
    typed_row = Withdrawal(order=typed, is_whole_order=False, email="g@example.org", language="en", digest="x")
    typed_row.save()
    make_shipment(partly, units={})
    ship(shipped, ShipmentRequest("packer", {line(shipped): 1}))
    assert next_to_ship() == newest
    assert next_to_ship(after=newest) is None
