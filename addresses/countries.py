"""The countries of the world in the visitor's language."""

from functools import cache

from babel import Locale
from django.utils.translation import get_language, to_locale

# Territories of the Unicode list that post cannot be sent to, or that are no countries (groups, test codes).
NOT_A_DESTINATION = frozenset("AC AQ BV CP DG EA EU EZ HM IC QO TA UM UN XA XB XK ZZ".split())


@cache
def _names(locale: str) -> dict[str, str]:
    territories: dict[str, str] = dict(Locale.parse(locale).territories)
    return {code: territories[code] for code in territories if len(code) == 2 and code not in NOT_A_DESTINATION}


def country_name(code: str) -> str:
    """The country's name, or the code itself where there is none."""
    return _names(to_locale(get_language() or "en")).get(code, code)


def country_choices() -> list[tuple[str, str]]:
    """(code, name) of all countries, by name."""
    return sorted(_names(to_locale(get_language() or "en")).items(), key=lambda choice: choice[1])
