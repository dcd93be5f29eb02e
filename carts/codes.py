"""Discount codes on a cart: put on, taken off, and guessed only so often."""

from contextlib import suppress

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext as _

from carts.models import Cart
from carts.quotes import quote_cart
from carts.rates import Discount
from ecommerce.http import client_key
from ecommerce.money import format_money

WRONG_CODES, PAUSE = 20, 3600  # so many wrong codes from one address within so many seconds


class CodeRefused(Exception):
    """The code is not on the cart; its text says why, for the shopper."""


def put_on(request: HttpRequest, cart: Cart, code: str) -> str:
    """Put the code on the cart, in place of another; what it does, in words. CodeRefused, and nothing changed, if it
    counts for nothing now.

    Wrong codes are counted by network address, in the cache: sessions are had for nothing, and a code is not worth a
    row a try. Servers with caches of their own count apart.
    """
    key = f"codes:{client_key(request)}"
    if cache.get(key, 0) >= WRONG_CODES:
        raise CodeRefused(_("Too many codes were tried from your internet connection. Please try again in an hour."))
    discount = Discount.objects.find(code)
    if discount is None or not discount.active:
        cache.add(key, 0, PAUSE)
        with suppress(ValueError):  # its hour ended between these two lines
            cache.incr(key)
        raise CodeRefused(_("The code %(code)s is not valid. Please check the spelling.") % {"code": code})
    cart.discount_code = discount.code
    today = quote_cart(cart)
    if today.code_problem:
        raise CodeRefused(today.code_problem)
    cart.choose(discount_code=cart.discount_code)
    words = {"code": today.discount_code, "amount": format_money(today.discount_total, today.currency)}
    return _("The code %(code)s takes %(amount)s off.") % words


def take_off(cart: Cart) -> None:
    """The cart has no code."""
    cart.choose(discount_code="")
