"""Country names in the visitor's language, and the countries that the shop ships to."""

import unicodedata
from functools import cache

from babel import Locale
from django.conf import settings
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from addresses.country_rules import known_countries

EU_COUNTRIES = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())
# Codes in the Unicode list of territories that have no postal service or are not countries (groups, test codes).
NON_DESTINATIONS = frozenset("AC AQ BV CP DG EA EU EZ HM IC QO TA UM UN XA XB XK ZZ".split())


@cache
def _names(locale: str) -> dict[str, str]:
    territories: dict[str, str] = dict(Locale.parse(locale).territories)
    return {code: territories[code] for code in territories if len(code) == 2 and code not in NON_DESTINATIONS}


def country_name(code: str) -> str:
    """Return the name of the country in the active language, or the code itself if it has no name."""
    return _names(_locale()).get(code, code)


def country_choices() -> list[tuple[str, str]]:
    """Return (code, name) pairs of all countries that have address rules, sorted by name."""
    return _choices(_locale(), known_countries())


def destination_choices() -> list[tuple[str, str]]:
    """Return (code, name) pairs of the countries that the shop ships to, sorted by name.

    These are the countries in settings.SHOP_COUNTRIES, or all known countries if that setting is empty.
    """
    return _choices(_locale(), known_countries() & set(settings.SHOP_COUNTRIES or known_countries()))


def is_destination(code: str) -> bool:
    """Check whether the shop ships to the country, as far as settings.SHOP_COUNTRIES says."""
    return code in known_countries() - NON_DESTINATIONS and code in (settings.SHOP_COUNTRIES or [code])


def no_delivery_message(code: str) -> str:
    """Return the message that the shop does not deliver to this country."""
    return _("We do not deliver to %(country)s.") % {"country": country_name(code)}


@cache
def _choices(locale: str, codes: frozenset[str]) -> list[tuple[str, str]]:
    return sorted(((code, name) for code, name in _names(locale).items() if code in codes), key=_sort_key)


def _sort_key(choice: tuple[str, str]) -> str:
    """Return the name without accents, so that Österreich sorts after Oman and not after Zypern."""
    return unicodedata.normalize("NFKD", choice[1]).encode("ascii", "ignore").decode().lower()


def _locale() -> str:
    return to_locale(get_language() or "en")
