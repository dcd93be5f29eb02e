"""How many SQL statements and bytes each page may take. One line a page; lower a figure when a page gets better.

The figures are for a shop of 60 generated products, either database and a second look, with filled caches. A key is the
name of a URL, or the name and a query string. `pytest -s tests/test_budgets.py` prints the present figures.
"""

from typing import NamedTuple


class Budget(NamedTuple):
    """The most that a page may take: statements that read or write rows, bytes of HTML, and bytes with gzip."""

    statements: int
    size: int
    gzipped: int


# Visitors without a cookie. A page that is missing here redirects them, or is not found.
STRANGER: dict[str, Budget] = {}
# A signed-in customer with an address, an order and five lines in the cart.
CUSTOMER: dict[str, Budget] = {}
# A guest with fifty lines in the cart.
LARGE_CART: dict[str, Budget] = {}
