"""What a cart costs, and the signed facts a shopper agrees to."""

from decimal import Decimal

import pytest
from django.core import signing

from carts.models import CartItem
from carts.quotes import quote, read_signed
from products.models import Product


def line(price: str, quantity: int = 1, **fields: object) -> CartItem:
    """A line that needs no database."""
    product = Product(**{"pk": 7, "title": "Mug", "price": Decimal(price), "stock": None} | fields)
    return CartItem(product=product, quantity=quantity)


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
    today = quote([line(price, quantity) for price, quantity in prices])
    assert (today.shipping, today.total) == (Decimal(shipping), Decimal(total))
    assert today.total == today.subtotal + today.shipping + today.tax - today.discount


@pytest.mark.parametrize(("price", "missing"), [("60.00", "15.00"), ("74.99", "0.01"), ("75.00", "0"), ("80.00", "0")])
def test_quote_tells_what_is_missing_for_free_shipping(price: str, missing: str) -> None:
    assert quote([line(price)]).missing_for_free_shipping == Decimal(missing)


def test_quote_uses_the_shops_prices_for_shipping(settings) -> None:
    settings.SHIPPING_PRICE, settings.SHIPPING_FREE_FROM = Decimal("9.00"), Decimal("20.00")
    assert [quote([line(price)]).total for price in ("19.99", "20.00")] == [Decimal("28.99"), Decimal("20.00")]


def test_quote_lists_the_lines_that_cannot_be_bought() -> None:
    lines = [line("1.00", title="Mug", stock=0), line("1.00", title="Jug"), line("1.00", 5, title="Cup", stock=2)]
    assert quote(lines).problems == {"Mug": "Sold out", "Cup": "Only 2 left"}


@pytest.mark.parametrize(("price", "small"), [("0.29", True), ("0.30", False)])
def test_quote_knows_what_is_too_small_to_charge(settings, price: str, small: bool) -> None:
    settings.SHIPPING_PRICE = Decimal(0)
    assert quote([line(price)]).is_too_small is small


def test_signed_quote_is_read_back() -> None:
    today = quote([line("16.00", 2)])
    assert read_signed(today.signed()) == today.facts()
    assert today.facts() == {"lines": {"7": [2, "16.00"]}, "total": "36.95", "currency": "gbp"}


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
        read_signed(tamper(quote([line("16.00")]).signed()))
