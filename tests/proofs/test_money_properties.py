"""Proof for all prices, quantities and currencies: the total is the sum of its parts, and Stripe gets that amount."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from billing.models import BillingProfile
from carts.models import Cart, CartItem
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.pricing.agreement import Agreement, read_signed
from carts.pricing.quotes import Quote, quote, quote_cart
from carts.pricing.rules import PricingRules
from core.money import (
    CHARGED_IN_HUNDREDTHS,
    UNSUPPORTED,
    ZERO_DECIMAL,
    allocate,
    decimals,
    has_excess_decimals,
    major_units,
    maximum_charge,
    minimum_charge,
    minor_units,
)
from orders.bookkeeping import audit
from orders.models import Order
from orders.workflow import payments
from orders.workflow.placing import OrderRejected, place
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import make_open_order, make_product, shown_facts
from tests.proofs.incremental_audit import delete_all_rows
from tests.proofs.proof_report import ProofReport, scaled

PROOF = "Money: prices, quantities, currencies"
CURRENCIES = st.sampled_from(
    sorted({"gbp", "eur", "usd", "huf", "twd", "sek", "jpy", "krw", "clp", "isk"} - UNSUPPORTED)
)


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
    """Return a strategy for amounts in the currency. Small amounts are frequent, to test the smallest charge."""
    units = st.one_of(st.integers(0, 200), st.integers(0, most))
    return units.map(lambda number: Decimal(number).scaleb(-decimals(currency)))


# --- functions without a database ---


@runs(quick=200, small=1_000, full=20_000)
@given(data=st.data(), currency=CURRENCIES)
def check_units(report: ProofReport, data: st.DataObject, currency: str) -> None:
    report.count_try()
    amount = data.draw(amounts(currency))
    units = minor_units(amount, currency)
    assert major_units(units, currency) == amount
    assert units == amount * (1 if currency in ZERO_DECIMAL else 100)
    assert units % 100 == 0 or currency not in CHARGED_IN_HUNDREDTHS
    other = data.draw(amounts(currency))
    assert minor_units(amount + other, currency) == units + minor_units(other, currency)


def test_minor_units_convert_exactly_and_are_additive(report: ProofReport) -> None:
    check_units(report)


@runs(quick=100, small=500, full=10_000)
@given(data=st.data(), currency=CURRENCIES)
def check_excess(report: ProofReport, data: st.DataObject, currency: str) -> None:
    report.count_try()
    finer = data.draw(amounts(currency)) + Decimal(data.draw(st.integers(1, 9))).scaleb(-decimals(currency) - 1)
    assert has_excess_decimals(finer, currency)
    with pytest.raises(ValueError, match="more decimals"):
        minor_units(finer, currency)


@pytest.mark.slow
def test_fractions_of_the_smallest_unit_are_rejected_and_never_rounded(report: ProofReport) -> None:
    check_excess(report)


@runs(quick=150, small=250, full=15_000)
@given(data=st.data(), currency=CURRENCIES)
def check_shares(report: ProofReport, data: st.DataObject, currency: str) -> None:
    """Check that the shares add up to the amount, no share exceeds its part, and rounding is below one unit."""
    report.count_try()
    over = data.draw(st.lists(amounts(currency), max_size=8))
    amount = data.draw(st.integers(0, sum(minor_units(part, currency) for part in over)))
    shared = major_units(amount, currency)
    assume(not has_excess_decimals(shared, currency))
    shares = allocate(shared, over, currency)
    assert sum(shares, Decimal(0)) == shared
    assert all(0 <= share <= part for share, part in zip(shares, over, strict=True))
    exact = [shared * part / (sum(over) or 1) for part in over]
    unit = Decimal(1).scaleb(-decimals(currency))
    assert all(abs(share - part) < unit for share, part in zip(shares, exact, strict=True))


def test_shares_are_exact(report: ProofReport) -> None:
    check_shares(report)


@runs(quick=200, small=1_000, full=20_000)
@given(data=st.data(), currency=CURRENCIES)
def check_quote(report: ProofReport, data: st.DataObject, currency: str) -> None:
    """Check quotes for any items, shipping method, tax rate and discount, with taxes included or not."""
    report.count_try()
    with override_settings(CURRENCY=currency, PRICES_INCLUDE_TAX=data.draw(st.booleans())):
        prices = data.draw(st.lists(st.tuples(amounts(currency), st.integers(1, 99)), max_size=6))
        lines = [line(number, *pair) for number, pair in enumerate(prices, 1)]
        rules = PricingRules(
            methods=data.draw(st.lists(methods(currency), max_size=2)), rates=data.draw(st.lists(RATES, max_size=1))
        )
        quoted = quote(lines, discount=data.draw(st.none() | discounts(currency)), rules=rules)
        in_lines = sum(minor_units(price, currency) * quantity for price, quantity in prices)
        off, shipping, tax = [
            minor_units(amount, currency) for amount in (quoted.discount_total, quoted.shipping_total, quoted.tax_total)
        ]
        assert minor_units(quoted.total, currency) == in_lines - off + shipping + (0 if quoted.is_tax_included else tax)
        assert 0 <= off <= in_lines
        assert sum((part.discount for part in quoted.line_amounts), Decimal(0)) == quoted.discount_total
        assert sum((part.tax for part in quoted.line_amounts), quoted.shipping_tax) == quoted.tax_total
        assert all(0 <= part.discount <= row.total for row, part in zip(lines, quoted.line_amounts, strict=True))
        for net, taxed in taxed_amounts(quoted):
            assert abs(taxed - exact_tax(net, quoted)) <= Decimal("0.5").scaleb(-decimals(currency))
        assert quoted.is_too_small == (quoted.total < minimum_charge(currency))
        assert quoted.is_too_large == (minor_units(quoted.total, currency) > 99_999_999)
        agreement = Agreement(quoted, "guest@example.org", "en-gb", "1 High Street", "1 High Street")
        assert read_signed(agreement.signed()) == agreement.facts()


def taxed_amounts(quoted: Quote) -> list[tuple[Decimal, Decimal]]:
    """Return pairs of a taxable amount and its tax, for each line and the shipping of a quote."""
    goods = [(row.total - part.discount, part.tax) for row, part in zip(quoted.lines, quoted.line_amounts, strict=True)]
    on_shipping = bool(quoted.rate and quoted.rate.on_shipping)
    return [*goods, (quoted.shipping_total if on_shipping else Decimal(0), quoted.shipping_tax)]


def exact_tax(amount: Decimal, quoted: Quote) -> Decimal:
    """Return the tax of an amount before rounding."""
    net = amount * 100 / (100 + quoted.tax_rate) if quoted.is_tax_included else amount
    return net * quoted.tax_rate / 100


RATES = st.builds(
    TaxRate,
    title=st.just("VAT"),
    country=st.just("GB"),
    percent=st.sampled_from(["0", "0.001", "5.5", "8.875", "19", "20", "33.333", "100"]).map(Decimal)
    | st.integers(0, 100_000).map(lambda number: Decimal(number).scaleb(-3)),
    on_shipping=st.booleans(),
)


def methods(currency: str) -> st.SearchStrategy[ShippingMethod]:
    """Return a strategy for shipping methods to all countries."""
    free_from = st.none() | amounts(currency, 20_000)
    return st.builds(ShippingMethod, title=st.just("Van"), price=amounts(currency, 2_000), free_from=free_from)


def discounts(currency: str) -> st.SearchStrategy[Discount]:
    """Return a strategy for discount codes without a minimum."""
    percent = st.integers(1, 10_000).map(lambda number: Decimal(number).scaleb(-2))
    amount = amounts(currency, 100_000).filter(bool)
    return st.builds(Discount, code=st.just("CODE"), kind=st.just("percent"), value=percent) | st.builds(
        Discount, code=st.just("CODE"), kind=st.just("amount"), value=amount
    )


def line(number: int, price: Decimal, quantity: int) -> CartItem:
    return CartItem(product=Product(pk=number, title=str(number), price=price), quantity=quantity)


@pytest.mark.slow
def test_quote_total_is_the_sum_of_its_parts(report: ProofReport) -> None:
    check_quote(report)


@runs(quick=100, small=500, full=10_000)
@given(data=st.data(), currency=CURRENCIES)
def check_shipping(report: ProofReport, data: st.DataObject, currency: str) -> None:
    report.count_try()
    with override_settings(CURRENCY=currency):
        method = data.draw(methods(currency))
        lines = [line(1, data.draw(amounts(currency, most=9_999)), data.draw(st.integers(1, 99)))]
        quoted = quote(lines, rules=PricingRules([method], []))
        is_free = method.free_from is not None and quoted.subtotal >= method.free_from
        assert quoted.shipping_total == (0 if is_free else method.price)
        assert quoted.total == quoted.subtotal + quoted.shipping_total
        missing = method.free_from - quoted.subtotal if method.free_from and quoted.shipping_total else Decimal(0)
        assert quoted.missing_for_free_shipping == missing


@pytest.mark.slow
def test_shipping_is_free_from_exactly_the_threshold(report: ProofReport) -> None:
    check_shipping(report)


# --- orders and Stripe ---


@pytest.fixture
def clean_simulator(simulator: Simulator, transactional_db: None) -> Iterator[Simulator]:
    yield simulator
    delete_all_rows()


@runs(quick=25, small=40, full=1_500)
@given(data=st.data(), currency=CURRENCIES)
def check_orders(report: ProofReport, simulator: Simulator, data: st.DataObject, currency: str) -> None:
    delete_all_rows()
    simulator.reset()
    with override_settings(CURRENCY=currency, PRICES_INCLUDE_TAX=data.draw(st.booleans())):
        order = filled_order(
            data.draw(st.lists(st.tuples(amounts(currency), st.integers(1, 99)), min_size=1, max_size=4))
        )
        create_rules(data, currency, order)
        assert order.cart
        shown, facts = quote_cart(order.cart, address=order.shipping_address), shown_facts(order)
        report.count_try()
        if not minimum_charge(currency) <= shown.total <= maximum_charge(currency):
            with pytest.raises(OrderRejected, match="order value is"):
                place(order, facts)
            return
        assume(place(order, facts))
        payments.ensure_intent(order)
        [intent] = simulator.objects("payment_intent")
        assert intent["currency"] == order.currency == currency
        assert intent["amount"] == minor_units(shown.total, currency)
        on_top = Decimal(0) if order.is_tax_included else order.tax_total
        assert order.total == shown.total == order.subtotal + order.shipping_total + on_top - order.discount_total
        assert order.subtotal == sum(item.unit_price * item.quantity for item in order.items.all())
        assert [order.discount_total, order.tax_total] == [shown.discount_total, shown.tax_total]
        assert audit.audit() == []


def create_rules(data: st.DataObject, currency: str, order: Order) -> None:
    """Create a shipping method, perhaps a tax rate, and perhaps a discount code in the cart."""
    ShippingMethod.objects.all().delete()
    data.draw(methods(currency)).save()
    for row in data.draw(st.lists(RATES, max_size=1)):
        row.save()
    for discount in data.draw(st.lists(discounts(currency), max_size=1)):
        discount.save()
        Cart.objects.filter(pk=order.cart_id).update(discount_code=discount.code)
    order.refresh_from_db()


def filled_order(lines: list[tuple[Decimal, int]]) -> Order:
    """Return a guest's open order with these lines and a postal address."""
    order = make_open_order()
    cart = order.cart or Cart()
    cart.items.all().delete()
    for price, quantity in lines:
        cart.set_quantity(make_product(price=price, stock=None), quantity)
    profile: BillingProfile = order.billing_profile
    address = profile.addresses.create(name="Gia Guest", line_1="1 High Street", city="Bath", country="GB")
    order.use_address(address, "shipping")
    return order


@pytest.mark.slow
def test_stripe_intent_amount_is_the_sum_of_the_parts(report: ProofReport, clean_simulator: Simulator) -> None:
    check_orders(report, clean_simulator)
