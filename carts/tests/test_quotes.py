"""What a cart costs, and the signed facts a shopper agrees to."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.core import signing

from carts.models import CartItem
from carts.quotes import Destination, Quote, quote, read_signed
from carts.rates import Discount, Rules, ShippingMethod, TaxRate
from products.models import Product

VAT = TaxRate(title="VAT", country="GB", percent=Decimal(20))


def line(price: str, quantity: int = 1, **fields: object) -> CartItem:
    """A line that needs no database."""
    product = Product(**{"pk": 7, "title": "Mug", "price": Decimal(price), "stock": None} | fields)
    return CartItem(product=product, quantity=quantity)


STANDARD = ShippingMethod(pk=1, title="Standard delivery", price=Decimal("4.95"), free_from=Decimal(75))


def quoted(lines: list[CartItem], *methods: ShippingMethod, rates: Sequence[TaxRate] = (), **chosen: Any) -> Quote:
    """What they cost in a shop with these methods (the standard one if none are named) and rates."""
    return quote(lines, rules=Rules(methods or (STANDARD,), rates), **chosen)


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
def test_quote_adds_up_exactly_with_flat_or_free_shipping(prices: list, shipping: str, total: str) -> None:
    today = quoted([line(price, quantity) for price, quantity in prices])
    assert (today.shipping_total, today.total) == (Decimal(shipping), Decimal(total))
    assert today.total == today.subtotal + today.shipping_total - today.discount_total


@pytest.mark.parametrize(("price", "missing"), [("60.00", "15.00"), ("74.99", "0.01"), ("75.00", "0"), ("80.00", "0")])
def test_quote_tells_what_is_missing_for_free_shipping(price: str, missing: str) -> None:
    assert quoted([line(price)]).missing_for_free_shipping == Decimal(missing)


def test_quote_lists_the_lines_that_cannot_be_bought() -> None:
    lines = [line("1.00", title="Mug", stock=0), line("1.00", title="Jug"), line("1.00", 5, title="Cup", stock=2)]
    assert quoted(lines).problems == {"Mug": "Sold out", "Cup": "Only 2 left"}


@pytest.mark.parametrize(("price", "small"), [("0.29", True), ("0.30", False)])
def test_quote_knows_what_is_too_small_to_charge(price: str, small: bool) -> None:
    assert quoted([line(price)], ShippingMethod(title="Bicycle", price=Decimal(0))).is_too_small is small


def test_signed_quote_is_read_back() -> None:
    today = quoted([line("16.00", 2)], rates=[VAT], discount=Discount(code="TEN", value=Decimal(10)))
    assert read_signed(today.signed()) == today.facts()
    assert today.facts() == {
        "lines": {"7": [2, "16.00"]},
        "shipping": [1, "Standard delivery", "4.95"],
        "discount": ["TEN", "3.20"],
        "tax": ["VAT", "20.000", "5.63", True],
        "total": "33.75",
        "currency": "gbp",
    }


def _flipped(text: str, place: int) -> str:
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda signed: _flipped(signed, 3),
        lambda signed: _flipped(signed, -2),
        lambda signed: signed.rsplit(":", 1)[0],
        lambda signed: "",
        lambda signed: "\x00",
        lambda signed: signing.dumps({"lines": {}, "total": "0.01"}),
        lambda signed: signing.dumps({"lines": {}, "total": "0.01"}, salt="quote", key="another key"),
    ],
)
def test_signed_quote_that_was_changed_is_refused(tamper) -> None:
    with pytest.raises(signing.BadSignature):
        read_signed(tamper(quoted([line("16.00")]).signed()))


# --- delivery ---

EXPRESS = ShippingMethod(pk=2, title="Express", price=Decimal("9.50"), countries="GB, IE")
PARCEL = ShippingMethod(pk=3, title="Parcel", price=Decimal("7.00"), weight_from=2000, weight_to=5000)


def test_quote_uses_the_first_method_unless_another_is_chosen() -> None:
    lines = [line("16.00")]
    chosen = [quoted(lines, STANDARD, EXPRESS, method=method).shipping_title for method in (None, 2, 99)]
    assert chosen == ["Standard delivery", "Express", "Standard delivery"]


@pytest.mark.parametrize(
    ("country", "titles"), [("GB", ["Standard delivery", "Express"]), ("IE", ["Standard delivery", "Express"]),
                            ("I", ["Standard delivery"]), ("FR", ["Standard delivery"])],
)  # fmt: skip
def test_methods_are_offered_where_they_go(country: str, titles: list[str]) -> None:
    today = quoted([line("16.00")], STANDARD, EXPRESS, to=Destination(country))
    assert [method.title for method in today.methods] == titles


@pytest.mark.parametrize(("grams", "fits"), [(1999, False), (2000, True), (5000, True), (5001, False)])
def test_method_carries_the_weights_it_is_for_both_ends_included(grams: int, fits: bool) -> None:
    today = quoted([line("16.00", weight=grams)], PARCEL)
    assert bool(today.method) is fits
    assert today.delivery_problem == ("" if fits else "We do not deliver orders of this weight to United Kingdom.")


def test_weight_is_that_of_all_units() -> None:
    assert quoted([line("1.00", 3, weight=700)], PARCEL).method == PARCEL


def test_quote_says_where_the_shop_does_not_deliver() -> None:
    today = quoted([line("16.00")], EXPRESS, to=Destination("FR"))
    assert (today.delivery_problem, today.method) == ("We do not deliver to France.", None)


def test_method_whose_price_the_currency_cannot_pay_is_not_offered(settings: Any) -> None:
    settings.CURRENCY = "jpy"
    assert quoted([line("1600")]).method is None


# --- tax ---


def test_tax_in_prices_is_told_and_does_not_raise_the_total() -> None:
    today = quoted([line("16.00", 2)], rates=[VAT])
    assert (today.total, today.tax_total, today.shipping_tax) == (Decimal("36.95"), Decimal("6.16"), Decimal("0.83"))


def test_tax_on_top_of_prices_raises_the_total(settings: Any) -> None:
    settings.PRICES_INCLUDE_TAX = False
    today = quoted([line("16.00", 2)], rates=[VAT])
    assert (today.tax_total, today.total) == (Decimal("7.39"), Decimal("44.34"))


def test_tax_that_is_not_on_delivery_leaves_it_out() -> None:
    rate = TaxRate(title="VAT", country="GB", percent=Decimal(20), on_shipping=False)
    assert (quoted([line("16.00", 2)], rates=[rate]).tax_total) == Decimal("5.33")


@pytest.mark.parametrize(
    ("to", "percent"),
    [
        (Destination("US"), "0"), (Destination("CA"), "5"), (Destination("CA", "BC"), "12"),
        (Destination("CA", " british columbia"), "12"), (Destination("CA", "Ontario"), "5"), (Destination("BC"), "0"),
    ],
)  # fmt: skip
def test_rate_is_the_regions_else_the_countrys_else_none(to: Destination, percent: str) -> None:
    rates = [
        TaxRate(title="GST", country="CA", percent=Decimal(5)),
        TaxRate(title="Tax", country="CA", region="BC, British Columbia", percent=Decimal(12)),
    ]
    assert quoted([line("16.00")], rates=rates, to=to).tax_rate == Decimal(percent)


# --- discounts ---


def test_discount_is_shared_by_the_lines_and_lowers_their_tax() -> None:
    today = quoted([line("10.00"), line("20.00")], rates=[VAT], discount=Discount(code="TEN", value=Decimal(10)))
    assert [part.discount for part in today.parts] == [Decimal("1.00"), Decimal("2.00")]
    assert [part.tax for part in today.parts] == [Decimal("1.50"), Decimal("3.00")]


@pytest.mark.parametrize(("kind", "value"), [("amount", "99.00"), ("percent", "100")])
def test_discount_never_exceeds_the_goods(kind: str, value: str) -> None:
    today = quoted([line("16.00")], discount=Discount(code="ALL", kind=kind, value=Decimal(value)))
    assert (today.discount_total, today.total) == (Decimal("16.00"), Decimal("4.95"))


def test_discount_does_not_make_delivery_dearer() -> None:
    today = quoted([line("75.00")], discount=Discount(code="TEN", value=Decimal(10)))
    assert (today.shipping_total, today.total) == (Decimal(0), Decimal("67.50"))


def test_code_that_does_not_count_changes_nothing_and_says_so() -> None:
    today = quoted([line("16.00")], discount=Discount(code="BIG", value=Decimal(10), minimum=Decimal(50)))
    assert (today.discount_total, today.discount_code) == (Decimal(0), "")
    assert today.code_problem == "The code BIG is valid for orders of £50.00 or more."
