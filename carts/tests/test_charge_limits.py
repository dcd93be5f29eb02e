"""Tests for totals that Stripe does not charge, and for discounts that would take nothing off or too much."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client, override_settings
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from carts.models import Cart, CartItem
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.pricing.charge_limits import discount_warning, excess_items, items_for_full_value, missing_items
from carts.pricing.quotes import Quote, quote
from carts.pricing.rules import PricingRules
from core.money import maximum_charge, minimum_charge, smallest_unit
from orders.models import Order
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import (
    add_card,
    add_to_cart,
    make_discount,
    make_product,
    make_user,
    place_order,
    set_standard_delivery,
    submit_details,
)
from tests.markup import parse_html

pytestmark = pytest.mark.django_db
SAME = {"Sec-Fetch-Site": "same-origin"}
FREE = ShippingMethod(pk=1, title="Van", price=Decimal(0))
CODE = {"code": "SPRING", "kind": "percent", "value": "100", "active": "on"}


def lines_of(*prices: Decimal | str) -> list[CartItem]:
    products = (Product(pk=pk, title=str(pk), price=Decimal(price)) for pk, price in enumerate(prices, 1))
    return [CartItem(product=product, quantity=1) for product in products]


def make_quote(price: Decimal | str, *methods: ShippingMethod, **fields: Any) -> Quote:
    discount = Discount(code="CODE", **fields) if fields else None
    return quote(lines_of(price), discount=discount, rules=PricingRules(methods or [FREE], []))


def code_use(client: Client) -> str:
    """Apply the code of the shop in the cart. Return the text of the cart page."""
    return parse_html(client.post("/cart/discount/", {"code": "TEN"}, headers=SAME, follow=True).text).text


# --- discounts that take nothing off ---


@pytest.mark.parametrize(
    ("price", "fields", "message"),
    [
        ("0.04", {"value": "10"}, "It is valid for orders of £0.05 or more."),
        ("0.01", {"value": "49"}, "It is valid for orders of £0.02 or more."),
        ("49.99", {"value": "0.01"}, "It is valid for orders of £50.00 or more."),
        ("0", {"value": "50"}, "It is valid for orders of £0.01 or more."),
        ("0", {"kind": "amount", "value": "5"}, "The code CODE takes nothing off this order."),
        ("0.30", {"kind": "amount", "value": "5"}, "The minimum order value is £0.30."),
        ("0.20", {"value": "100"}, "The minimum order value is £0.30."),
    ],
)
def test_code_that_takes_nothing_off_does_not_apply(price: str, fields: dict[str, str], message: str) -> None:
    values = {name: Decimal(text) if name == "value" else text for name, text in fields.items()}
    delivery = ShippingMethod(price=Decimal("4.95")) if message.endswith(("more.", "this order.")) else FREE
    result = make_quote(price, delivery, **values)
    assert (result.discount_code, result.discount_total) == ("", 0)
    assert result.code_problem.startswith("The code CODE takes nothing off this order.")
    assert result.code_problem.endswith(message)


def test_code_takes_something_off_from_the_subtotal_that_the_message_names() -> None:
    assert make_quote("0.05", ShippingMethod(price=Decimal(1)), value=Decimal(10)).discount_total == Decimal("0.01")


def test_percentage_in_a_currency_without_decimals_that_takes_nothing_off_does_not_apply(settings: Any) -> None:
    settings.CURRENCY = "jpy"
    delivery = ShippingMethod(price=Decimal(500))
    assert make_quote("49", delivery, value=Decimal(1)).code_problem.endswith("valid for orders of JP¥50 or more.")
    assert make_quote("50", delivery, value=Decimal(1)).discount_total == 1


@pytest.mark.slow
def test_code_that_takes_nothing_off_is_rejected_in_the_cart_and_not_used(client: Client, simulator: Simulator) -> None:
    discount = make_discount("TEN", uses_limit=1)
    add_to_cart(client, make_product(price="0.04"))
    assert "The code TEN takes nothing off this order. It is valid for orders of £0.05 or more." in code_use(client)
    Cart.objects.update(discount_code="TEN")  # applied earlier, when there was more in the cart
    assert "The code TEN takes nothing off this order." in client.get("/cart/").text
    submit_details(client)
    assert "The code TEN takes nothing off this order." in client.get("/cart/checkout/").text
    place_order(client, add_card(client).json()["card"])
    discount.refresh_from_db()
    order = Order.objects.placed().get()
    assert (order.discount_code, order.discount_total, discount.uses) == ("", 0, 0)


# --- discounts that would leave too little to charge ---


@pytest.mark.parametrize(
    ("price", "fields", "off"),
    [
        ("20.00", {"value": Decimal(100)}, "19.70"),
        ("20.00", {"kind": "amount", "value": Decimal(20)}, "19.70"),
        ("20.00", {"kind": "amount", "value": Decimal("19.80")}, "19.70"),
        ("20.00", {"kind": "amount", "value": Decimal("19.70")}, "19.70"),
        ("20.00", {"value": Decimal("99.99")}, "19.70"),
        ("0.31", {"kind": "amount", "value": Decimal(5)}, "0.01"),
    ],
)
def test_discount_leaves_the_minimum_charge(price: str, fields: dict[str, Any], off: str) -> None:
    result = make_quote(price, **fields)
    assert (result.discount_total, result.total) == (Decimal(off), Decimal("0.30"))
    assert not result.amount_problem


def test_discount_counts_delivery_towards_the_minimum_charge() -> None:
    assert make_quote("20.00", ShippingMethod(price=Decimal("0.10")), value=Decimal(100)).total == Decimal("0.30")
    assert make_quote("20.00", ShippingMethod(price=Decimal("4.95")), value=Decimal(100)).total == Decimal("4.95")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "note"),
    [
        (
            {"kind": "percent", "value": Decimal(100)},
            "The smallest amount we can charge is £0.30, so the code TEN takes £15.70 off.",
        ),
        (
            {"kind": "amount", "value": Decimal(16)},
            "The smallest amount we can charge is £0.30, so the code TEN takes £15.70 off."
            " Add items for £0.30 or more to use its full value.",
        ),
    ],
)
def test_reduced_discount_is_explained_and_the_order_can_be_paid(
    client: Client, simulator: Simulator, fields: dict[str, Any], note: str
) -> None:
    set_standard_delivery("0")
    make_discount("TEN", **fields)
    add_to_cart(client, make_product())
    assert note in code_use(client)
    submit_details(client)
    assert note in parse_html(client.get("/cart/checkout/").text).text
    place_order(client, add_card(client).json()["card"])
    order = Order.objects.placed().get()
    assert (order.total, order.discount_total, order.status) == (Decimal("0.30"), Decimal("15.70"), "paid")


def test_full_discount_has_no_note() -> None:
    assert make_quote("20.00", value=Decimal(50)).discount_note == ""


# --- properties ---

CURRENCIES = st.sampled_from(["gbp", "usd", "jpy", "huf", "isk"])
PERCENTAGES = st.sampled_from(["0.01", "1", "10", "50", "99", "99.99", "100"]).map(Decimal)


@st.composite
def carts(draw: Any, currency: str, most: int) -> tuple[list[Decimal], PricingRules, Discount | None]:
    """Return prices of up to three products, rules and a discount, with amounts around the minimum charge."""
    unit = smallest_unit(currency)
    amounts = st.integers(0, most).map(lambda number: number * unit)
    near_zero = st.integers(0, 60).map(lambda number: number * unit)
    method = ShippingMethod(pk=1, title="Van", price=draw(near_zero), free_from=draw(st.none() | near_zero | amounts))
    rate = TaxRate(title="VAT", country="GB", percent=draw(PERCENTAGES), on_shipping=draw(st.booleans()))
    kind = draw(st.sampled_from(Discount.Kind.values))
    value = draw(PERCENTAGES) if kind == "percent" else draw(near_zero | amounts) or unit
    minimum = draw(st.none() | amounts)
    discount = Discount(code="CODE", kind=kind, value=value, minimum=minimum) if draw(st.booleans()) else None
    prices = draw(st.lists(near_zero | amounts, min_size=1, max_size=3))
    return prices, PricingRules([method], draw(st.sampled_from([[], [rate]]))), discount


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=st.data(), currency=CURRENCIES, included=st.booleans())
def test_quote_has_a_code_exactly_if_it_has_a_discount_and_can_be_charged(
    data: st.DataObject, currency: str, included: bool
) -> None:
    with override_settings(CURRENCY=currency, PRICES_INCLUDE_TAX=included):
        prices, rules, discount = data.draw(carts(currency, most=500))
        result = quote(lines_of(*prices), discount=discount, rules=rules)
        assert bool(result.discount_code) == (result.discount_total > 0)
        assert bool(result.code_problem) == (discount is not None and not result.discount_code)
        without = quote(lines_of(*prices), rules=rules)
        if not without.is_too_small:
            assert not result.is_too_small


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=st.data(), currency=CURRENCIES, included=st.booleans())
def test_adding_items_as_the_message_says_makes_a_small_total_chargeable(
    data: st.DataObject, currency: str, included: bool
) -> None:
    with override_settings(CURRENCY=currency, PRICES_INCLUDE_TAX=included):
        prices, rules, discount = data.draw(carts(currency, most=60))
        result = quote(lines_of(*prices), discount=discount, rules=rules)
        assume(result.is_too_small)
        missing = missing_items(result)
        assert 0 < missing <= minimum_charge(currency)
        more = missing + data.draw(st.integers(0, 300)) * smallest_unit(currency)
        changed = quote(lines_of(*prices, more), discount=discount, rules=rules)
        assert changed.amount_problem == ""


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=st.data(), currency=CURRENCIES, included=st.booleans())
def test_removing_items_as_the_message_says_makes_a_large_total_chargeable(
    data: st.DataObject, currency: str, included: bool
) -> None:
    with override_settings(CURRENCY=currency, PRICES_INCLUDE_TAX=included):
        prices, rules, discount = data.draw(carts(currency, most=60))
        large = maximum_charge(currency).quantize(smallest_unit(currency)) + data.draw(st.integers(0, 300))
        result = quote(lines_of(*prices, large), discount=discount, rules=rules)
        assume(result.is_too_large)
        excess = excess_items(result)
        assert 0 < excess <= result.subtotal
        assume(large > excess)
        changed = quote(lines_of(*prices, large - excess), discount=discount, rules=rules)
        assert not changed.is_too_large


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(data=st.data(), currency=CURRENCIES)
def test_adding_items_as_the_note_says_uses_the_full_value_of_a_code(data: st.DataObject, currency: str) -> None:
    with override_settings(CURRENCY=currency):
        prices, rules, _discount = data.draw(carts(currency, most=500))
        lines = lines_of(*prices)
        value = max(sum((line.total for line in lines), Decimal(0)), smallest_unit(currency))
        discount = Discount(code="CODE", kind="amount", value=value)
        result = quote(lines, discount=discount, rules=rules)
        if result.discount_note:
            missing = items_for_full_value(result, value)
            assert quote(lines_of(*prices, missing), discount=discount, rules=rules).discount_total == value


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ("0.04", "The minimum order value is £0.30. Add items for £0.26 or more."),
        ("1000000.00", "The maximum order value is £999,999.99. Remove items for £0.01 or more."),
        ("0.30", ""),
        ("999999.99", ""),
    ],
)
def test_message_says_what_helps(price: str, message: str) -> None:
    assert make_quote(price).amount_problem == message


@pytest.mark.parametrize("free_from", ["0.15", "0.20", "0.21", "0.29"])
def test_missing_amount_does_not_count_on_delivery_that_becomes_free(free_from: str) -> None:
    method = ShippingMethod(title="Van", price=Decimal("0.10"), free_from=Decimal(free_from))
    assert missing_items(make_quote("0.05", method)) == Decimal("0.25")


def test_full_value_of_a_code_does_not_count_on_delivery_that_becomes_free() -> None:
    method = ShippingMethod(title="Van", price=Decimal("4.95"), free_from=Decimal("20.10"))
    result = make_quote("10.00", method, kind="amount", value=Decimal(20))
    assert items_for_full_value(result, Decimal(20)) == Decimal("10.30")


@pytest.mark.parametrize(
    ("price", "delivery", "fields", "excess"),
    [
        ("999999.00", {"price": "4.95"}, {}, "3.96"),
        ("1000000.00", {"price": "4.95", "free_from": "75"}, {}, "0.01"),
        ("1000000.00", {"price": "4.95", "free_from": "999995.04"}, {}, "0.01"),
        ("1000000.00", {"price": "4.95", "free_from": "999995.05"}, {}, "4.96"),
        ("1000000.00", {"price": "0", "free_from": "999999.99"}, {}, "0.01"),
        ("1100000.00", {"price": "0"}, {"value": Decimal(5)}, "100000.01"),
    ],
)
def test_excess_amount_does_not_count_on_free_delivery_or_a_discount(
    price: str, delivery: dict[str, str], fields: dict[str, Any], excess: str
) -> None:
    method = ShippingMethod(title="Van", **{name: Decimal(amount) for name, amount in delivery.items()})
    assert excess_items(make_quote(price, method, **fields)) == Decimal(excess)


@pytest.mark.parametrize(
    ("included", "percent", "delivery", "excess"),
    [
        (True, "20", "0", "100000.01"),
        (False, "0", "0", "100000.01"),
        (False, "20", "0", "266666.70"),
        (False, "20", "5", "266671.70"),
    ],
)
def test_excess_amount_counts_tax_that_is_added(
    settings: Any, included: bool, percent: str, delivery: str, excess: str
) -> None:
    settings.PRICES_INCLUDE_TAX = included
    rate = TaxRate(title="VAT", country="GB", percent=Decimal(percent))
    rules = PricingRules([ShippingMethod(title="Van", price=Decimal(delivery))], [rate])
    assert excess_items(quote(lines_of("1100000.00"), rules=rules)) == Decimal(excess)


def test_missing_amount_counts_delivery_that_is_not_free() -> None:
    assert missing_items(make_quote("0.05", ShippingMethod(title="Van", price=Decimal("0.10")))) == Decimal("0.15")


@pytest.mark.parametrize(("free_from", "missing"), [(None, "0.20"), ("20.31", "0.20"), ("20.21", "0.30")])
def test_amount_for_the_full_value_of_a_code_counts_delivery_unless_it_becomes_free(
    free_from: str | None, missing: str
) -> None:
    method = ShippingMethod(title="Van", price=Decimal("0.10"), free_from=free_from and Decimal(free_from))
    result = make_quote("20.00", method, kind="amount", value=Decimal(20))
    assert items_for_full_value(result, Decimal(20)) == Decimal(missing)


# --- the admin ---


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


WARNING = "would cost less than £0.30, the smallest amount that can be charged. The shopper then pays £0.30."


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("fields", "price", "subtotal"),
    [
        ({"kind": "percent", "value": "100"}, "0.00", "£16.00"),
        ({"kind": "amount", "value": "16"}, "0.00", "£16.00"),
        ({"kind": "amount", "value": "20", "minimum": "20.10"}, "0.00", "£20.10"),
        ({"kind": "percent", "value": "99.90", "minimum": "5"}, "0.00", "£16.00"),
        ({"kind": "percent", "value": "100"}, "4.95", "£75.00"),
    ],
)
def test_admin_warns_about_a_code_that_takes_orders_to_the_minimum_charge(
    staff: Client, fields: dict[str, str], price: str, subtotal: str
) -> None:
    make_product()
    ShippingMethod.objects.update(price=price)
    page = staff.post("/admin/carts/discount/add/", CODE | fields, follow=True).text
    assert WARNING in page
    assert f"an order of {subtotal} with delivery for £0.00" in page


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("fields", "free_from"),
    [
        ({"kind": "percent", "value": "100"}, None),
        ({"kind": "amount", "value": "20"}, Decimal(75)),
        ({"kind": "percent", "value": "50"}, Decimal(0)),
        ({"kind": "amount", "value": "20", "minimum": "20.30"}, Decimal(0)),
    ],
)
def test_admin_does_not_warn_about_other_codes(
    staff: Client, fields: dict[str, str], free_from: Decimal | None
) -> None:
    make_product()
    ShippingMethod.objects.update(free_from=free_from)
    assert WARNING not in staff.post("/admin/carts/discount/add/", CODE | fields, follow=True).text
    assert Discount.objects.get().code == "SPRING"


def test_warning_names_the_smallest_order_that_costs_too_little() -> None:
    discount = Discount(code="C", kind="amount", value=Decimal(80))
    standard = ShippingMethod(price=Decimal("4.95"), free_from=Decimal(75))
    assert "an order of £75.00 with delivery for £0.00" in discount_warning(discount, [standard], Decimal(1))


def test_code_for_orders_above_the_maximum_charge_is_rejected() -> None:
    discount = Discount(code="HUGE", value=Decimal(10), minimum=Decimal("2000000"))
    with pytest.raises(ValidationError, match="No order of this value can be charged"):
        discount.full_clean()
    Discount(code="HUGE", value=Decimal(60), minimum=Decimal("2000000")).full_clean()
