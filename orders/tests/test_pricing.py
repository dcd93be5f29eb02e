"""Tests for the shipping, tax and discount of an order: compared with the quote, frozen and counted."""

from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from addresses.models import Address
from carts.models.rates import Discount, ShippingMethod, TaxRate
from orders.bookkeeping.audit import audit
from orders.bookkeeping.reconcile import compare_with_stripe
from orders.models import Order
from orders.workflow import cancellation
from orders.workflow.placing import OrderRejected, place
from orders.workflow.refunds import RefundRequest, refund
from orders.workflow.release import release_order
from stripe_simulator.server import Simulator
from tests.makers import (
    ADDRESS,
    add_to_cart,
    buy,
    make_discount,
    make_open_order,
    make_product,
    make_tax,
    set_standard_delivery,
    shown_facts,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    """Return an open order of 16.00 with VAT and a discount of ten percent."""
    make_tax()
    make_discount("TEN", uses_limit=1)
    order = make_open_order()
    address = Address.objects.create(billing_profile=order.billing_profile, **ADDRESS)
    order.use_address(address, Address.Type.SHIPPING)
    order.cart.store_choices(discount_code="TEN")  # type: ignore[union-attr]
    order.refresh_from_db()
    return order


def uses() -> int:
    return Discount.objects.get().uses


def test_placed_order_ignores_later_rule_changes(order: Order) -> None:
    place(order, shown_facts(order))
    ShippingMethod.objects.all().delete()
    TaxRate.objects.update(percent=5, title="Other")
    Discount.objects.update(value=50, code="OTHER", active=False)
    order.refresh_from_db()
    item = order.items.get()
    assert (order.shipping_title, order.shipping_total, order.shipping_tax) == (
        "Standard delivery", Decimal("4.95"), Decimal("0.83"),
    )  # fmt: skip
    assert (order.tax_title, order.tax_rate, order.tax_total) == ("VAT", Decimal(20), Decimal("3.23"))
    assert (order.discount_code, order.discount_total, order.total) == ("TEN", Decimal("1.60"), Decimal("19.35"))
    assert (item.discount_total, item.tax_rate, item.tax_total) == (Decimal("1.60"), Decimal(20), Decimal("2.40"))
    assert audit(with_stripe=False) == []


def test_tax_on_top_of_prices_is_part_of_the_total(order: Order, settings: Any) -> None:
    settings.PRICES_INCLUDE_TAX = False
    place(order, shown_facts(order))
    assert (order.tax_total, order.total) == (Decimal("3.87"), Decimal("23.22"))
    assert not order.is_tax_included
    assert audit(with_stripe=False) == []


def raise_delivery(order: Order) -> None:
    set_standard_delivery("6.00", "75")


def raise_tax(order: Order) -> None:
    TaxRate.objects.update(percent=25)


def end_tax(order: Order) -> None:
    TaxRate.objects.update(active=False)


def lower_discount(order: Order) -> None:
    Discount.objects.update(value=5)


def end_discount(order: Order) -> None:
    Discount.objects.update(active=False)


def use_up_discount(order: Order) -> None:
    Discount.objects.get().reserve_use()


def end_delivery(order: Order) -> None:
    ShippingMethod.objects.update(countries="FR")


def remove_code(order: Order) -> None:
    order.cart.store_choices(discount_code="")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (raise_delivery, "Delivery is now: Standard delivery, £6.00."),
        (end_delivery, "We do not deliver to United Kingdom."),
        (raise_tax, "The tax is now £3.87."),
        (end_tax, "The tax is now £0.00."),
        (lower_discount, "The discount is now £0.80."),
        (remove_code, "The discount is now £0.00."),
        (end_discount, "The code TEN is not valid."),
        (use_up_discount, "The code TEN has been used up."),
    ],
)
def test_place_rejects_a_rule_that_changed_since_it_was_shown(order: Order, change: Any, problem: str) -> None:
    facts = shown_facts(order)  # This also caches the current rules, which placing must not use.
    change(order)
    before = uses()
    with pytest.raises(OrderRejected) as caught:
        place(order, facts)
    assert problem in caught.value.problems
    order.refresh_from_db()
    assert (order.status, order.items.count(), uses()) == (Order.Status.OPEN, 0, before)


def test_code_use_is_counted_when_the_order_is_placed(order: Order) -> None:
    assert uses() == 0
    place(order, shown_facts(order))
    assert uses() == 1


def test_code_use_is_not_counted_if_the_items_sold_out(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = shown_facts(order)
    monkeypatch.setattr("products.models.Product.reserve", lambda *args: False)
    with pytest.raises(OrderRejected, match="no longer available in this quantity"):
        place(order, facts)
    assert uses() == 0


def test_place_rejects_a_code_that_was_just_used_up(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = shown_facts(order)
    monkeypatch.setattr(Discount, "reserve_use", lambda self: False)
    with pytest.raises(OrderRejected, match="The code TEN has just been used up"):
        place(order, facts)


def test_cancel_releases_the_code_use_once_and_restores_the_code_to_the_cart(order: Order) -> None:
    place(order, shown_facts(order))
    stale = Order.objects.get(pk=order.pk)
    cancellation.cancel(order, by="shopper")
    release_order(stale)
    cancellation.cancel(stale, by="expiry")
    assert uses() == 0
    assert order.cart
    assert type(order.cart).objects.get(active=True).discount_code == "TEN"
    assert audit(with_stripe=False) == []


@pytest.mark.slow
def test_refund_does_not_release_the_code_use(client: Client, simulator: Simulator) -> None:
    make_discount("TEN")
    add_to_cart(client, make_product())
    client.post("/cart/discount/", {"code": "ten"}, headers={"Sec-Fetch-Site": "same-origin"})
    order = buy(client, make_product())
    refund(order, RefundRequest(order.total, Decimal(0), by="staff@example.org"))
    order.refresh_from_db()
    assert (order.status, order.discount_code, uses()) == (Order.Status.REFUNDED, "TEN", 1)
    assert audit() == []


def test_code_used_by_orders_cannot_be_deleted(order: Order) -> None:
    from django.db.models import ProtectedError

    place(order, shown_facts(order))
    with pytest.raises(ProtectedError):
        Discount.objects.all().delete()


def test_wrong_count_of_uses_is_found_and_repaired(order: Order, simulator: Simulator) -> None:
    place(order, shown_facts(order))
    Discount.objects.update(uses=7)
    [finding] = audit(with_stripe=False)
    assert str(finding) == "I21  discount code TEN counts 7 uses, but 1 orders use it"
    compare_with_stripe()
    assert uses() == 1
    assert audit(with_stripe=False) == []


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "change",
    [
        {"shipping_title": "Other"}, {"tax_title": "Other"}, {"tax_rate": 19}, {"shipping_tax": 0},
        {"discount_code": "OTHER"}, {"is_tax_included": False},
    ],
)  # fmt: skip
def test_checksum_covers_the_frozen_rules(order: Order, change: dict[str, Any]) -> None:
    place(order, shown_facts(order))
    Order.objects.update(**change)
    assert "I5" in {finding.rule for finding in audit(with_stripe=False)}


def test_lines_that_do_not_add_up_to_the_order_are_found(order: Order) -> None:
    place(order, shown_facts(order))
    order.items.update(tax_total=0, discount_total=0)
    output = " ".join(finding.text for finding in audit(with_stripe=False) if finding.rule == "I6")
    assert "not the sum of its lines and its shipping" in output
    assert "not the sum of its lines" in output


@pytest.mark.slow
def test_page_and_email_show_the_frozen_amounts(client: Client, simulator: Simulator) -> None:
    make_tax()
    make_discount("TEN")
    add_to_cart(client, make_product())
    client.post("/cart/discount/", {"code": "ten"}, headers={"Sec-Fetch-Site": "same-origin"})
    order = buy(client, make_product())
    page, message = client.get(order.get_absolute_url()).text, mail.outbox[-1]
    html = message.alternatives[0][0]  # type: ignore[attr-defined]
    for content in (page, html, message.body):
        for text in (
            "Discount TEN",
            "\N{MINUS SIGN}£3.20",
            "Standard delivery",
            "£4.95",
            "includes VAT 20%",
            "£5.63",
            "£33.75",
        ):
            assert text in content
