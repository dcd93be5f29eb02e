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
    "home": Budget(3, 14_600, 3_050),
    "products:list": Budget(3, 30_500, 4_650),
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
    "products:list ?page=2": Budget(3, 30_250, 4_660),
    "products:list ?category=kitchen": Budget(3, 21_300, 4_000),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(3, 22_350, 4_150),
    "products:list ?q=porcelain+mug": Budget(3, 14_500, 3_550),
}
# A signed-in customer with an address, an order and five lines in the cart.
CUSTOMER: dict[str, Budget] = {
    "home": Budget(7, 16_200, 3_270),
    "products:list": Budget(6, 30_550, 4_680),
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
    "products:list ?page=2": Budget(6, 30_250, 4_680),
    "products:list ?category=kitchen": Budget(6, 21_350, 4_025),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(6, 22_350, 4_175),
    "products:list ?q=porcelain+mug": Budget(6, 14_550, 3_570),
}
# A guest with fifty lines in the cart.
LARGE_CART: dict[str, Budget] = {
    "home": Budget(4, 14_600, 3_050),
    "products:list": Budget(4, 30_500, 4_650),
    "products:detail": Budget(6, 16_400, 4_350),
    "carts:home": Budget(3, 93_000, 9_850),
}
