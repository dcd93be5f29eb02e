"""Tests of the files for the accountant: each row adds up, and so do the totals, whatever was sold and refunded."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.http import StreamingHttpResponse
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from carts.models import CartItem
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.pricing.quotes import Destination, Quote, quote
from carts.pricing.rules import PricingRules
from core.money import round_money
from orders.accounting.csv_files import csv_lines, safe_text, total_rows
from orders.accounting.destinations import destination
from orders.accounting.entries import Entry, TaxPart, entries, parts_of, refunded_parts
from orders.models import Order, OrderItem, Refund
from orders.models.columns import FROM_QUOTE
from orders.workflow.erasure import erase_order
from products.models import Product
from tests.makers import make_paid_order, make_product, make_user

EXPORT = "admin:orders_order_export"
ADDRESS = "Gia\n1 High Street\nBath\n{}"
PRICES = st.decimals("0.30", "300", places=2)
CENT = Decimal("0.01")


def unsaved_order(priced: Quote) -> Order:
    """Return an order with the amounts of a quote and lines that are only in memory."""
    order = Order(pk=1, language="en", shipping_address_text=ADDRESS.format("Germany"))
    for name in FROM_QUOTE:
        setattr(order, name, getattr(priced, name))
    items = [
        OrderItem(
            discount_total=amounts.discount, tax_rate=priced.tax_rate, tax_total=amounts.tax, total=line.total
        )
        for line, amounts in zip(priced.lines, priced.line_amounts, strict=True)
    ]  # fmt: skip
    order._prefetched_objects_cache = {"items": items}  # type: ignore[attr-defined]
    return order


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Return an order with any lines, discount, delivery and tax, included or not."""
    prices = draw(st.lists(PRICES, min_size=1, max_size=4))
    lines = [CartItem(product=Product(price=price), quantity=draw(st.integers(1, 5))) for price in prices]
    percent = Decimal(draw(st.sampled_from(["0", "5", "7", "19", "20", "8.875"])))
    rate = TaxRate(title="VAT", country="DE", percent=percent, on_shipping=draw(st.booleans()))
    method = ShippingMethod(title="Post", price=draw(st.decimals("0", "9.99", places=2)), countries="")
    discount = draw(st.sampled_from([None, Discount(code="TEN", value=Decimal(10))]))
    rules = PricingRules([method], [rate] if percent else [])
    with override_settings(PRICES_INCLUDE_TAX=draw(st.booleans())):
        return unsaved_order(quote(lines, Destination("DE"), None, discount, rules))


def sums(parts: Any) -> tuple[Decimal, Decimal, Decimal]:
    zero = Decimal(0)
    return (
        sum((part.gross for part in parts), zero),
        sum((part.tax for part in parts), zero),
        sum((part.net for part in parts), zero),
    )


@given(order=orders(), fractions=st.lists(st.floats(0.01, 0.9), max_size=4))
def test_parts_and_refunds_of_any_order_add_up(order: Order, fractions: list[float]) -> None:
    parts = parts_of(order)
    assert sums(parts) == (order.total, order.tax_total, order.total - order.tax_total)
    returned = Decimal(0)
    all_parts: list[TaxPart] = []
    for fraction in [*fractions, 1]:
        left = order.total - returned
        amount = left if fraction == 1 else round_money(left * Decimal(fraction), order.currency)
        refund = refunded_parts(order, returned, amount)
        assert sums(refund)[0] == amount
        returned, all_parts = returned + amount, [*all_parts, *refund]
    for part in parts:  # A refund of everything leaves nothing of any rate.
        of_rate = sums([other for other in all_parts if other.rate == part.rate])
        assert of_rate == (part.gross, part.tax, part.net)


def test_delivery_without_tax_is_a_part_of_its_own() -> None:
    lines = [CartItem(product=Product(price=Decimal("11.90")), quantity=1)]
    rate = TaxRate(title="VAT", country="DE", percent=Decimal(19), on_shipping=False)
    rules = PricingRules([ShippingMethod(title="Post", price=Decimal("4.95"))], [rate])
    with override_settings(PRICES_INCLUDE_TAX=True):
        parts = parts_of(unsaved_order(quote(lines, Destination("DE"), rules=rules)))
    assert [(part.rate, part.gross, part.tax) for part in parts] == [
        (0, Decimal("4.95"), 0), (19, Decimal("11.90"), Decimal("1.90")),
    ]  # fmt: skip


@given(st.lists(st.tuples(orders(), st.sampled_from(["Germany", "France", "Atlantis"])), max_size=5))
def test_totals_are_the_sums_of_the_rows(found: list[tuple[Order, str]]) -> None:
    rows = []
    for order, country in found:
        order.shipping_address_text = ADDRESS.format(country)
        rows += [Entry("order", order, timezone.now(), "", destination(order), part) for part in parts_of(order)]
    table = list(csv.DictReader(io.StringIO("".join(csv_lines(total_rows(rows))).removeprefix("\ufeff"))))
    body, ends = table[: len(table) - bool(rows)], table[len(table) - bool(rows) :]
    for name in ("Sales", "Refunds", "Net", "Tax amount", "Gross"):
        assert [Decimal(row[name]) for row in ends] == [sum(Decimal(row[name]) for row in body)] * bool(rows)
    for row in table:
        assert Decimal(row["Net"]) + Decimal(row["Tax amount"]) == Decimal(row["Gross"])
    assert sum((order.total for order, _country in found), Decimal(0)) == sum(Decimal(row["Gross"]) for row in ends)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", '=HYPERLINK("x")'])
def test_text_is_no_formula(text: str) -> None:
    assert safe_text(text) == f"'{text}"
    assert "".join(csv_lines([["", text]])).startswith("\ufeff,")


@pytest.mark.parametrize(("text", "code"), [("Germany", "DE"), ("GERMANY", "DE"), ("Deutschland", "DE"), ("x", "")])
def test_destination_is_the_last_line_of_the_address(text: str, code: str) -> None:
    assert destination(Order(language="en", shipping_address_text=ADDRESS.format(text))) == code
    assert destination(Order(language="en")) == ""


@pytest.fixture
def accountant(client: Client) -> Client:
    """Return the client of staff who can only view and export orders."""
    user = make_user("accountant@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_order", "export_order"]))
    client.force_login(user)
    return client


def download(client: Client, file: str = "entries", **days: str) -> list[dict[str, str]]:
    response = client.post(reverse(EXPORT), {"first": "2026-03-29", "last": "2026-03-29", "file": file} | days)
    assert isinstance(response, StreamingHttpResponse)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    text = response.getvalue().decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


def make_sold_order(paid_at: datetime, **fields: Any) -> Order:
    product = make_product(price=Decimal("16.00"))
    values = {"paid_at": paid_at, "placed_at": paid_at, "shipping_address_text": ADDRESS.format("United Kingdom")}
    return make_paid_order(product, **(values | fields))


@pytest.mark.django_db
def test_file_has_the_orders_and_refunds_of_these_days_of_the_shop(accountant: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/London"  # On 29 March 2026 the clock changes at 1:00.
    before = make_sold_order(datetime(2026, 3, 28, 23, 59, 59, tzinfo=UTC))
    first = make_sold_order(datetime(2026, 3, 29, 0, 0, tzinfo=UTC), tax_title="=VAT()", discount_code="@X")
    last = make_sold_order(datetime(2026, 3, 29, 22, 59, 59, tzinfo=UTC))
    make_sold_order(datetime(2026, 3, 29, 23, 0, tzinfo=UTC))
    refund = Refund.objects.create(
        payment=before.payments.get(), amount=Decimal("10.47"), currency="gbp", status="done"
    )
    failed = Refund.objects.create(payment=last.payments.get(), amount=5, currency="gbp", status="failed")
    Refund.objects.update(timestamp=datetime(2026, 3, 29, 12, 0, tzinfo=UTC))
    rows = download(accountant)
    assert [(row["Type"], row["Order"], row["Gross"]) for row in rows] == [
        ("order", first.order_id, "20.95"), ("order", last.order_id, "20.95"), ("refund", before.order_id, "-10.47"),
    ]  # fmt: skip
    assert (rows[0]["Time"], rows[1]["Date"], rows[1]["Time"]) == ("00:00:00", "2026-03-29", "23:59:59")
    assert rows[0]["Discount code"] == "'@X"
    assert rows[0]["Country"] == "GB"
    assert (refund.amount, failed.status) == (Decimal("10.47"), "failed")


@pytest.mark.django_db
def test_totals_file_agrees_with_the_rows(accountant: Client) -> None:
    moment = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
    order = make_sold_order(moment)
    make_sold_order(moment, shipping_address_text=ADDRESS.format("France"))
    Refund.objects.create(payment=order.payments.get(), amount=order.total, currency="gbp", status="done")
    Refund.objects.update(timestamp=moment)
    rows, table = download(accountant), download(accountant, "totals")
    assert sum(Decimal(row["Gross"]) for row in rows) == Decimal(table[-1]["Gross"]) == Decimal("20.95")
    assert [(row["Country"], row["Gross"]) for row in table] == [("FR", "20.95"), ("GB", "0.00"), ("Total", "20.95")]


@pytest.mark.django_db
def test_country_of_an_erased_order_stays_in_the_file(accountant: Client) -> None:
    order = make_sold_order(datetime(2026, 3, 29, 12, 0, tzinfo=UTC), status=Order.Status.SHIPPED)
    erase_order(order)
    assert [row["Country"] for row in download(accountant)] == ["GB"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "data",
    [
        {"first": "2026-03-30", "last": "2026-03-29"}, {"first": "", "last": "2026-03-29"}, {"first": "x", "last": "y"},
        {"first": "0001-01-01", "last": "9999-12-31"}, {"first": "2026-02-30", "last": "2026-03-29"}, {"file": "x"},
    ],
)  # fmt: skip
def test_bad_days_are_rejected_with_a_message(accountant: Client, data: dict[str, str]) -> None:
    days = {"first": "2026-03-01", "last": "2026-03-29", "file": "entries"}
    response = accountant.post(reverse(EXPORT), days | data)
    assert response.status_code == 200
    assert response.context["form"].errors


@pytest.mark.django_db
@pytest.mark.parametrize("codenames", [[], ["view_order"], ["export_order"]])
def test_staff_without_the_permissions_cannot_export(client: Client, codenames: list[str]) -> None:
    user = make_user("clerk@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    assert client.get(reverse(EXPORT)).status_code == 403
    assert client.post(reverse(EXPORT), {"first": "2026-03-29", "last": "2026-03-29"}).status_code == 403
    if codenames == ["view_order"]:
        assert reverse(EXPORT) not in client.get(reverse("admin:orders_order_changelist")).text


@pytest.mark.django_db
def test_export_page_begins_with_the_last_month(accountant: Client) -> None:
    form = accountant.get(reverse(EXPORT)).context["form"]
    assert form.initial["last"] < timezone.localdate() <= form.initial["last"] + timedelta(days=31)
    assert form.initial["first"].day == 1


@pytest.mark.django_db
def test_rows_are_read_in_few_queries(accountant: Client, django_assert_max_num_queries: Any) -> None:
    moment = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
    for _number in range(5):
        order = make_sold_order(moment)
        Refund.objects.create(payment=order.payments.get(), amount=CENT, currency="gbp", status="done")
    Refund.objects.update(timestamp=moment)
    with django_assert_max_num_queries(5):
        assert len(list(entries(moment, moment + timedelta(hours=1)))) == 10
