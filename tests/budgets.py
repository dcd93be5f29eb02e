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
STRANGER: dict[str, Budget] = {
    "home": Budget(2, 12_200, 2_350),
    "products:list": Budget(2, 27_300, 3_600),
    "products:detail": Budget(4, 11_100, 3_000),
    "accounts:login": Budget(0, 4_900, 1_650),
    "accounts:signup": Budget(0, 4_400, 1_650),
    "accounts:guest": Budget(0, 3_500, 1_500),
    "accounts:password_reset": Budget(0, 3_400, 1_450),
    "carts:home": Budget(1, 2_700, 1_200),
    "orders:list": Budget(0, 3_100, 1_350),
    "orders:find": Budget(0, 3_700, 1_500),
    "orders:withdraw": Budget(0, 5_200, 1_850),
    "products:list ?page=2": Budget(2, 27_000, 3_650),
    "products:list ?category=kitchen": Budget(2, 20_900, 3_250),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(2, 20_300, 3_250),
    "products:list ?q=porcelain+mug": Budget(2, 13_400, 2_750),
}
# A signed-in customer with an address, an order and five lines in the cart.
CUSTOMER: dict[str, Budget] = {
    "home": Budget(6, 13_400, 2_550),
    "products:list": Budget(5, 27_500, 3_750),
    "products:detail": Budget(7, 11_300, 3_100),
    "accounts:password_reset": Budget(3, 3_600, 1_500),
    "accounts:password_change": Budget(3, 4_800, 1_700),
    "accounts:profile": Budget(4, 4_600, 1_750),
    "accounts:sign_ins": Budget(4, 3_900, 1_600),
    "accounts:name_change": Budget(4, 3_700, 1_500),
    "accounts:email_change": Budget(3, 4_300, 1_700),
    "accounts:data_download": Budget(3, 4_100, 1_650),
    "accounts:account_delete": Budget(6, 4_900, 1_950),
    "addresses:list": Budget(6, 4_400, 1_550),
    "addresses:add": Budget(4, 17_200, 4_300),
    "addresses:edit": Budget(6, 17_300, 4_400),
    "addresses:check": Budget(9, 18_400, 4_450),
    "carts:home": Budget(5, 20_700, 4_800),
    "carts:checkout": Budget(8, 7_800, 3_200),
    "carts:success": Budget(5, 4_000, 1_750),
    "billing:payment_method": Budget(5, 5_100, 2_000),
    "billing:card_link": Budget(5, 4_000, 1_900),
    "orders:list": Budget(7, 3_700, 1_550),
    "orders:find": Budget(3, 3_800, 1_550),
    "orders:withdraw": Budget(3, 5_300, 1_900),
    "orders:withdraw_order": Budget(5, 4_700, 1_800),
    "orders:detail": Budget(9, 5_400, 2_000),
    "products:list ?page=2": Budget(5, 27_200, 3_750),
    "products:list ?category=kitchen": Budget(5, 21_100, 3_350),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(5, 20_500, 3_400),
    "products:list ?q=porcelain+mug": Budget(5, 13_600, 2_900),
}
# A guest with fifty lines in the cart.
LARGE_CART: dict[str, Budget] = {
    "home": Budget(3, 12_200, 2_350),
    "products:list": Budget(3, 27_300, 3_600),
    "products:detail": Budget(5, 11_400, 3_050),
    "carts:home": Budget(3, 82_500, 8_200),
}
