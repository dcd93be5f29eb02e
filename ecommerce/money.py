"""Money: decimals in rows, Stripe's minor units at the gateway, words on pages."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import format_currency
from babel.numbers import format_percent as babel_percent
from django.utils.translation import get_language, to_locale

# https://docs.stripe.com/currencies: Stripe's list differs from ISO 4217, so no general library can serve.
ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
WHOLE_BUT_SENT_IN_HUNDREDTHS = frozenset({"isk"})
REFUSED = frozenset("bhd jod kwd omr tnd ugx".split())  # three decimals, and one with rules of its own
# Stripe's minimum charge (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts), in the currency.
MINIMUM = {
    "aed": "2.00", "aud": "0.50", "bgn": "1.00", "brl": "0.50", "cad": "0.50", "chf": "0.50", "czk": "15.00",
    "dkk": "2.50", "eur": "0.50", "gbp": "0.30", "hkd": "4.00", "huf": "175.00", "inr": "0.50", "jpy": "50",
    "mxn": "10.00", "myr": "2.00", "nok": "3.00", "nzd": "0.50", "pln": "2.00", "ron": "2.00", "sek": "3.00",
    "sgd": "0.50", "thb": "10.00", "usd": "0.50",
}  # fmt: skip


def decimals(currency: str) -> int:
    """How many decimals an amount of `currency` may have in this shop."""
    return 0 if currency in ZERO_DECIMAL | WHOLE_BUT_SENT_IN_HUNDREDTHS else 2


def has_excess_digits(amount: Decimal, currency: str) -> bool:
    """Whether `amount` is finer than `currency` can be paid in."""
    return amount != amount.quantize(Decimal(1).scaleb(-decimals(currency)))


def round_money(amount: Decimal, currency: str) -> Decimal:
    """`amount` as `currency` can be paid, halves up: the only place where the shop rounds money."""
    return amount.quantize(Decimal(1).scaleb(-decimals(currency)), ROUND_HALF_UP)


def share_out(amount: Decimal, over: Sequence[Decimal], currency: str) -> list[Decimal]:
    """`amount` in parts as large as the amounts in `over` are to each other, which sum up to it exactly.

    What is left after rounding down goes, a smallest unit each, to the parts that lost most by it. None is larger than
    what it is a share of, unless `amount` is larger than all of it.
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
    """`amount` as the whole number Stripe wants; excess digits are a ValueError, never rounded."""
    if has_excess_digits(amount, currency):
        raise ValueError(f"{amount} has more decimals than {currency.upper()}")
    return int(amount if currency in ZERO_DECIMAL else amount * 100)


def major_units(amount: int, currency: str) -> Decimal:
    """Stripe's whole number as an amount with two decimals at most; the way back of minor_units."""
    return Decimal(amount) if currency in ZERO_DECIMAL else (Decimal(amount) / 100).quantize(Decimal("0.01"))


def minimum(currency: str) -> Decimal:
    """The least that Stripe charges in `currency`."""
    return Decimal(MINIMUM.get(currency, "0.50" if decimals(currency) else "50"))


def maximum(currency: str) -> Decimal:
    """The most that Stripe charges at once: eight digits of minor units."""
    return Decimal(99_999_999) / (1 if currency in ZERO_DECIMAL else 100)


def format_money(amount: Decimal, currency: str) -> str:
    """`amount` as the visitor's language writes it, for example £16.00."""
    return str(format_currency(amount, currency.upper(), locale=to_locale(get_language() or "en")))


def format_percent(percent: Decimal) -> str:
    """20 or 8.875 as the visitor's language writes it, for example 8.875%."""
    return str(babel_percent(percent / 100, locale=to_locale(get_language() or "en"), decimal_quantization=False))
