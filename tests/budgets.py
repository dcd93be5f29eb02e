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
    "home": Budget(1, 15_050, 3_090),
    "products:list": Budget(3, 30_650, 4_690),
    "products:detail": Budget(5, 16_450, 4_400),
    "pages:version": Budget(2, 7_100, 2_560),
    "pages:detail": Budget(1, 7_400, 2_610),
    "contact": Budget(1, 7_600, 2_490),
    "accounts:login": Budget(1, 7_500, 2_310),
    "accounts:signup": Budget(1, 7_050, 2_320),
    "accounts:guest": Budget(1, 6_250, 2_140),
    "accounts:password_reset": Budget(1, 6_100, 2_120),
    "carts:home": Budget(2, 5_500, 1_860),
    "orders:list": Budget(1, 5_650, 1_910),
    "orders:find": Budget(1, 6_350, 2_140),
    "orders:withdraw": Budget(1, 7_850, 2_490),
    "products:list ?page=2": Budget(3, 30_400, 4_700),
    "products:list ?category=kitchen": Budget(3, 21_500, 4_050),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(3, 22_500, 4_190),
    "products:list ?q=porcelain+mug": Budget(3, 14_700, 3_590),
    "search_suggestions": Budget(1, 100, 100),
}
# A signed-in customer with an address, an order and five lines in the cart.
CUSTOMER: dict[str, Budget] = {
    "home": Budget(4, 15_100, 3_120),
    "products:list": Budget(6, 30_750, 4_720),
    "products:detail": Budget(8, 16_500, 4_420),
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
    "carts:home": Budget(5, 24_350, 5_560),
    "carts:checkout": Budget(8, 9_050, 3_570),
    "carts:success": Budget(8, 7_500, 2_540),
    "billing:payment_method": Budget(6, 7_950, 2_730),
    "billing:card_link": Budget(5, 6_150, 2_200),
    "orders:list": Budget(7, 6_100, 2_060),
    "orders:detail": Budget(11, 9_200, 2_910),
    "orders:find": Budget(4, 6_400, 2_160),
    "orders:withdraw": Budget(4, 7_900, 2_520),
    "orders:withdraw_order": Budget(6, 7_350, 2_450),
    "products:list ?page=2": Budget(6, 30_450, 4_730),
    "products:list ?category=kitchen": Budget(6, 21_550, 4_070),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(6, 22_550, 4_220),
    "products:list ?q=porcelain+mug": Budget(6, 14_750, 3_620),
    "search_suggestions": Budget(1, 100, 100),
}
# A guest with fifty lines in the cart.
LARGE_CART: dict[str, Budget] = {
    "home": Budget(2, 15_050, 3_090),
    "products:list": Budget(4, 30_700, 4_700),
    "products:detail": Budget(6, 16_500, 4_410),
    "carts:home": Budget(3, 93_550, 9_780),
}
