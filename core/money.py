"""Money: decimals in the database, minor units for Stripe, and localized text on pages."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache

from babel.core import get_global
from babel.numbers import format_currency
from babel.numbers import format_percent as babel_percent
from django.utils.translation import get_language, to_locale

# https://docs.stripe.com/currencies: Stripe's list differs from ISO 4217, so a general-purpose library cannot be used.
ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
CHARGED_IN_HUNDREDTHS = frozenset({"isk"})
UNSUPPORTED = frozenset("bhd jod kwd omr tnd ugx".split())  # currencies with three decimals, and one with special rules
# Stripe's minimum charge by currency (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
MINIMUM = {
    "aed": "2.00", "aud": "0.50", "bgn": "1.00", "brl": "0.50", "cad": "0.50", "chf": "0.50", "czk": "15.00",
    "dkk": "2.50", "eur": "0.50", "gbp": "0.30", "hkd": "4.00", "huf": "175.00", "inr": "0.50", "jpy": "50",
    "mxn": "10.00", "myr": "2.00", "nok": "3.00", "nzd": "0.50", "pln": "2.00", "ron": "2.00", "sek": "3.00",
    "sgd": "0.50", "thb": "10.00", "usd": "0.50",
}  # fmt: skip


def is_supported(currency: str) -> bool:
    """Check whether this is the code of a currency in which the shop can sell."""
    return currency.upper() in _current_currencies() and currency not in UNSUPPORTED


@cache
def _current_currencies() -> frozenset[str]:
    """Return the codes of the currencies that are legal tender somewhere today."""
    histories = get_global("territory_currencies").values()
    return frozenset(code for history in histories for code, _start, end, is_tender in history if is_tender and not end)


@cache
def decimals(currency: str) -> int:
    """Return the number of decimals that amounts in `currency` have in this shop."""
    return 0 if currency in ZERO_DECIMAL | CHARGED_IN_HUNDREDTHS else 2


@cache
def smallest_unit(currency: str) -> Decimal:
    """Return the smallest amount of `currency` in this shop, for example 0.01."""
    return Decimal(1).scaleb(-decimals(currency))


def has_excess_decimals(amount: Decimal, currency: str) -> bool:
    """Check whether `amount` has more decimals than `currency` allows."""
    return amount != amount.quantize(smallest_unit(currency))


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round `amount` half up to the decimals of `currency`. This is the only place where the shop rounds money."""
    return amount.quantize(smallest_unit(currency), ROUND_HALF_UP)


def allocate(amount: Decimal, over: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Split `amount` in proportion to the amounts in `over`. The shares add up to `amount` exactly.

    Each share is rounded down. The remainder is distributed, one smallest unit each, to the shares that lost most by
    rounding. No share exceeds its amount in `over`, unless `amount` exceeds their sum. If `over` adds up to zero, all
    shares are zero.
    """
    places = decimals(currency)
    units, weights = int(amount.scaleb(places)), [int(part.scaleb(places)) for part in over]
    whole = sum(weights)
    if not whole:
        return [Decimal(0)] * len(weights)
    shares = [units * weight // whole for weight in weights]
    by_loss = sorted(range(len(weights)), key=lambda number: -(units * weights[number] % whole))
    for number in by_loss[: units - sum(shares)]:
        shares[number] += 1
    return [Decimal(share).scaleb(-places) for share in shares]


def minor_units(amount: Decimal, currency: str) -> int:
    """Convert `amount` to the integer that Stripe expects. Raise ValueError if it has too many decimals."""
    if has_excess_decimals(amount, currency):
        raise ValueError(f"{amount} has more decimals than {currency.upper()}")
    return int(amount if currency in ZERO_DECIMAL else amount * 100)


def major_units(amount: int, currency: str) -> Decimal:
    """Convert Stripe's integer to an amount with at most two decimals. This is the inverse of `minor_units`."""
    return Decimal(amount) if currency in ZERO_DECIMAL else (Decimal(amount) / 100).quantize(Decimal("0.01"))


def minimum_charge(currency: str) -> Decimal:
    """Return the smallest amount that Stripe charges in `currency`."""
    return Decimal(MINIMUM.get(currency, "0.50" if decimals(currency) else "50"))


def maximum_charge(currency: str) -> Decimal:
    """Return the largest amount that Stripe accepts per charge: eight digits of minor units."""
    return Decimal(99_999_999) / (1 if currency in ZERO_DECIMAL else 100)


def format_money(amount: Decimal, currency: str) -> str:
    """Format `amount` for the active language, for example £16.00."""
    return _format_currency(str(amount), currency, get_language() or "en")


def format_percent(percent: Decimal) -> str:
    """Format a percentage such as 20 or 8.875 for the active language, for example 8.875%."""
    return _format_percent(str(percent), get_language() or "en")


@lru_cache(maxsize=8192)
def _format_currency(amount: str, currency: str, language: str) -> str:
    """Format an amount once, because pages repeat prices and Babel takes longer than the rest of a line.

    The amount is text, because numbers that are equal can look different, such as 0 and -0.
    """
    return str(format_currency(Decimal(amount), currency.upper(), locale=to_locale(language)))


@lru_cache(maxsize=1024)
def _format_percent(percent: str, language: str) -> str:
    return str(babel_percent(Decimal(percent) / 100, locale=to_locale(language), decimal_quantization=False))
