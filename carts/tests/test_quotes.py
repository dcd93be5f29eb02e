"""Tests for quotes: totals, delivery, tax, discounts and the signed facts."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from carts.models import CartItem
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.pricing.quotes import Destination, Quote, quote
from carts.pricing.rules import PricingRules
from products.models import Product

VAT = TaxRate(title="VAT", country="GB", percent=Decimal(20))


def line(price: str, quantity: int = 1, **fields: object) -> CartItem:
    """Return a cart line that needs no database."""
    product = Product(**{"pk": 7, "title": "Mug", "price": Decimal(price), "stock": None} | fields)
    return CartItem(product=product, quantity=quantity)


STANDARD = ShippingMethod(pk=1, title="Standard delivery", price=Decimal("4.95"), free_from=Decimal(75))


def make_quote(lines: list[CartItem], *methods: ShippingMethod, rates: Sequence[TaxRate] = (), **chosen: Any) -> Quote:
    """Return the quote for the lines with these tax rates and methods (the standard one by default)."""
    return quote(lines, rules=PricingRules(methods or (STANDARD,), rates), **chosen)


@pytest.mark.parametrize(
    ("prices", "shipping", "total"),
    [
        ([], "0", "0"),
        ([("0.01", 1)], "4.95", "4.96"),
        ([("74.99", 1)], "4.95", "79.94"),
        ([("75.00", 1)], "0", "75.00"),
        ([("75.01", 1)], "0", "75.01"),
        ([("37.50", 2)], "0", "75.00"),
        ([("24.99", 3)], "4.95", "79.92"),
        ([("0.10", 3), ("0.20", 1)], "4.95", "5.45"),
        ([("1.15", 99), ("2.35", 99)], "0", "346.50"),
        ([("99999999.99", 99)] * 30, "0", "296999999970.30"),
    ],
)
def test_quote_total_is_exact_with_flat_or_free_shipping(prices: list, shipping: str, total: str) -> None:
    result = make_quote([line(price, quantity) for price, quantity in prices])
    assert (result.shipping_total, result.total) == (Decimal(shipping), Decimal(total))
    assert result.total == result.subtotal + result.shipping_total - result.discount_total


@pytest.mark.parametrize(("price", "missing"), [("60.00", "15.00"), ("74.99", "0.01"), ("75.00", "0"), ("80.00", "0")])
def test_quote_has_the_amount_missing_for_free_shipping(price: str, missing: str) -> None:
    assert make_quote([line(price)]).missing_for_free_shipping == Decimal(missing)


def test_quote_lists_the_lines_that_cannot_be_bought() -> None:
    lines = [line("1.00", title="Mug", stock=0), line("1.00", title="Jug"), line("1.00", 5, title="Cup", stock=2)]
    assert make_quote(lines).problems == {"Mug": "Sold out", "Cup": "Only 2 left"}


@pytest.mark.parametrize(("price", "small"), [("0.29", True), ("0.30", False)])
def test_quote_reports_a_total_that_is_too_small_to_charge(price: str, small: bool) -> None:
    assert make_quote([line(price)], ShippingMethod(title="Bicycle", price=Decimal(0))).is_too_small is small


def test_facts_contain_everything_about_lines_and_sums() -> None:
    result = make_quote([line("16.00", 2)], rates=[VAT], discount=Discount(code="TEN", value=Decimal(10)))
    facts = result.facts()
    [[quantity, price, name, _title, _picture, _withdrawal]] = facts.pop("lines").values()
    assert (quantity, price, name) == (2, "16.00", "Mug")
    assert facts == {
        "shipping_method": 1,
        "shipping_title": "Standard delivery",
        "shipping_total": "4.95",
        "discount_code": "TEN",
        "discount_total": "3.20",
        "tax_title": "VAT",
        "tax_rate": "20.000",
        "tax_total": "5.63",
        "is_tax_included": True,
        "total": "33.75",
        "currency": "gbp",
    }


# --- delivery ---

EXPRESS = ShippingMethod(pk=2, title="Express", price=Decimal("9.50"), countries="GB, IE")
PARCEL = ShippingMethod(pk=3, title="Parcel", price=Decimal("7.00"), weight_from=2000, weight_to=5000)


def test_quote_uses_the_first_method_unless_another_is_chosen() -> None:
    lines = [line("16.00")]
    chosen = [make_quote(lines, STANDARD, EXPRESS, method=method).shipping_title for method in (None, 2, 99)]
    assert chosen == ["Standard delivery", "Express", "Standard delivery"]


@pytest.mark.parametrize(
    ("country", "titles"), [("GB", ["Standard delivery", "Express"]), ("IE", ["Standard delivery", "Express"]),
                            ("I", []), ("FR", ["Standard delivery"])],
)  # fmt: skip
def test_methods_are_offered_in_their_countries(country: str, titles: list[str]) -> None:
    result = make_quote([line("16.00")], STANDARD, EXPRESS, destination=Destination(country))
    assert [method.title for method in result.methods] == titles


@pytest.mark.parametrize(("grams", "fits"), [(1999, False), (2000, True), (5000, True), (5001, False)])
def test_method_weight_range_is_inclusive(grams: int, fits: bool) -> None:
    result = make_quote([line("16.00", weight=grams)], PARCEL)
    assert bool(result.method) is fits
    assert result.delivery_problem == ("" if fits else "We do not deliver orders of this weight to United Kingdom.")


def test_weight_includes_all_units() -> None:
    assert make_quote([line("1.00", 3, weight=700)], PARCEL).method == PARCEL


def test_quote_reports_a_country_without_delivery() -> None:
    result = make_quote([line("16.00")], EXPRESS, destination=Destination("FR"))
    assert (result.delivery_problem, result.method) == ("We do not deliver to France.", None)


def test_method_with_too_many_decimals_for_the_currency_is_not_offered(settings: Any) -> None:
    settings.CURRENCY = "jpy"
    assert make_quote([line("1600")]).method is None


# --- tax ---


def test_included_tax_does_not_raise_the_total() -> None:
    result = make_quote([line("16.00", 2)], rates=[VAT])
    assert (result.total, result.tax_total, result.shipping_tax) == (Decimal("36.95"), Decimal("6.16"), Decimal("0.83"))


def test_tax_that_is_not_included_raises_the_total(settings: Any) -> None:
    settings.PRICES_INCLUDE_TAX = False
    result = make_quote([line("16.00", 2)], rates=[VAT])
    assert (result.tax_total, result.total) == (Decimal("7.39"), Decimal("44.34"))


def test_tax_can_exclude_delivery() -> None:
    rate = TaxRate(title="VAT", country="GB", percent=Decimal(20), on_shipping=False)
    assert (make_quote([line("16.00", 2)], rates=[rate]).tax_total) == Decimal("5.33")


@pytest.mark.parametrize(
    ("to", "percent"),
    [
        (Destination("US"), "0"), (Destination("CA"), "5"), (Destination("CA", "BC"), "12"),
        (Destination("CA", " british columbia"), "12"), (Destination("CA", "Ontario"), "5"), (Destination("BC"), "0"),
    ],
)  # fmt: skip
def test_rate_of_a_region_replaces_that_of_the_country(to: Destination, percent: str) -> None:
    rates = [
        TaxRate(title="GST", country="CA", percent=Decimal(5)),
        TaxRate(title="Tax", country="CA", region="BC, British Columbia", percent=Decimal(12)),
    ]
    assert make_quote([line("16.00")], rates=rates, destination=to).tax_rate == Decimal(percent)


# --- discounts ---


def test_discount_is_split_between_the_lines_and_lowers_their_tax() -> None:
    result = make_quote([line("10.00"), line("20.00")], rates=[VAT], discount=Discount(code="TEN", value=Decimal(10)))
    assert [part.discount for part in result.line_amounts] == [Decimal("1.00"), Decimal("2.00")]
    assert [part.tax for part in result.line_amounts] == [Decimal("1.50"), Decimal("3.00")]


@pytest.mark.parametrize(("kind", "value"), [("amount", "99.00"), ("percent", "100")])
def test_discount_never_exceeds_the_subtotal(kind: str, value: str) -> None:
    result = make_quote([line("16.00")], discount=Discount(code="ALL", kind=kind, value=Decimal(value)))
    assert (result.discount_total, result.total) == (Decimal("16.00"), Decimal("4.95"))


def test_discount_does_not_affect_free_shipping() -> None:
    result = make_quote([line("75.00")], discount=Discount(code="TEN", value=Decimal(10)))
    assert (result.shipping_total, result.total) == (Decimal(0), Decimal("67.50"))


def test_code_that_does_not_apply_gives_a_message_and_no_discount() -> None:
    result = make_quote([line("16.00")], discount=Discount(code="BIG", value=Decimal(10), minimum=Decimal(50)))
    assert (result.discount_total, result.discount_code) == (Decimal(0), "")
    assert result.code_problem == "The code BIG is valid for orders of £50.00 or more."
