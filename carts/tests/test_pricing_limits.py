"""Tests for how long and how often wrong discount codes are blocked."""

import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import RequestFactory

from carts.models import Cart
from carts.pricing.discount_codes import CodeRejected, apply_code
from tests.makers import make_discount, make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that sets the clock of the cache to some seconds from now."""
    now = time.time()
    return lambda seconds: monkeypatch.setattr("django.core.cache.backends.locmem.time.time", lambda: now + seconds)


@pytest.fixture
def cart() -> Cart:
    cart = Cart.objects.create()
    cart.set_quantity(make_product(price=Decimal("16.00")), 2)
    return cart


def try_code(cart: Cart, code: str) -> str:
    """Apply a code and return the message that the shopper sees."""
    try:
        return apply_code(RequestFactory().post("/"), cart, code)
    except CodeRejected as error:
        return str(error)


def test_twenty_wrong_codes_are_allowed_in_an_hour(cart: Cart, wait: Callable[[float], None]) -> None:
    make_discount("TEN")
    make_discount("OFF", active=False)
    wait(0)
    for number in range(20):
        assert "takes £3.20 off" in try_code(cart, "TEN")
        assert "is not valid" in try_code(cart, "OFF" if number % 2 else f"WRONG{number}")
    assert "Too many codes" in try_code(cart, "TEN")
    wait(3599.5)
    assert "Too many codes" in try_code(cart, "TEN")
    wait(3600.5)
    assert "takes £3.20 off" in try_code(cart, "TEN")
