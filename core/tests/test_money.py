"""Tests for money: minor units, rounding, shares and formatting."""

from decimal import Decimal
from itertools import product

import pytest
from babel.numbers import format_currency
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from core import money


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("16.00", "gbp", 1600),
        ("16", "gbp", 1600),
        ("0.01", "usd", 1),
        ("0.29", "eur", 29),
        ("1.10", "eur", 110),
        ("99999999.99", "eur", 9999999999),
        ("1600", "jpy", 1600),
        ("1600.00", "krw", 1600),
        ("1600", "isk", 160000),
    ],
)
def test_minor_units_match_the_format_of_stripe(amount: str, currency: str, units: int) -> None:
    assert money.minor_units(Decimal(amount), currency) == units


def test_minor_units_of_zero_decimal_currencies_are_the_amount() -> None:
    assert {money.minor_units(Decimal(500), currency) for currency in money.ZERO_DECIMAL} == {500}


@pytest.mark.parametrize(
    ("amount", "currency"), [("16.001", "gbp"), ("0.005", "usd"), ("16.5", "jpy"), ("0.01", "krw"), ("16.50", "isk")]
)
def test_minor_units_raises_an_error_for_excess_decimals(amount: str, currency: str) -> None:
    assert money.has_excess_decimals(Decimal(amount), currency)
    with pytest.raises(ValueError, match=currency.upper()):
        money.minor_units(Decimal(amount), currency)


def test_minor_units_of_every_cent_are_exact() -> None:
    assert [money.minor_units(Decimal(cents) / 100, "gbp") for cents in range(10_000)] == list(range(10_000))


def test_currencies_with_special_rules_are_rejected() -> None:
    assert {"bhd", "jod", "kwd", "omr", "tnd", "ugx"} == money.UNSUPPORTED
    assert not money.UNSUPPORTED & {*money.MINIMUM, *money.ZERO_DECIMAL}


@pytest.mark.parametrize(
    ("currency", "least"),
    [("gbp", "0.30"), ("usd", "0.50"), ("jpy", "50"), ("huf", "175"), ("try", "0.50"), ("clp", "50")],
)
def test_minimum_is_the_value_of_stripe_or_a_safe_default(currency: str, least: str) -> None:
    assert money.minimum_charge(currency) == Decimal(least)


def test_minimum_is_at_least_30_minor_units() -> None:
    assert all(money.minor_units(money.minimum_charge(currency), currency) >= 30 for currency in money.MINIMUM)


@pytest.mark.parametrize(
    ("language", "amount", "currency", "text"),
    [
        ("en-gb", "1234.5", "gbp", "£1,234.50"),
        ("de", "1234.5", "eur", "1.234,50\xa0€"),
        ("en-gb", "1600", "jpy", "JP¥1,600"),
    ],
)
def test_format_money_is_localized(language: str, amount: str, currency: str, text: str) -> None:
    with translation.override(language):
        assert money.format_money(Decimal(amount), currency) == text


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("1.005", "gbp", "1.01"), ("1.004999", "gbp", "1.00"), ("2.675", "eur", "2.68"), ("0.5", "jpy", "1"),
        ("1.5", "jpy", "2"), ("2.5", "isk", "3"), ("2.49", "isk", "2"), ("0", "gbp", "0"),
    ],
)  # fmt: skip
def test_round_money_rounds_half_up_to_the_decimals_of_the_currency(amount: str, currency: str, rounded: str) -> None:
    assert money.round_money(Decimal(amount), currency) == Decimal(rounded)


@pytest.mark.parametrize(
    ("amount", "over", "shares"),
    [
        ("1.00", ["3.00", "3.00", "3.00"], ["0.34", "0.33", "0.33"]),
        ("0.02", ["1.00", "1.00", "1.00"], ["0.01", "0.01", "0.00"]),
        ("5.00", ["1.00", "4.00"], ["1.00", "4.00"]),
        ("0.01", ["0.00", "0.01"], ["0.00", "0.01"]),
        ("0.00", ["1.00"], ["0.00"]),
        ("0.00", [], []),
    ],
)
def test_allocate_distributes_the_whole_amount(amount: str, over: list[str], shares: list[str]) -> None:
    assert money.allocate(Decimal(amount), [Decimal(part) for part in over], "gbp") == [
        Decimal(share) for share in shares
    ]


@pytest.mark.parametrize(("percent", "text"), [("20.000", "20%"), ("8.875", "8.875%"), ("5.50", "5.5%"), ("0", "0%")])
def test_format_percent_keeps_all_decimals(percent: str, text: str) -> None:
    assert money.format_percent(Decimal(percent)) == text


@given(
    amounts=st.lists(st.decimals("-1000", "10000", places=2, allow_nan=False, allow_infinity=False), max_size=8),
    currencies=st.lists(st.sampled_from(["gbp", "eur", "jpy", "isk"]), min_size=1, max_size=3),
)
@settings(max_examples=25, deadline=None)
def test_money_text_is_always_of_this_amount_currency_and_language(
    amounts: list[Decimal], currencies: list[str]
) -> None:
    for language, currency, amount in product(["en-gb", "de"], currencies, [*amounts, Decimal(0), Decimal("-0")]):
        with translation.override(language):
            expected = format_currency(amount, currency.upper(), locale=translation.to_locale(language))
            assert money.format_money(amount, currency) == expected
