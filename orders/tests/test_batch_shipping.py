"""Tests for shipping many orders at once: what is shipped, and which orders are left out and named."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from core.admin.confirmed_actions import MAX_ROWS
from orders.admin.actions import batch_shipping
from orders.models import Carrier, Mail, Order, Shipment, Withdrawal
from orders.workflow import shipping
from tests.admin_forms import OpenForm, open_form, open_ship_many, read_form
from tests.makers import make_paid_order, make_product, make_shipment, make_user, ship
from tests.markup import parse_html

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
LIST, SHIP_MANY = "/admin/orders/order/", "/admin/orders/order/ship/"


def staff_with(*codenames: str, email: str = "packer@example.org") -> Client:
    """Return a client of a member of staff with these permissions."""
    user = make_user(email, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def packer() -> Client:
    return staff_with("view_order", "ship_order")


def submit(form: OpenForm, **changes: Any) -> Any:
    """Press the button that ships. Return the page after it."""
    response = form.submit(**changes)
    return form.client.get(response.url) if response.status_code == 302 else response


def tracking(*orders: Order) -> dict[str, str]:
    """Return entries of a tracking number for each order."""
    return {f"order-{order.pk}-tracking": f"RM {order.pk}" for order in orders}


def shipped() -> dict[str, str]:
    """Return the tracking numbers of all shipments by the number of their order."""
    return {shipment.order.order_id: shipment.tracking for shipment in Shipment.objects.select_related("order")}


def rows(page: Any) -> list[str]:
    """Return the texts of the rows of the page."""
    [table] = [table for table in parse_html(page.text).all("table") if table.attrs.get("class") == "batch-table"]
    return [row.text for body in table.all("tbody") for row in body.all("tr")]


def test_twenty_orders_with_two_that_need_attention_ship_eighteen_and_name_two(packer: Client) -> None:
    orders = [make_paid_order() for _number in range(20)]
    waiting = orders[4], orders[11]
    Order.objects.filter(pk__in=[order.pk for order in waiting]).update(attention="Look at this")
    form = open_ship_many(packer, *orders)
    good = [order for order in orders if order not in waiting]
    page = submit(form, **tracking(*good))
    assert shipped() == {order.order_id: f"RM {order.pk}" for order in good}
    assert "18 orders have been shipped:" in page.text
    for order in waiting:
        assert f"{order} needs attention: Look at this" in page.text
    assert Mail.objects.filter(kind=Mail.Kind.SHIPPED).count() == 18


def test_page_shows_postal_address_and_units_to_ship(packer: Client) -> None:
    order = make_paid_order(make_product(title="Oak stool", sku="STOOL-1"))
    [row] = rows(packer.get(SHIP_MANY, {"ids": order.pk}))
    assert [
        text for text in (str(order), "Gia Guest, 1 High Street", "1 × Oak stool (STOOL-1)") if text not in row
    ] == []


def test_carrier_that_was_used_last_is_chosen(packer: Client) -> None:
    make, van = Carrier.objects.create(name="Parcel Mail"), Carrier.objects.create(name="Van")
    make_shipment(make_paid_order(status=Order.Status.SHIPPED, shipped_at=timezone.now()), carrier=van)
    first, second = make_paid_order(), make_paid_order()
    submit(open_ship_many(packer, first, second), **{f"order-{second.pk}-carrier": str(make.pk)})
    assert [order.shipments.get().carrier for order in (first, second)] == [van, make]


def test_inactive_carrier_is_rejected(packer: Client) -> None:
    Carrier.objects.create(name="Van")
    gone, order = Carrier.objects.create(name="Gone", active=False), make_paid_order()
    page = submit(open_ship_many(packer, order), **{f"order-{order.pk}-carrier": str(gone.pk)})
    assert ("errorlist" in page.text, shipped()) == (True, {})


def make_order_with_a_dispute() -> Order:
    order = make_paid_order()
    order.disputes.create(stripe_id="du_1", amount=5, currency="gbp", status="needs_response", opened=timezone.now())
    return order


def make_order_with_items_to_assign() -> Order:
    order = make_paid_order()
    Withdrawal(
        order=order, is_whole_order=False, items="the jug", name="Gia", email="g@example.org", language="en"
    ).save()
    return order


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_order_with_a_dispute, "its payment is disputed"),
        (make_order_with_items_to_assign, "assign the items of its withdrawal first"),
        (lambda: make_paid_order(status=Order.Status.CANCELED), "cannot be shipped: Cancelled."),
        (lambda: make_paid_order(amount_refunded=1, amount_lost=25), "after a lost dispute"),
    ],
    ids=["dispute", "withdrawal", "canceled", "lost"],
)
def test_order_that_is_left_out_is_named_with_the_reason(
    packer: Client, make: Callable[[], Order], reason: str
) -> None:
    order, other = make(), make_paid_order()
    page = submit(open_ship_many(packer, order, other))
    assert list(shipped()) == [other.order_id]
    text = parse_html(page.text).one("main").text
    assert f"{order}" in text
    assert reason in text


def test_order_that_needs_attention_since_the_page_was_shown_is_left_out_and_named(packer: Client) -> None:
    order, other = make_paid_order(), make_paid_order()
    form = open_ship_many(packer, order, other)
    Order.objects.filter(pk=order.pk).update(attention="A dispute was opened.")
    assert f"{order} needs attention: A dispute was opened." in submit(form).text
    assert list(shipped()) == [other.order_id]


def test_order_that_another_packer_shipped_first_is_left_out_and_named(packer: Client) -> None:
    order, other = make_paid_order(), make_paid_order()
    form = open_ship_many(packer, order, other)
    ship(order, by="colleague", tracking="FIRST")
    page = submit(form, **tracking(order, other))
    assert shipped() == {order.order_id: "FIRST", other.order_id: f"RM {other.pk}"}
    assert f"{order} was already shipped. Nothing was changed." in page.text


def test_order_whose_units_have_changed_is_not_shipped_and_keeps_what_was_typed(packer: Client) -> None:
    order = make_paid_order()
    item = order.items.create(product=make_product(), sku="J", title="Jug", unit_price=5, quantity=3, total=15)
    form = open_ship_many(packer, order)
    order.payments.get().refunds.create(amount=5, currency="gbp", units={str(item.pk): 1})
    page = submit(form, **tracking(order))
    assert (shipped(), "its units to ship have changed" in page.text) == ({}, True)
    assert "2 × Jug" in rows(page)[0]
    again = open_form(packer, form.url)
    again.button = "ship"
    submit(again, **tracking(order))
    assert shipped() == {order.order_id: f"RM {order.pk}"}
    assert f'value="RM {order.pk}"' in page.text


def test_order_whose_address_was_corrected_meanwhile_is_not_shipped_and_shows_the_new_one(packer: Client) -> None:
    order, other = make_paid_order(), make_paid_order()
    form = open_ship_many(packer, order, other)
    Order.objects.filter(pk=order.pk).update(shipping_address_text="Gia Guest\n2 Low Street")
    page = submit(form, **tracking(order, other))
    assert shipped() == {other.order_id: f"RM {other.pk}"}
    assert f"{order} was not shipped: its postal address has changed." in page.text
    assert "Gia Guest, 2 Low Street" in rows(page)[0]
    again = read_form(packer, form.url, page)
    again.button = "ship"
    submit(again)
    assert shipped()[order.order_id] == f"RM {order.pk}"


def test_pressing_twice_ships_once(packer: Client) -> None:
    orders = [make_paid_order(), make_paid_order()]
    form = open_ship_many(packer, *orders)
    submit(form)
    page = submit(form)
    assert (Shipment.objects.count(), Mail.objects.filter(kind=Mail.Kind.SHIPPED).count()) == (2, 2)
    assert [f"{order} was already shipped. Nothing was changed." in page.text for order in orders] == [True, True]


def test_wrong_tracking_number_keeps_its_row_and_ships_the_others(packer: Client) -> None:
    wrong, right = make_paid_order(), make_paid_order()
    page = submit(open_ship_many(packer, wrong, right), **{f"order-{wrong.pk}-tracking": "<script>"})
    assert list(shipped()) == [right.order_id]
    assert f"{wrong} was not shipped: correct its tracking number or carrier." in page.text
    [row] = rows(page)
    assert "Use only letters" in row
    assert 'value="&lt;script&gt;"' in page.text


def test_error_in_one_order_does_not_stop_the_others(packer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (make_paid_order() for _number in range(3))

    def fail_for_the_second(order: Order, *args: Any) -> Shipment:
        if order == second:
            raise DatabaseError
        return shipping.ship(order, *args)

    monkeypatch.setattr(batch_shipping, "ship", fail_for_the_second)
    page = submit(open_ship_many(packer, first, second, third))
    assert set(shipped()) == {first.order_id, third.order_id}
    assert f"{second} was not shipped because of an error. Try again." in page.text


def test_rows_that_are_not_ticked_are_not_shipped(packer: Client) -> None:
    ready, later = make_paid_order(), make_paid_order()
    submit(open_ship_many(packer, ready, later), **{f"order-{later.pk}-is_ready": None})
    assert list(shipped()) == [ready.order_id]


@pytest.mark.parametrize("wrong", ["<script>", ""])
def test_row_that_is_not_ticked_stays_so_if_the_page_is_shown_again(packer: Client, wrong: str) -> None:
    """The page is shown again after an error in another row, and if no row was ticked at all."""
    order, later = make_paid_order(), make_paid_order()
    form = open_ship_many(packer, order, later)
    ticks = {f"order-{row.pk}-is_ready": None for row in ([later] if wrong else [order, later])}
    page = form.submit(**ticks, **{f"order-{order.pk}-tracking": wrong, f"order-{later.pk}-tracking": "RM 2"})
    again = read_form(packer, form.url, page)
    assert f"order-{later.pk}-is_ready" not in again.data
    assert again.data[f"order-{later.pk}-tracking"] == ["RM 2"]


def test_enter_key_checks_the_entries_and_ships_nothing(packer: Client) -> None:
    """A scanner sends Enter after the number, and a browser then presses the first button of the form."""
    first, second = make_paid_order(), make_paid_order()
    form = open_ship_many(packer, first, second)
    keys = sorted([first.pk, second.pk], reverse=True)
    root = parse_html(packer.get(form.url).text).one("form", id="ship_many_form")
    assert next(iter(root.all("input", type="submit"))).attrs["name"] == "check"
    form.button = "check"
    page = form.submit(**{f"order-{keys[0]}-tracking": "RM 1"})
    focused = [field.attrs["name"] for field in parse_html(page.text).all("input") if "autofocus" in field.attrs]
    assert (shipped(), 'value="RM 1"' in page.text) == ({}, True)
    assert focused == [f"order-{keys[1]}-tracking"]


def test_only_what_is_left_of_a_partly_shipped_order_is_shipped(packer: Client) -> None:
    order = make_paid_order()
    item = order.items.create(product=make_product(), sku="J", title="Jug", unit_price=5, quantity=3, total=15)
    make_shipment(order, units={str(item.pk): 3})
    submit(open_ship_many(packer, order))
    assert [shipment.units for shipment in order.shipments.all()][1] == {
        str(order.items.exclude(pk=item.pk).get().pk): 1
    }


def test_filter_shows_the_orders_to_ship_that_waited_longest_first(packer: Client) -> None:
    new, old = (make_paid_order(paid_at=timezone.now()) for _number in range(2))
    Order.objects.filter(pk=old.pk).update(paid_at=timezone.now() - timedelta(days=1))
    make_paid_order(status=Order.Status.SHIPPED)
    page = packer.get(LIST, {"to_ship": "yes"})
    assert list(page.context["cl"].result_list) == [old, new]


@pytest.mark.parametrize("codenames", [("view_order",), ("ship_order",), ("view_order", "change_order")])
def test_staff_without_both_permissions_cannot_ship(packer: Client, codenames: tuple[str, ...]) -> None:
    form = open_ship_many(packer, make_paid_order())
    form.client = staff_with(*codenames, email="clerk@example.org")
    assert form.client.get(form.url).status_code == 403
    assert form.submit().status_code == 403
    assert shipped() == {}


def test_strangers_cannot_ship(client: Client) -> None:
    response = client.post(f"{SHIP_MANY}?ids={make_paid_order().pk}", {"ship": "1"})
    assert response.url.startswith("/admin/login/")  # type: ignore[attr-defined]


@pytest.mark.parametrize("ids", ["abc", "9" * 40, "0", "-1", "1 OR 1=1", "٣", "<script>"])
def test_hostile_ids_are_orders_that_do_not_exist(packer: Client, ids: str) -> None:
    for response in (packer.get(SHIP_MANY, {"ids": ids}), packer.post(f"{SHIP_MANY}?ids=99{ids[:1]}x", {"ship": "1"})):
        assert response.status_code in (200, 302)
    assert "1 order was not found." in packer.get(SHIP_MANY, {"ids": ids}).text


@pytest.mark.parametrize("ids", ["", ",".join(str(number) for number in range(1, MAX_ROWS + 2))])
def test_no_orders_or_too_many_are_rejected_with_a_message(packer: Client, ids: str) -> None:
    text = f"Select between 1 and {MAX_ROWS} orders."
    for method in (packer.get, packer.post):
        assert text in method(f"{SHIP_MANY}?ids={ids}", follow=True).text


def test_orders_that_the_url_does_not_name_are_not_shipped(packer: Client) -> None:
    named, other = make_paid_order(), make_paid_order()
    form, stolen = open_ship_many(packer, named), open_ship_many(packer, other)
    form.data |= stolen.data
    submit(form)
    assert list(shipped()) == [named.order_id]


def test_largest_selection_fits_into_the_limits_of_a_form(packer: Client) -> None:
    """The page has at most 200 rows, and Django accepts 1,000 fields."""
    Carrier.objects.create(name="Van")
    orders = [make_paid_order() for _number in range(2)]
    fields = [name for name in open_ship_many(packer, *orders).data if name.startswith(f"order-{orders[0].pk}-")]
    assert len(fields) * MAX_ROWS + 2 <= 1000
