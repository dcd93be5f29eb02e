"""The countries of the world in the visitor's language, and those the shop sends to."""

import unicodedata
from functools import cache

from babel import Locale
from django.conf import settings
from django.utils.translation import get_language, to_locale

from addresses.rules import known_countries

# Territories of the Unicode list that post cannot be sent to, or that are no countries (groups, test codes).
NOT_A_DESTINATION = frozenset("AC AQ BV CP DG EA EU EZ HM IC QO TA UM UN XA XB XK ZZ".split())


@cache
def _names(locale: str) -> dict[str, str]:
    territories: dict[str, str] = dict(Locale.parse(locale).territories)
    return {code: territories[code] for code in territories if len(code) == 2 and code not in NOT_A_DESTINATION}


def country_name(code: str) -> str:
    """The country's name, or the code itself where there is none."""
    return _names(_locale()).get(code, code)


def country_choices() -> list[tuple[str, str]]:
    """(code, name) of all countries whose addresses we know, by name."""
    return _choices(_locale(), known_countries())


def destination_choices() -> list[tuple[str, str]]:
    """(code, name) of the countries the shop sends to: settings.SHOP_COUNTRIES, or all where that names none."""
    return _choices(_locale(), known_countries() & set(settings.SHOP_COUNTRIES or known_countries()))


@cache
def _choices(locale: str, codes: frozenset[str]) -> list[tuple[str, str]]:
    return sorted(((code, name) for code, name in _names(locale).items() if code in codes), key=_sort_key)


def _sort_key(choice: tuple[str, str]) -> str:
    """Names beside those without accents: Österreich after Oman, not after Zypern."""
    return unicodedata.normalize("NFKD", choice[1]).encode("ascii", "ignore").decode().lower()


def _locale() -> str:
    return to_locale(get_language() or "en")
