"""For all prices, quantities and currencies: the total is the sum of its parts, and Stripe is asked for it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from billing.models import BillingProfile
from billing.simulator.server import Simulator
from carts.models import Cart, CartItem
from carts.quotes import Quote, quote, read_signed
from ecommerce.money import (
    REFUSED,
    WHOLE_BUT_SENT_IN_HUNDREDTHS,
    ZERO_DECIMAL,
    decimals,
    has_excess_digits,
    major_units,
    maximum,
    minimum,
    minor_units,
)
from ecommerce.tests.makers import make_open_order, make_product
from ecommerce.tests.proofs.ledger import Ledger, scaled
from ecommerce.tests.proofs.watch import wipe
from orders import audit, payments
from orders.models import Order
from orders.placing import PlaceRefused, place
from products.models import Product

PROOF = "Money: prices, quantities, currencies"
CURRENCIES = st.sampled_from(sorted({"gbp", "eur", "usd", "huf", "twd", "sek", "jpy", "krw", "clp", "isk"} - REFUSED))


def runs(quick: int, small: int, full: int) -> hypothesis_settings:
    return hypothesis_settings(
        max_examples=scaled(quick, small, full),
        derandomize=scaled(quick=True, small=False, full=False),
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def amounts(currency: str, most: int = 9_999_999) -> st.SearchStrategy[Decimal]:
    """Amounts that can be paid in the currency; small ones often, for there the smallest charge lies."""
    units = st.one_of(st.integers(0, 200), st.integers(0, most))
    return units.map(lambda number: Decimal(number).scaleb(-decimals(currency)))


# --- the functions alone ---


@runs(quick=200, small=2_000, full=20_000)
@given(data=st.data(), currency=CURRENCIES)
def check_units(ledger: Ledger, data: st.DataObject, currency: str) -> None:
    ledger.tried()
    amount = data.draw(amounts(currency))
    units = minor_units(amount, currency)
    assert major_units(units, currency) == amount
    assert units == amount * (1 if currency in ZERO_DECIMAL else 100)
    assert units % 100 == 0 or currency not in WHOLE_BUT_SENT_IN_HUNDREDTHS
    other = data.draw(amounts(currency))
    assert minor_units(amount + other, currency) == units + minor_units(other, currency)


def test_minor_units_are_exact_both_ways_and_in_sums(ledger: Ledger) -> None:
    check_units(ledger)


@runs(quick=100, small=1_000, full=10_000)
@given(data=st.data(), currency=CURRENCIES)
def check_excess(ledger: Ledger, data: st.DataObject, currency: str) -> None:
    ledger.tried()
    finer = data.draw(amounts(currency)) + Decimal(data.draw(st.integers(1, 9))).scaleb(-decimals(currency) - 1)
    assert has_excess_digits(finer, currency)
    with pytest.raises(ValueError, match="more decimals"):
        minor_units(finer, currency)


def test_fractions_of_the_smallest_unit_are_refused_and_never_rounded(ledger: Ledger) -> None:
    check_excess(ledger)


@runs(quick=150, small=1_500, full=15_000)
@given(data=st.data(), currency=CURRENCIES)
def check_quote(ledger: Ledger, data: st.DataObject, currency: str) -> None:
    """Discount and tax are any, though the shop has no rules for them yet."""
    ledger.tried()
    prices = data.draw(st.lists(st.tuples(amounts(currency), st.integers(1, 99)), max_size=6))
    lines = [line(number, *pair) for number, pair in enumerate(prices, 1)]
    subtotal = sum((row.total for row in lines), Decimal(0))
    parts = {name: data.draw(amounts(currency, most=9_999)) for name in ("shipping", "discount", "tax")}
    today = Quote(lines=lines, subtotal=subtotal, currency=currency, **parts)
    units = {name: minor_units(amount, currency) for name, amount in parts.items()}
    of_lines = sum(minor_units(price, currency) * quantity for price, quantity in prices)
    assert minor_units(today.total, currency) == of_lines - units["discount"] + units["shipping"] + units["tax"]
    assert today.is_too_small == (today.total < minimum(currency))
    assert today.is_too_large == (minor_units(today.total, currency) > 99_999_999)
    assert read_signed(today.signed()) == today.facts()


def line(number: int, price: Decimal, quantity: int) -> CartItem:
    return CartItem(product=Product(pk=number, title=str(number), price=price), quantity=quantity)


def test_total_of_a_quote_is_the_sum_of_its_parts(ledger: Ledger) -> None:
    check_quote(ledger)


@runs(quick=100, small=1_000, full=10_000)
@given(data=st.data(), currency=CURRENCIES)
def check_shipping(ledger: Ledger, config: Any, data: st.DataObject, currency: str) -> None:
    ledger.tried()
    config.CURRENCY = currency
    config.SHIPPING_PRICE = data.draw(amounts(currency, most=9_999))
    config.SHIPPING_FREE_FROM = data.draw(amounts(currency, most=9_999))
    lines = [line(1, data.draw(amounts(currency, most=9_999)), data.draw(st.integers(1, 99)))]
    today = quote(lines)
    is_free = today.subtotal >= config.SHIPPING_FREE_FROM
    assert today.shipping == (0 if is_free else config.SHIPPING_PRICE)
    assert today.total == today.subtotal + today.shipping
    missing = Decimal(0) if is_free or not today.shipping else config.SHIPPING_FREE_FROM - today.subtotal
    assert today.missing_for_free_shipping == missing


def test_shipping_is_free_from_the_very_amount(ledger: Ledger, settings: Any) -> None:
    check_shipping(ledger, settings)


# --- through the shop to Stripe ---


@pytest.fixture
def asked(simulator: Simulator, transactional_db: None) -> Iterator[Simulator]:
    yield simulator
    wipe()


@runs(quick=25, small=250, full=1_500)
@given(data=st.data(), currency=CURRENCIES)
def check_orders(ledger: Ledger, config: Any, simulator: Simulator, data: st.DataObject, currency: str) -> None:
    wipe()
    simulator.reset()
    config.CURRENCY = currency
    config.SHIPPING_PRICE, config.SHIPPING_FREE_FROM = data.draw(amounts(currency, 2_000)), Decimal(75)
    order = filled_order(data.draw(st.lists(st.tuples(amounts(currency), st.integers(1, 99)), min_size=1, max_size=4)))
    assert order.cart
    shown = quote(order.cart.lines())
    ledger.tried()
    if not minimum(currency) <= shown.total <= maximum(currency):
        with pytest.raises(PlaceRefused, match="order we can take is"):
            place(order, shown.facts())
        return
    assume(place(order, shown.facts()))
    payments.ensure_intent(order)
    [intent] = simulator.objects("payment_intent")
    assert intent["currency"] == order.currency == currency
    assert intent["amount"] == minor_units(shown.total, currency)
    assert order.total == shown.total == order.subtotal + order.shipping_total + order.tax_total - order.discount_total
    assert order.subtotal == sum(item.unit_price * item.quantity for item in order.items.all())
    assert audit.audit() == []


def filled_order(lines: list[tuple[Decimal, int]]) -> Order:
    """An open order of a guest with these lines and an address."""
    order = make_open_order()
    cart = order.cart or Cart()
    cart.items.all().delete()
    for price, quantity in lines:
        cart.set_quantity(make_product(price=price, stock=None), quantity)
    profile: BillingProfile = order.billing_profile
    home = profile.addresses.create(name="Gia Guest", line_1="1 High Street", city="Bath", country="GB")
    order.use_address(home, "shipping")
    return order


def test_stripe_is_asked_for_the_sum_of_the_parts(ledger: Ledger, settings: Any, asked: Simulator) -> None:
    check_orders(ledger, settings, asked)
