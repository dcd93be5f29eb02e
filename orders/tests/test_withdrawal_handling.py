"""Tests for what staff do about withdrawals: assign, refund, wait for items, and close; and what is overdue."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail as mailbox
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orders.bookkeeping.audit import audit
from orders.bookkeeping.audits.withdrawals import withdrawals as withdrawal_findings
from orders.bookkeeping.reconcile import compare_with_stripe
from orders.emails.withdrawals import queue_receipt
from orders.models import Order, OrderEvent, Refund, Withdrawal
from orders.models.units import SHOP
from orders.workflow import alerts, payments, refunds
from orders.workflow.refunds import RefundRejected, RefundRequest
from orders.workflow.shipping.completion import update_shipped
from orders.workflow.withdrawals import handling
from orders.workflow.withdrawals.due import due_on, is_late, is_overdue, overdue
from orders.workflow.withdrawals.handling import Assignment
from orders.workflow.withdrawals.matching import match
from stripe_simulator.server import Simulator
from tests.admin_forms import submit_refund
from tests.makers import buy, make_paid_order, make_product, make_shipment, make_user, ship

pytestmark = pytest.mark.django_db
STAFF = "staff@shop.example"


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    """Return a paid order of three mugs at 10.00 each, with delivery for 4.95."""
    return buy(client, make_product(title="Mug", price=Decimal(10), stock=10), quantity=3)


def line(order: Order) -> int:
    return order.items.get().pk


def declare(order: Order | None = None, **fields: Any) -> Withdrawal:
    """Store a withdrawal as the page does: of typed items, unless `fields` says otherwise."""
    number = order.order_id if order else "UNKNOWN234"
    row = Withdrawal(
        **{"order": order, "is_whole_order": False, "name": "Gia", "email": "guest@example.org", "language": "en"}
        | {"order_number": number, "items": "one mug", "is_checked": True}
        | fields
    )
    row.digest = row.number
    row.checksum = row.compute_checksum()
    row.save()
    return row


def assign(row: Withdrawal, order: Order, units: int = 1, **fields: Any) -> bool:
    row.refresh_from_db()
    assignment = Assignment(order, by=STAFF, units={line(order): units} if units else {}, **fields)
    return handling.assign(row, assignment)


def refund_of(row: Withdrawal | None, order: Order, units: int, amount: str = "10.00") -> Refund:
    order.refresh_from_db()
    request = RefundRequest(
        Decimal(amount), order.amount_refunded, STAFF, units={line(order): units} if units else {}, withdrawal=row
    )
    return refunds.refund(order, request)


def url_of(row: Withdrawal, name: str = "change") -> str:
    return reverse(f"admin:orders_withdrawal_{name}", args=[row.pk])


def to_ship(order: Order) -> int:
    return sum(Order.objects.get(pk=order.pk).units_to_ship().values())


def is_open(row: Withdrawal) -> bool:
    row.refresh_from_db()
    return row.closed_at is None


# Units


def test_withdrawn_units_are_not_shipped(order: Order) -> None:
    declare(order, units={str(line(order)): 2}, is_from_order_page=True)
    assert to_ship(order) == 1


def test_order_that_was_withdrawn_from_is_not_shipped(order: Order) -> None:
    declare(order, is_whole_order=True)
    assert to_ship(order) == 0
    assert not ship(order, by=STAFF)


def test_unit_that_is_withdrawn_and_refunded_counts_once(order: Order) -> None:
    row = declare(order, units={str(line(order)): 1}, is_from_order_page=True)
    refund_of(row, order, 1)
    assert to_ship(order) == 2
    refund_of(None, order, 1)
    assert to_ship(order) == 1


def test_refund_of_more_units_than_were_withdrawn_counts_them_all(order: Order) -> None:
    row = declare(order, units={str(line(order)): 1}, is_from_order_page=True)
    refund_of(row, order, 2, "20.00")
    assert to_ship(order) == 1


def is_listed(order: Order) -> bool:
    return Order.objects.to_ship().filter(pk=order.pk).exists()


def test_order_that_was_withdrawn_from_is_not_among_those_to_ship(order: Order) -> None:
    match(declare(order, is_whole_order=True, is_checked=False))
    assert (is_listed(order), audit()) == (False, [])


def test_order_with_units_left_stays_among_those_to_ship(order: Order) -> None:
    match(declare(order, units={str(line(order)): 2}, is_from_order_page=True, is_checked=False))
    assert is_listed(order)


def test_order_is_among_those_to_ship_again_when_its_withdrawal_is_closed(order: Order) -> None:
    row = declare(order, is_whole_order=True, is_checked=False)
    match(row)
    row.refresh_from_db()
    handling.close(row, by=STAFF)
    assert (is_listed(order), audit()) == (True, [])


def test_order_whose_units_are_all_refunded_is_not_among_those_to_ship(order: Order) -> None:
    refund_of(None, order, 3, "30.00")
    assert (is_listed(order), audit()) == (False, [])


def test_audit_finds_an_order_that_is_listed_wrongly(order: Order) -> None:
    match(declare(order, is_whole_order=True, is_checked=False))
    Order.objects.filter(pk=order.pk).update(has_nothing_to_ship=False)
    assert [finding.rule for finding in audit()] == ["I24"]


def test_units_of_a_withdrawal_that_staff_closed_are_shipped(order: Order) -> None:
    row = declare(order, is_whole_order=True)
    assert handling.close(row, by=STAFF)
    assert to_ship(order) == 3


def test_withdrawal_after_shipping_leaves_the_shipment_as_it_was(order: Order) -> None:
    assert ship(order, by=STAFF)
    declare(order, is_whole_order=True)
    order.refresh_from_db()
    assert (to_ship(order), sum(order.shipped_units().values())) == (0, 3)


# Assigning


def test_typed_items_are_assigned_to_lines_and_the_order_ships(order: Order) -> None:
    row = declare(order, is_checked=False)
    match(row)
    order.refresh_from_db()
    assert row.number in order.attention
    assert not ship(order, by=STAFF)
    assert assign(row, order)
    order.refresh_from_db()
    assert (order.attention, to_ship(order)) == ("", 2)
    assert ship(order, by=STAFF)


def test_unmatched_withdrawal_is_assigned_to_an_order(order: Order) -> None:
    row = declare()
    assert assign(row, order)
    row.refresh_from_db()
    assert (row.order, row.assigned_by, row.is_intact) == (order, STAFF, True)
    assert order.events.filter(kind=OrderEvent.Kind.WITHDRAWN, text=row.number).count() == 1


def test_second_of_two_assignments_of_the_same_page_changes_nothing(order: Order) -> None:
    row = declare()
    other = make_paid_order()
    assert assign(row, order)
    assert not assign(row, other)
    row.refresh_from_db()
    assert row.order == order


def test_assignment_can_be_corrected_until_it_is_refunded(order: Order) -> None:
    row = declare()
    assign(row, order)
    row.refresh_from_db()
    assert assign(row, order, 2, shown=row.assigned_at)
    row.refresh_from_db()
    assert row.units == {str(line(order)): 2}
    refund_of(row, order, 1)
    assert not assign(row, order, 1, shown=row.assigned_at)


def test_ticked_and_closed_withdrawals_are_not_assigned(order: Order) -> None:
    assert not assign(declare(order, is_from_order_page=True, units={str(line(order)): 1}), order)
    closed = declare(order, items="two mugs")
    handling.close(closed, by=STAFF)
    assert not assign(closed, order)


def test_refund_made_before_the_assignment_answers_the_withdrawal(order: Order) -> None:
    row = declare()
    done = refund_of(None, order, 1)
    assert handling.assignable_refunds(row, order) == [done]
    assign(row, order, refunds=[done])
    assert (is_open(row), row.closed_by, to_ship(order)) == (False, SHOP, 2)
    assert audit() == []


def test_refund_of_another_order_is_not_taken_for_the_withdrawal(order: Order) -> None:
    other = Refund.objects.create(payment=make_paid_order().payments.get(), amount=5, currency="gbp")
    row = declare()
    assign(row, order, refunds=[other])
    other.refresh_from_db()
    assert other.withdrawal is None


# Closing


def test_withdrawal_closes_when_its_units_are_refunded(order: Order) -> None:
    row = declare(order, units={str(line(order)): 2}, is_from_order_page=True)
    refund_of(row, order, 1)
    assert is_open(row)
    refund_of(row, order, 1)
    assert (is_open(row), row.closed_by) == (False, SHOP)


def test_whole_order_closes_when_all_units_are_refunded(order: Order) -> None:
    row = declare(order, is_whole_order=True)
    refund_of(None, order, 3, "30.00")
    assert not is_open(row)


def test_line_without_a_right_of_withdrawal_ships_after_the_rest_was_refunded(
    order: Order, admin_client: Client
) -> None:
    mug = order.items.get()
    bowl = order.items.create(
        product=mug.product, sku="BOWL", title="Bowl", unit_price=10, quantity=1, total=10, withdrawal_days=0
    )
    Order.objects.filter(pk=order.pk).update(total=order.total + 10)
    row = declare(order, is_whole_order=True, items="")
    assert to_ship(order) == 0
    url = f"{reverse('admin:orders_order_refund', args=[order.pk])}?withdrawal={row.pk}"
    form = admin_client.get(url).context["form"]
    assert (form[f"units_{mug.pk}"].value(), form[f"units_{bowl.pk}"].value()) == (3, None)
    assert (form.lines()[0].value, form["delivery"].value()) == (Decimal(30), None)
    request = RefundRequest(Decimal(30), Decimal(0), STAFF, units={mug.pk: 3}, withdrawal=row)
    order.refresh_from_db()
    refunds.refund(order, request)
    assert not is_open(row)
    assert Order.objects.get(pk=order.pk).units_to_ship() == {mug.pk: 0, bowl.pk: 1}


def test_full_refund_in_the_dashboard_closes_all_withdrawals(order: Order, simulator: Simulator) -> None:
    rows = [declare(order), declare(order, items="two mugs", is_whole_order=True)]
    refund_of(None, order, 0, "34.95")
    assert [is_open(row) for row in rows] == [False, False]


def test_refund_that_fails_opens_the_withdrawal_again(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(price=Decimal(10), stock=10), "tok_refundFail", quantity=3)
    row = declare(order, units={str(line(order)): 1}, is_from_order_page=True)
    refund_of(row, order, 1)
    assert not is_open(row)
    simulator.finish_refunds()
    payments.settle(order)
    assert (is_open(row), row.closed_by, to_ship(order)) == (True, "", 2)
    assert audit() == []


def test_withdrawal_that_staff_closed_stays_closed(order: Order) -> None:
    row = declare(order, is_whole_order=True)
    handling.close(row, by=STAFF)
    refund_of(None, order, 1)
    assert (is_open(row), row.closed_by) == (False, STAFF)


def test_refund_for_a_closed_withdrawal_is_rejected(order: Order) -> None:
    row = declare(order, is_whole_order=True)
    handling.close(row, by=STAFF)
    with pytest.raises(RefundRejected, match="closed in the meantime"):
        refund_of(row, order, 1)
    with pytest.raises(RefundRejected, match="closed in the meantime"):
        refund_of(declare(make_paid_order(), items="x"), order, 1)
    order.refresh_from_db()
    assert order.amount_refunded == 0


# Due dates


def test_refund_is_due_14_days_after_the_declaration(order: Order) -> None:
    row = declare(
        order, is_whole_order=True, declared_at=datetime(2026, 6, 1, 22, 59, tzinfo=timezone.get_default_timezone())
    )
    assert due_on(row) == date(2026, 6, 15)


def test_due_date_of_a_shipped_order_waits_for_the_items(order: Order) -> None:
    shipped = timezone.now() - timedelta(days=40)
    Order.objects.update(status="shipped", shipped_at=shipped)
    order.refresh_from_db()
    row = declare(order, is_whole_order=True, declared_at=timezone.now() - timedelta(days=30))
    assert (due_on(row), is_overdue(row), list(overdue())) == (None, False, [])
    assert handling.mark_arrived(row)
    assert not handling.mark_arrived(row)
    row.refresh_from_db()
    assert row.arrived_at
    assert due_on(row) == timezone.localdate(row.arrived_at)
    Withdrawal.objects.update(arrived_at=timezone.now() - timedelta(days=1))
    row.refresh_from_db()
    assert (is_overdue(row), list(overdue())) == (True, [row])


@pytest.mark.parametrize(("days", "is_due"), [(14, False), (15, True)])
def test_overdue_withdrawals_are_reported_by_the_audit_and_alert_staff_once(
    order: Order, days: int, is_due: bool
) -> None:
    row = declare(order, is_whole_order=True, declared_at=timezone.now() - timedelta(days=days))
    update_shipped(order)
    assert (is_overdue(row), list(overdue())) == (is_due, [row] if is_due else [])
    assert [finding.rule for finding in audit()] == (["L4"] if is_due else [])
    OrderEvent.objects.update(at=timezone.now() - timedelta(hours=1))
    for _run in range(2):
        compare_with_stripe()
    assert order.events.filter(kind=OrderEvent.Kind.ALERTED, text__contains=row.number).count() == int(is_due)
    refund_of(row, order, 3, "34.95")
    alerts.acknowledge(order, by=STAFF)
    assert audit() == []


def test_overdue_withdrawal_without_an_order_is_reported() -> None:
    declare(declared_at=timezone.now() - timedelta(days=15))
    assert [finding.rule for finding in withdrawal_findings()] == ["L4"]


def test_changed_declaration_is_an_audit_finding(order: Order) -> None:
    row = declare(order, is_whole_order=True)
    Withdrawal.objects.filter(pk=row.pk).update(is_whole_order=False)
    assert "was changed after it was declared" in next(withdrawal_findings()).text


@pytest.mark.parametrize(("days", "late"), [(17, False), (40, True)])
def test_declaration_after_the_period_is_late(order: Order, days: int, late: bool) -> None:
    shipped = timezone.now() - timedelta(days=days)
    make_shipment(order, shipped_at=shipped)
    Order.objects.update(status="shipped", shipped_at=shipped, delivery_days=3)
    order.refresh_from_db()
    assert is_late(declare(order, is_whole_order=True)) is late


def test_declaration_about_an_excluded_line_is_late(order: Order) -> None:
    order.items.update(withdrawal_days=0)
    assert is_late(declare(order, units={str(line(order)): 1}, is_from_order_page=True))


# The admin


def test_list_in_the_admin_shows_what_was_entered_while_no_order_is_assigned(
    order: Order, admin_client: Client
) -> None:
    declare(order, order_number="from May")
    declare(order_number="from June")
    page = admin_client.get(reverse("admin:orders_withdrawal_changelist"))
    assert [text in page.text for text in (order.order_id, "from May", "from June")] == [True, False, True]


def test_list_shows_open_withdrawals_first_with_what_is_to_be_done(admin_client: Client, order: Order) -> None:
    closed = declare(order, is_whole_order=True, number="WCLOSED22")
    handling.close(closed, by=STAFF)
    declare(number="WUNKNOWN2", declared_at=timezone.now() - timedelta(days=20))
    typed = declare(order, number="WTYPED222")
    queue_receipt(typed)
    page = admin_client.get(reverse("admin:orders_withdrawal_changelist"))
    rows = list(page.context["cl"].result_list)
    assert [row.number for row in rows] == ["WUNKNOWN2", "WTYPED222", "WCLOSED22"]
    for text in ("Overdue, No order assigned, Receipt not sent", ">Items not assigned<", "Closed, Receipt not sent"):
        assert text in page.text


@pytest.mark.parametrize(
    ("state", "numbers"),
    [
        ("open", ["WUNKNOWN2", "WTYPED222"]),
        ("overdue", ["WUNKNOWN2"]),
        ("unmatched", ["WUNKNOWN2"]),
        ("unassigned", ["WUNKNOWN2", "WTYPED222"]),
        ("receipt", ["WUNKNOWN2", "WCLOSED22"]),
        ("closed", ["WCLOSED22"]),
        ("x", ["WUNKNOWN2", "WTYPED222", "WCLOSED22"]),
    ],
)
def test_list_is_filtered_by_state(admin_client: Client, order: Order, state: str, numbers: list[str]) -> None:
    handling.close(declare(order, is_whole_order=True, number="WCLOSED22"), by=STAFF)
    declare(number="WUNKNOWN2", declared_at=timezone.now() - timedelta(days=20))
    queue_receipt(declare(order, number="WTYPED222"))
    page = admin_client.get(reverse("admin:orders_withdrawal_changelist"), {"state": state})
    assert [row.number for row in page.context["cl"].result_list] == numbers


def test_staff_find_the_order_and_assign_items(admin_client: Client, order: Order) -> None:
    row = declare()
    assert url_of(row, "assign") in admin_client.get(url_of(row)).text
    page = admin_client.get(url_of(row, "assign"))
    assert "Mug (up to 3)" not in page.text
    number = f" {order.order_id.lower()} "
    page = admin_client.get(url_of(row, "assign"), {"order": number})
    assert "Mug (up to 3)" in page.text
    data = {"shown": "", f"units_{line(order)}": "2"}
    response = admin_client.post(f"{url_of(row, 'assign')}?order={order.order_id}", data, follow=True)
    assert f"Assigned to order {order.order_id}." in response.text
    assert "2 × Mug" in response.text
    second = admin_client.post(f"{url_of(row, 'assign')}?order={order.order_id}", data, follow=True)
    assert "Somebody else changed this withdrawal in the meantime." in second.text


@pytest.mark.parametrize("number", ["", "X", "9" * 70, "' OR 1=1"])
def test_unknown_order_number_gets_a_message(admin_client: Client, number: str) -> None:
    row = declare()
    response = admin_client.get(url_of(row, "assign"), {"order": number})
    assert (response.status_code, "errorlist" in response.text) == (200, True)
    assert admin_client.post(f"{url_of(row, 'assign')}?order=X", {"shown": ""}).status_code == 200


def test_unpaid_order_is_not_found(admin_client: Client) -> None:
    order = make_paid_order(status=Order.Status.PLACED)
    response = admin_client.get(url_of(declare(), "assign"), {"order": order.order_id})
    assert "There is no paid order with this number." in response.text


@pytest.mark.parametrize(
    "changes",
    [
        {"units": "4"},
        {"units": "-1"},
        {"units": "x"},
        {"units": ""},
        {"units": "1", "shown": "yesterday"},
        {"units": "1", "shown": "2026-99-99T00:00"},
        {"units": "1", "shown": "0001-01-01T00:00+14:00"},
        {"units": "1", "refunds": "999"},
        {"units": "1", "refunds": "9" * 30},
    ],
)
def test_invalid_assignment_gets_a_message(admin_client: Client, order: Order, changes: dict[str, str]) -> None:
    row = declare(order)
    refund_of(None, order, 1)
    data = {"shown": "", f"units_{line(order)}": changes["units"]} | changes
    response = admin_client.post(url_of(row, "assign"), data)
    row.refresh_from_db()
    assert (response.status_code, "errorlist" in response.text, row.assigned_at) == (200, True, None)


def test_refund_form_is_filled_in_from_the_withdrawal(admin_client: Client, order: Order) -> None:
    row = declare(order, units={str(line(order)): 2}, is_from_order_page=True)
    url = f"{reverse('admin:orders_order_refund', args=[order.pk])}?withdrawal={row.pk}"
    assert url in admin_client.get(url_of(row)).text
    form = admin_client.get(url).context["form"]
    assert (form[f"units_{line(order)}"].value(), form["withdrawal"].value()) == (2, row.pk)
    data = {"already": "0", f"units_{line(order)}": "2", "withdrawal": row.pk}
    assert submit_refund(admin_client, url, data).status_code == 302
    refund = Refund.objects.get()
    assert (refund.withdrawal, refund.amount, is_open(row)) == (row, Decimal("20.00"), False)


def test_refund_of_the_whole_order_includes_delivery(admin_client: Client, order: Order) -> None:
    row = declare(order, is_whole_order=True)
    url = reverse("admin:orders_order_refund", args=[order.pk])
    form = admin_client.get(url, {"withdrawal": row.pk}).context["form"]
    assert (form["delivery"].value(), form["withdrawal"].value()) == (order.shipping_total, row.pk)
    order.items.update(withdrawal_days=0)
    form = admin_client.get(url, {"withdrawal": row.pk}).context["form"]
    assert form[f"units_{line(order)}"].value() is None


@pytest.mark.parametrize("key", ["x", "0", "-1", "9" * 30])
def test_unknown_withdrawal_leaves_the_refund_form_as_usual(admin_client: Client, order: Order, key: str) -> None:
    url = reverse("admin:orders_order_refund", args=[order.pk])
    assert not admin_client.get(url, {"withdrawal": key}).context["form"][f"units_{line(order)}"].value()
    data = {"already": "0", "amount": "1", "withdrawal": key}
    declare(order)
    assert "errorlist" in submit_refund(admin_client, url, data).text
    assert not Refund.objects.exists()


@pytest.mark.parametrize("name", ["arrived", "close"])
def test_step_is_done_once(admin_client: Client, order: Order, name: str) -> None:
    row = declare(order, is_whole_order=True)
    assert url_of(row, name) in admin_client.get(url_of(row)).text
    assert admin_client.get(url_of(row, name)).status_code == 405
    first = admin_client.post(url_of(row, name), follow=True)
    assert url_of(row, name) not in first.text
    second = admin_client.post(url_of(row, name), follow=True)
    assert "Somebody else changed this withdrawal" in second.text


def test_staff_send_a_receipt_that_was_not_sent(admin_client: Client) -> None:
    row = declare()
    response = admin_client.post(url_of(row, "receipt"), follow=True)
    assert "The receipt will be sent." in response.text
    assert url_of(row, "receipt") not in response.text
    assert [message.to for message in mailbox.outbox] in ([], [[row.email]])


def test_order_page_of_staff_lists_withdrawals_and_why_it_does_not_ship(admin_client: Client, order: Order) -> None:
    row = declare(order)
    assert row.number in admin_client.get(reverse("admin:orders_order_change", args=[order.pk])).text
    response = admin_client.post(reverse("admin:orders_order_ship", args=[order.pk]), follow=True)
    assert "assign the items of its withdrawal first" in response.text


@pytest.mark.parametrize("name", ["assign", "arrived", "receipt", "close"])
def test_staff_without_the_permission_only_read(client: Client, order: Order, name: str) -> None:
    row = declare(order)
    clerk = make_user("desk@example.org", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_withdrawal", "view_order"]))
    client.force_login(clerk)
    page = client.get(url_of(row))
    assert (page.status_code, url_of(row, name) in page.text) == (200, False)
    assert client.post(url_of(row, name)).status_code == 403
    assert is_open(row)
