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
    "home": Budget(2, 14_500, 2_850),
    "products:list": Budget(2, 28_900, 4_100),
    "products:detail": Budget(5, 16_400, 4_350),
    "pages:version": Budget(2, 7_100, 2_550),
    "pages:detail": Budget(1, 7_400, 2_600),
    "contact": Budget(1, 7_600, 2_500),
    "accounts:login": Budget(1, 7_500, 2_300),
    "accounts:signup": Budget(1, 7_000, 2_300),
    "accounts:guest": Budget(1, 6_200, 2_100),
    "accounts:password_reset": Budget(1, 6_100, 2_100),
    "carts:home": Budget(2, 5_500, 1_850),
    "orders:list": Budget(1, 5_600, 1_900),
    "orders:find": Budget(1, 6_300, 2_150),
    "orders:withdraw": Budget(1, 7_800, 2_500),
    "products:list ?page=2": Budget(2, 28_600, 4_100),
    "products:list ?category=kitchen": Budget(2, 22_800, 3_750),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(2, 22_200, 3_750),
    "products:list ?q=porcelain+mug": Budget(2, 15_700, 3_300),
}
# A signed-in customer with an address, an order and five lines in the cart.
CUSTOMER: dict[str, Budget] = {
    "home": Budget(6, 15_500, 2_960),
    "products:list": Budget(5, 28_900, 4_150),
    "products:detail": Budget(8, 16_400, 4_400),
    "pages:version": Budget(5, 7_200, 2_600),
    "pages:detail": Budget(4, 7_500, 2_600),
    "contact": Budget(4, 7_700, 2_500),
    "accounts:password_reset": Budget(4, 6_100, 2_150),
    "accounts:password_change": Budget(4, 7_400, 2_350),
    "accounts:profile": Budget(5, 7_300, 2_350),
    "accounts:sign_ins": Budget(5, 6_500, 2_200),
    "accounts:name_change": Budget(5, 6_400, 2_150),
    "accounts:email_change": Budget(4, 7_000, 2_350),
    "accounts:data_download": Budget(4, 6_700, 2_300),
    "accounts:account_delete": Budget(7, 7_500, 2_600),
    "addresses:list": Budget(6, 7_000, 2_200),
    "addresses:add": Budget(4, 19_800, 4_950),
    "addresses:edit": Budget(6, 19_900, 5_000),
    "addresses:check": Budget(9, 18_900, 4_550),
    "carts:home": Budget(5, 24_300, 5_520),
    "carts:checkout": Budget(8, 9_100, 3_600),
    "carts:success": Budget(7, 6_900, 2_350),
    "billing:payment_method": Budget(6, 7_900, 2_700),
    "billing:card_link": Budget(5, 6_200, 2_200),
    "orders:list": Budget(7, 6_100, 2_050),
    "orders:detail": Budget(11, 8_300, 2_650),
    "orders:find": Budget(4, 6_400, 2_150),
    "orders:withdraw": Budget(4, 7_900, 2_500),
    "orders:withdraw_order": Budget(6, 7_400, 2_450),
    "products:list ?page=2": Budget(5, 28_600, 4_150),
    "products:list ?category=kitchen": Budget(5, 22_800, 3_750),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(5, 22_300, 3_800),
    "products:list ?q=porcelain+mug": Budget(5, 15_800, 3_300),
}
# A guest with fifty lines in the cart.
LARGE_CART: dict[str, Budget] = {
    "home": Budget(3, 14_500, 2_850),
    "products:list": Budget(3, 28_900, 4_100),
    "products:detail": Budget(6, 16_400, 4_350),
    "carts:home": Budget(3, 93_000, 9_850),
}
