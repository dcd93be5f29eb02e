"""Finds card numbers in texts, where they must never be."""

import re

CARD_NUMBER = r"[2-6][0-9]([ -]?[0-9]){11,17}"


def has_card_number(text: str) -> bool:
    """Check whether a part of the text can be a card number."""
    return any(passes_luhn(found[0]) for found in re.finditer(CARD_NUMBER, text))


def passes_luhn(number: str) -> bool:
    """Check whether the last digit of a number is a valid card check digit (ISO/IEC 7812-1).

    About one in ten random numbers passes.
    """
    digits = [int(digit) for digit in reversed(number) if digit.isdigit()]
    doubled = sum(sum(divmod(digit * 2, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0
