"""Tests for refunded units that return to stock: with the refund, later, once, and never more than were sold."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from billing import answers
from orders.bookkeeping.audit import audit
from orders.models import Order, OrderEvent, Refund
from orders.workflow import refunds
from orders.workflow.refunds import RefundRequest, RestockRejected, settlement
from products.models import Product, StockMovement
from stripe_simulator.server import Simulator
from tests.admin_forms import field_errors, read_form
from tests.makers import buy, make_paid_order, make_product, ship

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
S = Refund.Status


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    """Return a shipped order of three mugs at 10.00 each, with delivery for 4.95. Seven mugs are left in stock."""
    order = buy(client, make_product(title="Mug", price=Decimal(10), stock=10), quantity=3)
    ship(order, by="packer")
    return order


def url_of(order: Order) -> str:
    return reverse("admin:orders_order_restock", args=[order.pk])


def line(order: Order) -> int:
    return order.items.get().pk


def refund(order: Order, units: int, back: int = 0, amount: str = "") -> Refund:
    """Refund units of the line and return some of them to stock."""
    order.refresh_from_db()
    request = RefundRequest(
        Decimal(amount or 10 * units), order.amount_refunded, "staff", units={line(order): units} if units else {},
        restock={line(order): back} if back else {},
    )  # fmt: skip
    return refunds.refund(order, request)


def restock(order: Order, units: int, shown: str | None = None) -> dict[int, int]:
    shown = refunds.restocked_text(order) if shown is None else shown
    return refunds.restock(order, {line(order): units}, shown, by="staff")


def answer(row: Refund, status: str) -> None:
    """Let Stripe report this status of a refund."""
    found = answers.RefundResult(str(row.stripe_id), status, int(row.amount * 100), row.currency, str(row.pk))
    settlement._store_state(row, found)


def returnable(order: Order) -> int:
    order.refresh_from_db()
    return refunds.returnable_units(order).get(line(order), 0)


def stock() -> int | None:
    return Product.objects.get().stock


# Later


def test_units_return_to_stock_when_the_parcel_arrives(order: Order, admin_client: Client) -> None:
    refund(order, units=2)
    assert stock() == 7
    page = admin_client.get(url_of(order))
    response = read_form(admin_client, url_of(order), page).submit()
    assert (response.status_code, stock(), returnable(order)) == (302, 9, 0)
    assert audit() == []


def test_return_to_stock_is_recorded(order: Order, admin_client: Client) -> None:
    refund(order, units=2)
    read_form(admin_client, url_of(order), admin_client.get(url_of(order))).submit()
    movement = StockMovement.objects.filter(order=order.order_id).latest("pk")
    assert (movement.kind, movement.amount) == (StockMovement.Kind.RETURNED, 2)
    assert movement.by == "admin@example.com"
    event = order.events.get(kind=OrderEvent.Kind.RESTOCKED)
    assert (event.text, event.by) == ("2 × Mug", "admin@example.com")
    assert LogEntry.objects.get().get_change_message() == "Units returned to stock: 2."


def test_staff_enter_fewer_units_than_were_refunded(order: Order, admin_client: Client) -> None:
    refund(order, units=2)
    form = read_form(admin_client, url_of(order), admin_client.get(url_of(order)))
    form.submit(**{f"units_{line(order)}": 1})
    assert (stock(), returnable(order)) == (8, 1)


def test_order_page_links_to_the_page_once_something_was_refunded(order: Order, admin_client: Client) -> None:
    page = reverse("admin:orders_order_change", args=[order.pk])
    assert url_of(order) not in admin_client.get(page).text
    refund(order, units=1)
    assert url_of(order) in admin_client.get(page).text


def test_page_without_units_to_return_says_so(order: Order, admin_client: Client) -> None:
    refund(order, units=1, back=1)
    assert "No refunded units of this order are left" in admin_client.get(url_of(order)).text


def test_refunds_store_the_units_that_came_back_of_their_own(order: Order) -> None:
    rows = [refund(order, units=1), refund(order, units=2)]
    restock(order, 2)
    key = str(line(order))
    assert [Refund.objects.get(pk=row.pk).restock for row in rows] == [{key: 1}, {key: 1}]
    restock(order, 1)
    assert [Refund.objects.get(pk=row.pk).restock for row in rows] == [{key: 1}, {key: 2}]
    assert refunds.restockable_units(order) == {line(order): 0}


# Twice, and too many


def test_second_of_two_members_of_staff_is_told(order: Order, admin_client: Client) -> None:
    refund(order, units=2)
    forms = [read_form(admin_client, url_of(order), admin_client.get(url_of(order))) for _person in range(2)]
    first, second = (form.submit(**{f"units_{line(order)}": 1}) for form in forms)
    assert (first.status_code, second.status_code, stock()) == (302, 200, 8)
    assert "were returned to stock in the meantime" in second.text
    assert order.events.filter(kind=OrderEvent.Kind.RESTOCKED).count() == 1


def test_hostile_number_of_units_is_rejected(order: Order, admin_client: Client) -> None:
    refund(order, units=2)
    form = read_form(admin_client, url_of(order), admin_client.get(url_of(order)))
    for value in ("-1", "3", "x", "nan", "9" * 40, "1.5"):
        page = form.submit(**{f"units_{line(order)}": value})
        assert (page.status_code, bool(field_errors(page)), stock()) == (200, True, 7), value


@pytest.mark.parametrize("data", [{}, {"shown": ""}, {"shown": "none"}, {"shown": "none", "units_999": "1"}])
def test_form_without_units_changes_nothing(order: Order, admin_client: Client, data: dict[str, str]) -> None:
    refund(order, units=2)
    assert admin_client.post(url_of(order), data).status_code == 200
    assert stock() == 7


@pytest.mark.parametrize("units", [-1, 3])
def test_more_units_than_were_refunded_are_rejected(order: Order, units: int) -> None:
    refund(order, units=2)
    with pytest.raises(RestockRejected, match="than were refunded"):
        restock(order, units)
    assert stock() == 7


def test_units_of_another_order_are_rejected(order: Order) -> None:
    refund(order, units=2)
    other = line(make_paid_order())
    with pytest.raises(RestockRejected):
        refunds.restock(order, {other: 1}, refunds.restocked_text(order), by="staff")


def test_units_are_returned_once_with_the_refund_and_later(order: Order) -> None:
    refund(order, units=2, back=1)
    assert returnable(order) == 1
    restock(order, 1)
    with pytest.raises(RestockRejected):
        restock(order, 1)
    assert stock() == 9


def test_order_without_refunds_returns_nothing(order: Order) -> None:
    assert returnable(order) == 0


def test_units_that_will_be_shipped_are_not_returned(client: Client, simulator: Simulator) -> None:
    """A refund of an amount names no units. Nothing of this order was shipped, so nothing can come back."""
    order = buy(client, make_product(price=Decimal(10), stock=10), quantity=3)
    refund(order, units=0, amount="5.00")
    assert returnable(order) == 0


def test_refund_that_names_no_units_lets_shipped_ones_return(order: Order) -> None:
    refund(order, units=0, amount="10.00")
    assert returnable(order) == 3
    restock(order, 1)
    assert (returnable(order), stock()) == (2, 8)
    assert audit() == []


def test_stock_that_is_not_counted_is_told(order: Order, admin_client: Client) -> None:
    refund(order, units=1)
    Product.objects.get().switch_stock_tracking(None, by="staff")
    page = read_form(admin_client, url_of(order), admin_client.get(url_of(order))).submit()
    assert "The stock of these products is not counted." in page.text
    assert not order.events.filter(kind=OrderEvent.Kind.RESTOCKED).exists()


# Refunds that are not finished, or fail


def test_refund_that_stripe_has_not_accepted_lets_nothing_return(order: Order) -> None:
    order.refresh_from_db()
    refunds.request_refund(order, RefundRequest(Decimal(10), Decimal(0), "staff", units={line(order): 1}))
    assert returnable(order) == 0


def test_rejected_refund_does_not_restock(order: Order) -> None:
    row = refunds.request_refund(
        order, RefundRequest(Decimal(10), Decimal(0), "staff", units={line(order): 1}, restock={line(order): 1})
    )
    answer(row, "failed")
    assert (stock(), returnable(order), refunds.restockable_units(order)) == (7, 0, {line(order): 3})


@pytest.mark.parametrize("is_later", [False, True])
def test_late_failure_keeps_the_units_in_stock(order: Order, is_later: bool) -> None:
    """The units are in the shop although the money did not arrive. They do not return a second time."""
    row = refund(order, units=1, back=0 if is_later else 1)
    if is_later:
        restock(order, 1)
    answer(row, "failed")
    order.refresh_from_db()
    assert (stock(), order.amount_refunded, returnable(order)) == (8, Decimal(0), 0)
    assert refunds.restockable_units(order) == {line(order): 2}
    assert "failed" in order.attention
    assert [finding for finding in audit() if finding.rule == "I4"] == []


def test_units_restocked_before_a_late_failure_are_not_offered_again(order: Order, admin_client: Client) -> None:
    for row in (refund(order, units=3, back=3),):
        answer(row, "failed")
    url = reverse("admin:orders_order_refund", args=[order.pk])
    form = read_form(admin_client, url, admin_client.get(url))
    page = form.submit(**{f"units_{line(order)}": 3, f"shipped_{line(order)}": "on"})
    assert [(chosen.units, chosen.restocked) for chosen in page.context["lines"]] == [(3, 0)]


def test_pending_refund_returns_units_once(order: Order) -> None:
    """Units that came back while the refund was pending do not return again when it is done."""
    row: Any = refunds.request_refund(order, RefundRequest(Decimal(10), Decimal(0), "staff", units={line(order): 1}))
    answer(row, "pending")
    restock(order, 1)
    answer(row, "succeeded")
    row.refresh_from_db()
    assert (stock(), row.status, row.restock) == (8, S.DONE, {str(line(order)): 1})


def test_order_page_leads_to_the_form_while_units_are_not_back(admin_client: Client, order: Order) -> None:
    page = reverse("admin:orders_order_change", args=[order.pk])
    shown = [url_of(order) in admin_client.get(page).text]
    refund(order, 2)
    shown.append(url_of(order) in admin_client.get(page).text)
    restock(order, 2)
    shown.append(url_of(order) in admin_client.get(page).text)
    assert shown == [False, True, False]


def test_order_page_leads_to_the_form_after_a_refund_without_units(admin_client: Client, order: Order) -> None:
    refund(order, 0, amount="5.00")
    assert url_of(order) in admin_client.get(reverse("admin:orders_order_change", args=[order.pk])).text
