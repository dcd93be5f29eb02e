"""Functions to apply discount codes to carts and to remove them, with a limit on wrong codes."""

from contextlib import suppress

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext as _

from carts.models import Cart
from carts.models.rates import Discount
from carts.pricing.quotes import quote_cart
from core.http import client_key
from core.money import format_money

WRONG_CODES, PAUSE = 20, 3600  # wrong codes allowed from one IP address, and seconds until the count restarts


class CodeRefused(Exception):
    """The discount code was not applied to the cart. The text is a message for the shopper that says why."""


def put_on(request: HttpRequest, cart: Cart, code: str) -> str:
    """Apply the code to the cart, replacing any other code, and return a message for the shopper with the discount.

    Raise CodeRefused and change nothing if the code does not apply now or if too many wrong codes were tried.

    Wrong codes are counted by IP address, because a new session costs nothing. They are counted in the cache, because
    a discount code is not worth a database row for each try. Servers with separate caches count separately.
    """
    key = f"codes:{client_key(request)}"
    if cache.get(key, 0) >= WRONG_CODES:
        raise CodeRefused(_("Too many codes were tried from your internet connection. Please try again in an hour."))
    discount = Discount.objects.find(code)
    if discount is None or not discount.active:
        cache.add(key, 0, PAUSE)
        with suppress(ValueError):  # the counter expired between these two lines
            cache.incr(key)
        raise CodeRefused(_("The code %(code)s is not valid. Please check the spelling.") % {"code": code})
    cart.discount_code = discount.code
    cart_quote = quote_cart(cart)
    if cart_quote.code_problem:
        raise CodeRefused(cart_quote.code_problem)
    cart.choose(discount_code=cart.discount_code)
    words = {"code": cart_quote.discount_code, "amount": format_money(cart_quote.discount_total, cart_quote.currency)}
    return _("The code %(code)s takes %(amount)s off.") % words


def take_off(cart: Cart) -> None:
    """Remove the discount code from the cart."""
    cart.choose(discount_code="")
