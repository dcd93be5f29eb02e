"""Functions to apply discount codes to carts and to remove them, with a limit on wrong codes."""

from django.http import HttpRequest
from django.utils.translation import gettext as _

from carts.models import Cart, WrongCode
from carts.models.rates import Discount
from carts.pricing.quotes import quote_cart
from core.money import format_money


class CodeRejected(Exception):
    """The discount code was not applied to the cart. The text is a message for the shopper that says why."""


def apply_code(request: HttpRequest, cart: Cart, code: str) -> str:
    """Apply the code to the cart, replacing any other code, and return a message for the shopper with the discount.

    Raise CodeRejected and change nothing if the code does not apply now or if too many wrong codes were tried.
    """
    discount = _find(request, code)
    cart.discount_code = discount.code
    cart_quote = quote_cart(cart)
    if cart_quote.code_problem:
        raise CodeRejected(cart_quote.code_problem)
    cart.store_choices(discount_code=cart.discount_code)
    params = {"code": cart_quote.discount_code, "amount": format_money(cart_quote.discount_total, cart_quote.currency)}
    return _("The code %(code)s takes %(amount)s off.") % params


def _find(request: HttpRequest, code: str) -> Discount:
    """Return the discount with this code. Raise CodeRejected if there is none or too many wrong codes were tried.

    A try over the limit does not count, so visitors who wait can try again after an hour.
    """
    attempt = WrongCode.objects.start(request)
    if attempt.exceeds_limit():
        attempt.delete()
        raise CodeRejected(_("Too many codes were tried. Please try again in an hour."))
    discount = Discount.objects.find(code)
    if discount is None or not discount.active:
        raise CodeRejected(_("The code %(code)s is not valid. Please check the spelling.") % {"code": code})
    attempt.delete()
    return discount


def remove_code(cart: Cart) -> None:
    """Remove the discount code from the cart."""
    cart.store_choices(discount_code="")
