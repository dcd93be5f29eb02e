"""The countries of placed orders, which are the last lines of their frozen postal addresses.

They stay after an erasure, unlike the address rows that they were copied from.
"""

from collections.abc import Iterator
from functools import cache

from django.conf import settings
from django.utils import translation

from addresses.countries import country_choices
from orders.models import Order


def destination(order: Order) -> str:
    """Return the two-letter code of the country that the order was shipped to, or an empty string if it is unknown."""
    return country_of(order.shipping_address_text, order.language)


def country_of(text: str, language: str) -> str:
    """Return the code of the country in the last line of a postal address in this language, or an empty string."""
    name = (text.splitlines() or [""])[-1].strip().casefold()
    return _codes(language).get(name) or _codes("").get(name, "")


@cache
def _codes(language: str) -> dict[str, str]:
    """Return the codes of countries by their names in this language, or in all languages of the shop."""
    languages = [language] if language else [code for code, _name in settings.LANGUAGES]
    return dict(pair for one in languages for pair in _names(one))


def _names(language: str) -> Iterator[tuple[str, str]]:
    with translation.override(language):
        yield from ((name.casefold(), code) for code, name in country_choices())
