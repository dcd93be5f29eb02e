"""Tests for the pages on which staff refund an order: what they add up, show, refuse and do once."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.staff.roles import make_roles
from core.money import smallest_unit
from orders.bookkeeping.audit import audit
from orders.emails import previews
from orders.models import Dispute, Order, OrderItem, Refund
from orders.models.units import value_of_units
from orders.workflow import refunds
from orders.workflow.refunds import RefundRequest
from products.models import Product
from stripe_simulator.server import Simulator
from tests.admin_forms import OpenForm, field_errors, read_form, submit_refund
from tests.makers import buy, make_discount, make_paid_order, make_product, make_tax, make_user, ship
from tests.markup import parse_html

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    """Return a paid order of three mugs at 10.00 each, with delivery for 4.95."""
    return buy(client, make_product(title="Mug", price=Decimal(10), stock=10), quantity=3)


@pytest.fixture
def row() -> Order:
    """Return the rows of a paid order of three mugs at 10.00 each, with delivery for 4.95."""
    order = make_paid_order(make_product(title="Mug", price=Decimal(10)), total=Decimal("34.95"))
    order.items.update(quantity=3, total=Decimal(30))
    return order


def url_of(order: Order, query: str = "") -> str:
    return reverse("admin:orders_order_refund", args=[order.pk]) + query


def line(order: Order) -> int:
    return order.items.get().pk


def choose(client: Client, order: Order, query: str = "", /, **changes: Any) -> Any:
    """Open the refund page, change these fields and press Continue. Return the next page."""
    url = url_of(order, query)
    return read_form(client, url, client.get(url)).submit(step="check", **changes)


def confirm_form(client: Client, order: Order, page: Any) -> OpenForm:
    """Return the form of the second page."""
    assert "refund_confirm_form" in page.text, field_errors(page)
    return read_form(client, url_of(order), page)


def refund_row(order: Order, amount: str, **more: Any) -> Refund:
    order.refresh_from_db()
    return refunds.request_refund(order, RefundRequest(Decimal(amount), order.amount_refunded, "ben", **more))


def stock() -> int | None:
    return Product.objects.get().stock


# What the pages show


def test_first_page_refunds_nothing(row: Order, admin_client: Client) -> None:
    page = choose(admin_client, row, **{f"units_{line(row)}": 1})
    assert (page.status_code, Refund.objects.count()) == (200, 0)


def test_second_page_shows_what_will_happen(order: Order, admin_client: Client) -> None:
    page = choose(admin_client, order, reason="Chipped", delivery="2.00", **{f"units_{line(order)}": 2})
    shown = ["2 × Mug", "£20.00", "£2.00", "Refund £22.00", "Visa •••• 4242", "Chipped", "guest@example.org"]
    assert [text for text in shown if text not in page.text] == []
    assert f"We have refunded £22.00 of your order {order.order_id}." in page.text


def test_email_on_the_second_page_adds_up_all_refunds(order: Order, admin_client: Client) -> None:
    submit_refund(admin_client, url_of(order), {"already": "0", "amount": "5.00"})
    assert "Refunded in total: £8.00" in choose(admin_client, order, amount="3.00").text


def test_email_on_the_second_page_has_no_key_to_the_order(order: Order, admin_client: Client) -> None:
    page = choose(admin_client, order, amount="1.00")
    assert order.get_absolute_url() in page.text
    assert "?key=" not in page.text


def test_second_page_of_an_erased_order_tells_that_nobody_is_notified(row: Order, admin_client: Client) -> None:
    Order.objects.filter(pk=row.pk).update(email="")
    page = choose(admin_client, row, amount="1.00")
    assert "so nobody is notified" in page.text
    assert "Show the email" not in page.text


def test_line_without_units_to_refund_has_no_field(row: Order, admin_client: Client) -> None:
    refund_row(row, "30.00", units={line(row): 3})
    page = admin_client.get(url_of(row))
    assert "Nothing is left to refund." in page.text
    assert f'name="units_{line(row)}"' not in page.text


def test_units_are_worth_what_the_shopper_paid_for_them(
    client: Client, simulator: Simulator, admin_client: Client
) -> None:
    """Three mugs at 9.99 minus 10 percent, plus 20 percent tax, are £32.36. A third of it is £10.79."""
    make_discount("TEN")
    make_tax("20")
    order = make_paid_order(make_product(title="Mug", price=Decimal("9.99")), total=Decimal("32.36"), shipping_total=0)
    order.items.update(quantity=3, total="29.97", discount_total="3.00", tax_total="5.39")
    page = admin_client.get(url_of(order))
    assert "3 for £32.36" in page.text
    assert "Refund £10.79" in choose(admin_client, order, **{f"units_{line(order)}": 1}).text


def test_yen_have_no_decimals(admin_client: Client) -> None:
    order = make_paid_order(make_product(price=Decimal(500)), currency="jpy", total=900, shipping_total=400)
    order.payments.update(currency="jpy")
    assert "Refund JP¥900" in choose(admin_client, order, "?everything=1").text
    assert "Ensure that there are no more than 0 decimal places." in choose(admin_client, order, amount="1.5").text


# Everything, delivery and other amounts


def test_everything_is_refunded_without_typing(order: Order, admin_client: Client, simulator: Simulator) -> None:
    page = choose(admin_client, order, "?everything=1")
    assert confirm_form(admin_client, order, page).submit(step="refund").status_code == 302
    order.refresh_from_db()
    assert (order.status, order.amount_refunded, stock()) == (Order.Status.REFUNDED, Decimal("34.95"), 10)
    assert audit() == []


def test_everything_after_another_amount_is_what_is_left(row: Order, admin_client: Client) -> None:
    refund_row(row, "5.00", units={line(row): 1})
    assert "Refund £29.95" in choose(admin_client, row, "?everything=1").text


def test_delivery_is_refunded_up_to_what_is_left_of_its_price(order: Order, admin_client: Client) -> None:
    page = choose(admin_client, order, delivery="3.00")
    confirm_form(admin_client, order, page).submit(step="refund")
    assert Refund.objects.get().delivery == Decimal("3.00")
    assert "At most £1.95." in choose(admin_client, order, delivery="1.96").text
    assert "Refund £1.95" in choose(admin_client, order, delivery="1.95").text


def test_delivery_of_a_failed_refund_can_be_refunded_again(row: Order) -> None:
    refund = refund_row(row, "4.95", delivery=Decimal("4.95"))
    assert refunds.refundable_delivery(row) == 0
    Refund.objects.filter(pk=refund.pk).update(status=Refund.Status.FAILED)
    assert refunds.refundable_delivery(row) == Decimal("4.95")


@pytest.mark.parametrize(("is_included", "left"), [(True, "4.95"), (False, "5.94")])
def test_delivery_has_its_tax_unless_prices_include_it(row: Order, is_included: bool, left: str) -> None:
    row.shipping_tax, row.is_tax_included = Decimal("0.99"), is_included
    assert refunds.refundable_delivery(row) == Decimal(left)


@pytest.mark.parametrize("delivery", ["-0.01", "4.96", "2.00"])
def test_request_rejects_delivery_above_its_price_or_the_amount(row: Order, delivery: str) -> None:
    with pytest.raises(refunds.RefundRejected, match="delivery"):
        refund_row(row, "1.99" if delivery == "2.00" else "5.00", delivery=Decimal(delivery))
    row.refresh_from_db()
    assert row.amount_refunded == 0


def test_another_amount_replaces_the_sum(order: Order, admin_client: Client) -> None:
    page = choose(admin_client, order, amount="7.50", **{f"units_{line(order)}": 1})
    assert "Only £7.50 of £10.00 will be refunded." in page.text
    confirm_form(admin_client, order, page).submit(step="refund")
    refund = Refund.objects.get()
    assert (refund.amount, refund.units) == (Decimal("7.50"), {str(line(order)): 1})


# Restocking by default


def test_units_that_were_not_shipped_return_to_stock_unless_the_tick_is_removed(
    order: Order, admin_client: Client
) -> None:
    units = {f"units_{line(order)}": 1}
    confirm_form(admin_client, order, choose(admin_client, order, **units)).submit(step="refund")
    assert stock() == 8
    page = choose(admin_client, order, **units | {f"unshipped_{line(order)}": None})
    confirm_form(admin_client, order, page).submit(step="refund")
    assert stock() == 8


def test_shipped_units_return_to_stock_only_if_they_are_ticked(order: Order, admin_client: Client) -> None:
    ship(order, by="packer")
    units = {f"units_{line(order)}": 1}
    confirm_form(admin_client, order, choose(admin_client, order, **units)).submit(step="refund")
    assert stock() == 7
    page = choose(admin_client, order, **units | {f"shipped_{line(order)}": "on"})
    confirm_form(admin_client, order, page).submit(step="refund")
    assert stock() == 8


def test_units_that_were_not_shipped_are_refunded_first(
    row: Order, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three units, one was shipped. All three are refunded, and the two others return to stock."""
    monkeypatch.setattr(Order, "shipped_units", lambda order: {line(order): 1})
    page = choose(admin_client, row, **{f"units_{line(row)}": 3})
    assert [(chosen.units, chosen.restocked) for chosen in page.context["lines"]] == [(3, 2)]
    assert "Units not shipped (at most 2)" in admin_client.get(url_of(row)).text


# What changed in the meantime


def test_double_click_refunds_once(order: Order, admin_client: Client, simulator: Simulator) -> None:
    form = confirm_form(admin_client, order, choose(admin_client, order, **{f"units_{line(order)}": 1}))
    first, second = form.submit(step="refund"), form.submit(step="refund")
    assert (first.status_code, second.status_code) == (302, 200)
    assert "Another refund was made in the meantime. £24.95 can still be refunded" in second.text
    assert (len(simulator.objects("refund")), stock()) == (1, 8)


def test_double_click_on_a_full_refund_refunds_once(order: Order, admin_client: Client, simulator: Simulator) -> None:
    form = confirm_form(admin_client, order, choose(admin_client, order, "?everything=1"))
    form.submit(step="refund")
    assert "Another refund was made in the meantime." in form.submit(step="refund").text
    assert len(simulator.objects("refund")) == 1


@pytest.mark.parametrize("step", ["check", "refund"])
def test_shipment_in_the_meantime_is_told(row: Order, admin_client: Client, step: str) -> None:
    page = choose(admin_client, row, **{f"units_{line(row)}": 1})
    ship(row, by="packer")
    page = confirm_form(admin_client, row, page).submit(step=step)
    assert "Units of this order were shipped in the meantime." in page.text
    assert "Shipped units (at most 3)" in page.text
    assert not Refund.objects.exists()


def test_shipment_after_the_check_is_rejected(row: Order) -> None:
    before = refunds.unshipped_units(row)
    ship(row, by="packer")
    with pytest.raises(refunds.RefundRejected, match="shipped in the meantime"):
        refund_row(row, "10.00", unshipped=before)


def test_dispute_in_the_meantime_is_told(row: Order, admin_client: Client) -> None:
    form = confirm_form(admin_client, row, choose(admin_client, row, amount="1.00"))
    Dispute.objects.create(
        order=row, stripe_id="du_1", amount=1, currency="gbp", status="needs_response", opened=timezone.now()
    )
    page = form.submit(step="refund")
    assert "The payment is disputed." in page.text
    assert not Refund.objects.exists()


def test_sum_that_the_second_page_did_not_show_is_not_refunded(row: Order, admin_client: Client) -> None:
    """A lost dispute leaves less than what the units cost."""
    form = confirm_form(admin_client, row, choose(admin_client, row, "?everything=1"))
    Order.objects.filter(pk=row.pk).update(amount_lost=Decimal(20))
    page = form.submit(step="refund")
    assert page.status_code == 200
    assert not Refund.objects.exists()


def test_units_that_returned_to_stock_in_the_meantime_are_told(order: Order, admin_client: Client) -> None:
    """A refund failed after its units had returned to stock. The second page promised to return them again."""
    ship(order, by="packer")
    changes = {f"units_{line(order)}": 3, f"shipped_{line(order)}": "on"}
    form = confirm_form(admin_client, order, choose(admin_client, order, **changes))
    row = refund_row(order, "10.00", units={line(order): 1}, restock={line(order): 1})
    Refund.objects.filter(pk=row.pk).update(status=Refund.Status.FAILED, is_restocked=True)
    Order.objects.filter(pk=order.pk).update(amount_refunded=0)
    assert "What can be refunded has changed" in form.submit(step="refund").text
    assert not Refund.objects.exclude(pk=row.pk).exists()


def test_request_without_the_second_page_refunds_nothing(row: Order, admin_client: Client) -> None:
    page = admin_client.post(url_of(row), {"already": "0", "amount": "1.00", "step": "refund"})
    assert "What can be refunded has changed" in page.text
    assert not Refund.objects.exists()


def test_back_keeps_what_was_entered(row: Order, admin_client: Client) -> None:
    changes = {f"units_{line(row)}": "2", f"unshipped_{line(row)}": None, "delivery": "1.00", "reason": "Chipped"}
    form = confirm_form(admin_client, row, choose(admin_client, row, **changes))
    page = form.submit(step="choose")
    shown = read_form(admin_client, url_of(row), page).data
    assert [shown[name] for name in (f"units_{line(row)}", "delivery", "reason")] == [["2"], ["1.00"], ["Chipped"]]
    assert f"unshipped_{line(row)}" not in shown


# Hostile forms


@pytest.mark.parametrize("name", ["units", "amount", "delivery"])
def test_hostile_value_is_rejected_with_a_message(row: Order, admin_client: Client, name: str) -> None:
    for value in ("-1", "nan", "NaN", "Infinity", "1e9", "9" * 40, "x", "\x00", "4e-9", "35"):
        data = {"already": "0", f"{name}_{line(row)}" if name == "units" else name: value}
        page = submit_refund(admin_client, url_of(row), data)
        assert (page.status_code, bool(field_errors(page))) == (200, True), value
    assert not Refund.objects.exists()


def test_hostile_sum_of_earlier_refunds_is_rejected(row: Order, admin_client: Client) -> None:
    for already in ("-1", "nan", "1e400", "x", ""):
        page = submit_refund(admin_client, url_of(row), {"already": already, "amount": "1.00"})
        assert page.status_code == 200, already
    assert not Refund.objects.exists()


def test_units_of_another_order_are_ignored(row: Order, admin_client: Client) -> None:
    other = line(make_paid_order())
    page = submit_refund(admin_client, url_of(row), {"already": "0", f"units_{other}": "1"})
    assert "Enter units, delivery or another amount" in page.text
    assert not Refund.objects.exists()


def test_unpaid_order_is_not_refunded(admin_client: Client) -> None:
    order = make_paid_order(status=Order.Status.PLACED)
    page = submit_refund(admin_client, url_of(order), {"already": "0", "amount": "1.00"})
    assert "This order is not paid." in page.text
    assert not Refund.objects.exists()


# Who may


@pytest.mark.parametrize(("role", "status"), [("Packer", 403), ("Catalogue", 403), ("Support", 200), ("Manager", 200)])
def test_only_support_and_managers_refund_and_restock(row: Order, client: Client, role: str, status: int) -> None:
    make_roles()
    member = make_user("member@example.org", is_staff=True)
    member.groups.set(Group.objects.filter(name=role))
    client.force_login(member)
    restock = reverse("admin:orders_order_restock", args=[row.pk])
    assert {client.get(url).status_code for url in (url_of(row), restock)} == {status}
    assert {client.post(url).status_code for url in (url_of(row), restock)} == {status}


# Sums


@given(
    currency=st.sampled_from(["gbp", "eur", "jpy"]),
    quantity=st.integers(1, 12),
    paid=st.tuples(st.integers(1, 99_999), st.integers(0, 100), st.integers(0, 30)),
    parts=st.lists(st.integers(1, 4), max_size=12),
    is_included=st.booleans(),
)
def test_values_of_parts_add_up_for_each_currency_and_tax(
    currency: str, quantity: int, paid: tuple[int, int, int], parts: list[int], is_included: bool
) -> None:
    units, off, tax = paid
    unit = smallest_unit(currency)
    total = units * unit
    discount, tax_total = (units * off // 100) * unit, (units * tax // 100) * unit
    item = OrderItem(quantity=quantity, total=total, discount_total=discount, tax_total=tax_total)
    before, values = 0, []
    for part in [*parts, quantity]:
        number = min(part, quantity - before)
        values.append(value_of_units(item, number, before, is_included, currency))
        before += number
    assert sum(values) == total - discount + (0 if is_included else tax_total)
    assert all(value >= 0 and value % unit == 0 for value in values)


# What returned to stock


def refund_cells(client: Client, order: Order) -> list[str]:
    """Return the cells “Returned to stock” in the refunds of the order's page."""
    page = parse_html(client.get(reverse("admin:orders_order_change", args=[order.pk])).text)
    return [cell.text for cell in page.all("td", data_label="Returned to stock")]


def refund_one(client: Client, order: Order, **changes: Any) -> str:
    """Refund one mug and return the message that follows."""
    page = confirm_form(client, order, choose(client, order, **{f"units_{line(order)}": 1}, **changes))
    return client.get(page.submit(step="refund").url).text


def test_page_after_a_refund_says_which_units_returned_to_stock(order: Order, admin_client: Client) -> None:
    page = refund_one(admin_client, order)
    assert "Refund of £10.00: Refunded. Returned to stock: 1 × Mug." in page
    assert refund_cells(admin_client, order) == ["1 × Mug"]


def test_page_after_a_refund_says_that_nothing_returned_to_stock(order: Order, admin_client: Client) -> None:
    page = refund_one(admin_client, order, **{f"unshipped_{line(order)}": ""})
    assert "Refund of £10.00: Refunded. Nothing was returned to stock." in page
    assert refund_cells(admin_client, order) == ["–"]


def test_page_after_an_unanswered_refund_says_what_will_return_to_stock(
    order: Order, admin_client: Client, simulator: Simulator
) -> None:
    simulator.add_fault("/v1/refunds", "drop_before")
    page = refund_one(admin_client, order)
    assert "When Stripe accepts the refund, these return to stock: 1 × Mug." in page
    assert refund_cells(admin_client, order) == ["–"]


def test_units_of_a_stock_that_is_not_counted_are_not_said_to_return(order: Order, admin_client: Client) -> None:
    Product.objects.update(stock=None)
    assert "Nothing was returned to stock." in refund_one(admin_client, order)
    assert refund_cells(admin_client, order) == ["–"]


# What the pages say


def test_too_many_units_are_rejected_with_the_limit(order: Order, admin_client: Client) -> None:
    assert field_errors(choose(admin_client, order, **{f"units_{line(order)}": 4})) == "At most 3."


def test_reason_says_who_sees_it(row: Order, admin_client: Client) -> None:
    assert "The shopper does not see it" in admin_client.get(url_of(row)).text


@pytest.mark.parametrize(("language", "name"), [("de", "Show the email (German)"), ("en", "Show the email<")])
def test_second_page_names_the_language_of_the_email(
    order: Order, admin_client: Client, language: str, name: str
) -> None:
    Order.objects.update(language=language)
    assert name in choose(admin_client, order, **{f"units_{line(order)}": 1}).text


def test_email_names_the_refunded_units(order: Order, admin_client: Client) -> None:
    shown = choose(admin_client, order, **{f"units_{line(order)}": 2})
    assert "What we refunded:<br>2 x Mug" in shown.text
    confirm_form(admin_client, order, shown).submit(step="refund")
    message = previews.preview(order.mails.get(kind="refunded"))
    assert message is not None
    assert "What we refunded:\n2 x Mug" in message.body
    assert "2 × Mug" in message.alternatives[0][0]


def test_email_about_an_amount_names_no_units(order: Order, admin_client: Client) -> None:
    assert "What we refunded" not in choose(admin_client, order, amount="5.00").text
