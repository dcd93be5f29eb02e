"""Template tags about the visitor's cart and the countries that the shop delivers to."""

from dataclasses import dataclass

from django import template
from django.contrib.messages.storage.base import Message
from django.template import Context

from addresses.countries import country_choices
from carts.models import Cart
from carts.pricing.rules import PricingRules
from carts.undo import Undo, read_undo

register = template.Library()


@register.simple_tag(takes_context=True)
def quantity_in_cart(context: Context, product_id: int) -> int:
    """Return the quantity of a product in the visitor's cart, or 0.

    There is no query if the view has read it together with the product, or if the session has no cart.
    """
    return Cart.objects.quantity_of(product_id, context["request"])


@register.filter
def undo(message: Message) -> Undo | None:
    """Return the removed product that the message offers to put back into the cart, or None."""
    return read_undo(message.extra_tags)


SHORT_LIST = 6  # so many countries are named in a sentence; more are folded


@dataclass(frozen=True)
class CountriesServed:
    """The names of the countries that the shop delivers to, in the active language."""

    names: list[str]
    is_everywhere: bool

    @property
    def is_short(self) -> bool:
        return 0 < len(self.names) <= SHORT_LIST

    def __str__(self) -> str:
        return ", ".join(self.names)


@register.simple_tag
def countries_served() -> CountriesServed:
    """Return the countries that some delivery method serves."""
    names = [name for _code, name in PricingRules.cached().destinations()]
    return CountriesServed(names, is_everywhere=len(names) == len(country_choices()))
