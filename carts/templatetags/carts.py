"""Template tags about the visitor's cart and the countries that the shop delivers to."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django import template
from django.conf import settings
from django.contrib.messages.storage.base import Message
from django.template import Context
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from addresses.countries import country_choices
from carts.models import Cart
from carts.models.rates import ShippingMethod
from carts.pricing.rules import PricingRules
from carts.undo import Undo, read_undo
from core.money import format_money
from core.page_cache.version_cache import VersionCache
from core.pages.current import page_of
from core.pages.models import Page
from core.rendering.page_urls import surroundings

register = template.Library()
_NOTES = VersionCache(20)  # one for each language and base of URLs


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
    """The countries that the shop delivers to, as pairs of code and name. Its text has the names."""

    destinations: Sequence[tuple[str, str]]
    is_everywhere: bool

    @property
    def is_short(self) -> bool:
        return 0 < len(self.destinations) <= SHORT_LIST

    def __str__(self) -> str:
        return ", ".join(name for _code, name in self.destinations)


@register.simple_tag
def countries_served() -> CountriesServed:
    """Return the countries that some delivery method serves."""
    found = PricingRules.cached().destinations()
    return CountriesServed(found, is_everywhere=len(found) == len(country_choices()))


@register.simple_tag
def price_note() -> SafeString:
    """Return what the shop's prices include and what is added to them, with a link to the page about delivery.

    The source is Directive 2011/83 Art. 6(1)(e). The note is the same for all visitors, so it does not name a rate.
    """
    return _NOTES.get_or_make(surroundings(), (), _render_note)


def _render_note() -> SafeString:
    page = page_of(Page.Kind.DELIVERY)
    return render_to_string("carts/snippets/price_note.html", {"note": _note(), "url": page.url if page else ""})


def _note() -> str:
    """Return the note for the current tax rates and delivery methods, or "" if the shop does not deliver yet."""
    rules = PricingRules.cached()
    methods = rules.usable_methods(settings.CURRENCY)
    if not methods:
        return ""
    is_free = not any(method.price for method in methods)
    if not rules.rates:
        note = _("Delivery is free") if is_free else _("Plus delivery")
    elif settings.PRICES_INCLUDE_TAX:
        note = _("Including tax and delivery") if is_free else _("Including tax, plus delivery")
    else:
        note = _("Plus tax; delivery is free") if is_free else _("Plus tax and delivery")
    return note if is_free else _with_amounts(note, methods)


def _with_amounts(note: str, methods: Sequence[ShippingMethod]) -> str:
    """Return the note with the lowest price of delivery, if all methods cost something and serve the same countries."""
    if len({frozenset(method.country_codes) for method in methods}) > 1 or not all(method.price for method in methods):
        return note
    limits = [method.free_from for method in methods if method.free_from is not None]
    amounts = {"note": note, "price": _money(min(method.price for method in methods))}
    if limits:
        return _("%(note)s from %(price)s, free from %(limit)s") % (amounts | {"limit": _money(min(limits))})
    return _("%(note)s from %(price)s") % amounts


def _money(amount: Decimal) -> str:
    return format_money(amount, settings.CURRENCY)
