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
    "home": Budget(2, 12_300, 2_400),
    "products:list": Budget(2, 27_300, 3_750),
    "products:detail": Budget(5, 11_700, 3_150),
    "pages:version": Budget(2, 5_100, 2_050),
    "pages:detail": Budget(1, 5_400, 2_100),
    "contact": Budget(1, 5_600, 2_000),
    "accounts:login": Budget(1, 5_500, 1_800),
    "accounts:signup": Budget(1, 5_100, 1_850),
    "accounts:guest": Budget(1, 4_200, 1_650),
    "accounts:password_reset": Budget(1, 4_100, 1_650),
    "carts:home": Budget(2, 3_500, 1_350),
    "orders:list": Budget(1, 3_700, 1_400),
    "orders:find": Budget(1, 4_400, 1_650),
    "orders:withdraw": Budget(1, 5_900, 2_000),
    "products:list ?page=2": Budget(2, 27_000, 3_750),
    "products:list ?category=kitchen": Budget(2, 20_900, 3_350),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(2, 20_300, 3_400),
    "products:list ?q=porcelain+mug": Budget(2, 13_800, 2_900),
}
# A signed-in customer with an address, an order and five lines in the cart.
CUSTOMER: dict[str, Budget] = {
    "home": Budget(6, 13_400, 2_550),
    "products:list": Budget(5, 27_500, 3_750),
    "products:detail": Budget(8, 11_800, 3_150),
    "pages:version": Budget(5, 5_200, 2_100),
    "pages:detail": Budget(4, 5_500, 2_150),
    "contact": Budget(4, 5_700, 2_050),
    "accounts:password_reset": Budget(4, 4_200, 1_650),
    "accounts:password_change": Budget(4, 5_400, 1_850),
    "accounts:profile": Budget(5, 5_300, 1_900),
    "accounts:sign_ins": Budget(5, 4_600, 1_750),
    "accounts:name_change": Budget(5, 4_400, 1_650),
    "accounts:email_change": Budget(4, 5_000, 1_850),
    "accounts:data_download": Budget(4, 4_700, 1_800),
    "accounts:account_delete": Budget(7, 5_500, 2_100),
    "addresses:list": Budget(6, 5_100, 1_700),
    "addresses:add": Budget(4, 17_800, 4_450),
    "addresses:edit": Budget(6, 17_900, 4_500),
    "addresses:check": Budget(9, 18_900, 4_550),
    "carts:home": Budget(5, 20_700, 4_900),
    "carts:checkout": Budget(8, 8_800, 3_550),
    "carts:success": Budget(7, 4_900, 1_850),
    "billing:payment_method": Budget(6, 5_700, 2_150),
    "billing:card_link": Budget(5, 4_200, 1_900),
    "orders:list": Budget(7, 4_100, 1_550),
    "orders:detail": Budget(11, 6_300, 2_150),
    "orders:find": Budget(4, 4_400, 1_700),
    "orders:withdraw": Budget(4, 6_000, 2_050),
    "orders:withdraw_order": Budget(6, 5_400, 2_000),
    "products:list ?page=2": Budget(5, 27_200, 3_750),
    "products:list ?category=kitchen": Budget(5, 21_100, 3_400),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(5, 20_500, 3_400),
    "products:list ?q=porcelain+mug": Budget(5, 13_800, 2_950),
}
# A guest with fifty lines in the cart.
LARGE_CART: dict[str, Budget] = {
    "home": Budget(3, 12_300, 2_400),
    "products:list": Budget(3, 27_300, 3_750),
    "products:detail": Budget(6, 12_000, 3_200),
    "carts:home": Budget(3, 82_500, 8_250),
}
