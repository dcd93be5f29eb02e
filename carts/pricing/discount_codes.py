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

MAX_WRONG_CODES = 20  # wrong codes allowed from one IP address
LOCKOUT_SECONDS = 3600  # seconds until the count restarts


class CodeRejected(Exception):
    """The discount code was not applied to the cart. The text is a message for the shopper that says why."""


def apply_code(request: HttpRequest, cart: Cart, code: str) -> str:
    """Apply the code to the cart, replacing any other code, and return a message for the shopper with the discount.

    Raise CodeRejected and change nothing if the code does not apply now or if too many wrong codes were tried.

    Wrong codes are counted by IP address, because a new session costs nothing. They are counted in the cache, because
    a discount code is not worth a database row for each try. Servers with separate caches count separately.
    """
    key = f"codes:{client_key(request)}"
    if cache.get(key, 0) >= MAX_WRONG_CODES:
        raise CodeRejected(_("Too many codes were tried from your internet connection. Please try again in an hour."))
    discount = Discount.objects.find(code)
    if discount is None or not discount.active:
        cache.add(key, 0, LOCKOUT_SECONDS)
        with suppress(ValueError):  # the counter expired between these two lines
            cache.incr(key)
        raise CodeRejected(_("The code %(code)s is not valid. Please check the spelling.") % {"code": code})
    cart.discount_code = discount.code
    cart_quote = quote_cart(cart)
    if cart_quote.code_problem:
        raise CodeRejected(cart_quote.code_problem)
    cart.store_choices(discount_code=cart.discount_code)
    params = {"code": cart_quote.discount_code, "amount": format_money(cart_quote.discount_total, cart_quote.currency)}
    return _("The code %(code)s takes %(amount)s off.") % params


def remove_code(cart: Cart) -> None:
    """Remove the discount code from the cart."""
    cart.store_choices(discount_code="")
