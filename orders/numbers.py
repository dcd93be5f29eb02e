"""The numbers of orders."""

import re
import secrets

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no characters that are easily confused when read aloud


def new_order_id() -> str:
    """Return a random order number: hard to guess (30^10 values, 49 bits) and easy to read out on the phone."""
    return "".join(secrets.choice(ALPHABET) for _ in range(10))


def order_number_of(text: str) -> str:
    """Return the order number that somebody typed, such as "#abcd 2345-67", as it is stored."""
    return re.sub(r"[^0-9A-Z]", "", text.upper())
