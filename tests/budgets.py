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
    "home": Budget(1, 14_950, 3_070),
    "products:list": Budget(3, 30_500, 4_670),
    "products:detail": Budget(5, 16_350, 4_380),
    "pages:version": Budget(2, 7_100, 2_560),
    "pages:detail": Budget(1, 7_400, 2_610),
    "contact": Budget(1, 7_600, 2_490),
    "accounts:login": Budget(1, 7_500, 2_310),
    "accounts:signup": Budget(1, 7_050, 2_320),
    "accounts:guest": Budget(1, 6_250, 2_140),
    "accounts:password_reset": Budget(1, 6_100, 2_120),
    "carts:home": Budget(2, 5_500, 1_840),
    "orders:list": Budget(1, 5_650, 1_910),
    "orders:find": Budget(1, 6_350, 2_140),
    "orders:withdraw": Budget(1, 7_850, 2_490),
    "products:list ?page=2": Budget(3, 30_250, 4_680),
    "products:list ?category=kitchen": Budget(3, 21_350, 4_030),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(3, 22_350, 4_170),
    "products:list ?q=porcelain+mug": Budget(3, 14_550, 3_570),
    "search_suggestions": Budget(1, 100, 100),
}
# A signed-in customer with an address, an order and five lines in the cart.
CUSTOMER: dict[str, Budget] = {
    "home": Budget(4, 15_000, 3_100),
    "products:list": Budget(6, 30_600, 4_700),
    "products:detail": Budget(8, 16_400, 4_400),
    "pages:version": Budget(5, 7_150, 2_590),
    "pages:detail": Budget(4, 7_500, 2_630),
    "contact": Budget(4, 7_700, 2_520),
    "accounts:password_reset": Budget(4, 6_150, 2_150),
    "accounts:password_change": Budget(4, 7_400, 2_340),
    "accounts:profile": Budget(5, 7_300, 2_380),
    "accounts:sign_ins": Budget(5, 6_550, 2_220),
    "accounts:name_change": Budget(5, 6_350, 2_160),
    "accounts:email_change": Budget(4, 7_000, 2_360),
    "accounts:data_download": Budget(4, 6_700, 2_310),
    "accounts:account_delete": Budget(7, 7_500, 2_610),
    "addresses:list": Budget(6, 7_050, 2_220),
    "addresses:add": Budget(4, 19_800, 4_950),
    "addresses:edit": Budget(6, 19_950, 5_020),
    "addresses:check": Budget(9, 18_450, 4_430),
    "carts:home": Budget(5, 24_250, 5_540),
    "carts:checkout": Budget(8, 9_050, 3_570),
    "carts:success": Budget(8, 7_500, 2_540),
    "billing:payment_method": Budget(6, 7_950, 2_730),
    "billing:card_link": Budget(5, 6_150, 2_200),
    "orders:list": Budget(7, 6_100, 2_060),
    "orders:detail": Budget(11, 9_200, 2_910),
    "orders:find": Budget(4, 6_400, 2_160),
    "orders:withdraw": Budget(4, 7_900, 2_520),
    "orders:withdraw_order": Budget(6, 7_350, 2_450),
    "products:list ?page=2": Budget(6, 30_300, 4_710),
    "products:list ?category=kitchen": Budget(6, 21_400, 4_050),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(6, 22_400, 4_200),
    "products:list ?q=porcelain+mug": Budget(6, 14_600, 3_600),
    "search_suggestions": Budget(1, 100, 100),
}
# A guest with fifty lines in the cart.
LARGE_CART: dict[str, Budget] = {
    "home": Budget(2, 14_950, 3_070),
    "products:list": Budget(4, 30_550, 4_680),
    "products:detail": Budget(6, 16_400, 4_390),
    "carts:home": Budget(3, 92_650, 9_760),
}
