"""Column options that the models of orders share."""

from typing import Any

MONEY: dict[str, Any] = {"max_digits": 18, "decimal_places": 2}  # wide enough for the total of a hostile cart


PERCENT: dict[str, Any] = {"max_digits": 6, "decimal_places": 3}
