"""Tests for the entries of a total: each amount is in one, and each page and email shows all of them."""

import dataclasses
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import models
from django.test import Client
from django.urls import reverse

from carts.models import Cart
from carts.pricing import totals
from carts.pricing.quotes import Quote, quote_cart
from core.money import format_money
from orders.emails.messages import build
from orders.models import Mail, Order
from orders.models.columns import FROM_QUOTE
from stripe_simulator.server import Simulator
from tests.makers import add_to_cart, buy, make_discount, make_product, make_tax, submit_details

pytestmark = pytest.mark.django_db
# Amounts that are not entries: the total itself, and parts of other amounts.
NOT_ENTRIES = {"total", "tax_rate"} | {name for name in FROM_QUOTE if name.endswith("_tax")}
EXTRA = totals.TotalEntry("Gift wrap", Decimal("3.00"))


def amounts() -> list[str]:
    fields: Any = [Order._meta.get_field(name) for name in FROM_QUOTE]
    return [field.name for field in fields if isinstance(field, models.DecimalField)]


@pytest.mark.parametrize("name", sorted(set(amounts()) - NOT_ENTRIES))
def test_amount_of_an_order_is_part_of_its_total(name: str) -> None:
    order = Order(is_tax_included=False)
    before = totals.add_up(order)
    setattr(order, name, Decimal("1.00"))
    assert abs(totals.add_up(order) - before) == Decimal("1.00")


@pytest.mark.parametrize("name", sorted(set(amounts()) - NOT_ENTRIES))
def test_amount_that_is_not_zero_is_shown(name: str) -> None:
    texts: dict[str, Any] = dict.fromkeys(["discount_code", "shipping_title", "tax_title"], "Text")
    order = Order(is_tax_included=False, **{name: Decimal("1.00")}, **texts)
    assert [entry for entry in order.entries if abs(entry.amount) == Decimal("1.00")]


@pytest.mark.parametrize("name", [name for name in amounts() if name.endswith("_tax")])
def test_tax_of_a_charge_is_part_of_the_taxes(name: str) -> None:
    assert totals.tax_of_charges(Order(**{name: Decimal("1.00")})) == Decimal("1.00")


@pytest.fixture
def full_quote() -> Quote:
    """Return a quote with a discount, delivery and a tax."""
    make_tax()
    make_discount("TEN")
    cart = Cart.objects.create(session_key="full", discount_code="TEN")
    cart.set_quantity(make_product(), 2)
    cart.refresh_from_db()
    return quote_cart(cart)


COPIED = [field.name for field in dataclasses.fields(Quote) if field.name in FROM_QUOTE and field.name != "subtotal"]


@pytest.mark.parametrize("name", COPIED)
def test_column_that_an_order_copies_is_a_signed_fact_of_its_own(full_quote: Quote, name: str) -> None:
    value = getattr(full_quote, name)
    others: dict[str, Any] = {"currency": "eur", "is_tax_included": not full_quote.is_tax_included, "discount": None}
    other = others[name] if name in others else value + Decimal("1.00")
    before, after = full_quote.facts(), dataclasses.replace(full_quote, **{name: other}).facts()
    for facts in (before, after):
        del facts["total"]  # changes with every amount
        if name.endswith("_total"):
            del facts["tax_total"]  # a charge can change the tax
    assert after != before


@pytest.fixture
def extra_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add entries to all totals: enough of them to notice a page that shows only the first few."""
    original = totals.total_entries

    def with_extra(sums: totals.Totals) -> Iterator[totals.TotalEntry]:
        yield from original(sums)
        for number in range(5):
            yield dataclasses.replace(EXTRA, label=f"Charge {number}", amount=Decimal("0.01"))
        yield EXTRA

    monkeypatch.setattr(totals, "total_entries", with_extra)


def assert_shows_extra_entry(text: str) -> None:
    assert "Gift wrap" in text
    assert format_money(EXTRA.amount, "gbp") in text


@pytest.mark.slow
def test_cart_and_pay_step_show_every_entry(client: Client, extra_entry: None) -> None:
    add_to_cart(client, make_product())
    assert_shows_extra_entry(client.get(reverse("carts:home")).text)
    submit_details(client)
    page = client.get(reverse("carts:checkout"))
    assert page.context["step"] == "pay"
    assert_shows_extra_entry(page.text)


@pytest.mark.slow
def test_order_page_and_emails_show_every_entry(client: Client, simulator: Simulator, extra_entry: None) -> None:
    order = buy(client, make_product())
    assert_shows_extra_entry(client.get(order.get_absolute_url()).text)
    message = build(order.mails.get(kind=Mail.Kind.CONFIRMATION))
    assert message
    assert_shows_extra_entry(str(message.body))
    assert_shows_extra_entry(str(message.alternatives[0][0]))


def test_total_of_a_quote_contains_every_entry(extra_entry: None, full_quote: Quote) -> None:
    entries = sum((entry.amount for entry in totals.total_entries(full_quote)), Decimal(0))
    assert full_quote.total == entries
    assert EXTRA in full_quote.entries


@pytest.mark.slow
def test_audit_notices_an_amount_that_is_not_in_the_total(client: Client, simulator: Simulator) -> None:
    from orders.bookkeeping.audit import frozen_orders

    order = buy(client, make_product())
    Order.objects.filter(pk=order.pk).update(shipping_total=order.shipping_total + 1)
    assert "I6" in {finding.rule for finding in frozen_orders()}
