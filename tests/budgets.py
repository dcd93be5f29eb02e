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
    "home": Budget(1, 17_250, 3_260),
    "products:list": Budget(3, 30_150, 4_610),
    "products:detail": Budget(5, 16_850, 4_460),
    "pages:version": Budget(2, 7_400, 2_600),
    "pages:detail": Budget(1, 7_700, 2_640),
    "contact": Budget(1, 7_850, 2_520),
    "accounts:login": Budget(1, 7_800, 2_350),
    "accounts:signup": Budget(1, 7_350, 2_360),
    "accounts:guest": Budget(1, 6_500, 2_170),
    "accounts:password_reset": Budget(1, 6_400, 2_160),
    "carts:home": Budget(2, 11_350, 2_640),
    "orders:list": Budget(1, 5_950, 1_950),
    "orders:find": Budget(1, 6_750, 2_220),
    "orders:withdraw": Budget(1, 8_200, 2_540),
    "products:list ?page=2": Budget(3, 29_850, 4_620),
    "products:list ?category=kitchen": Budget(3, 21_000, 3_970),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(3, 22_000, 4_120),
    "products:list ?q=porcelain+mug": Budget(3, 14_150, 3_520),
    "search_suggestions": Budget(1, 150, 110),
}
# A signed-in customer with an address, an order and five lines in the cart.
CUSTOMER: dict[str, Budget] = {
    "home": Budget(4, 17_300, 3_290),
    "products:list": Budget(6, 30_200, 4_640),
    "products:detail": Budget(8, 16_900, 4_490),
    "pages:version": Budget(5, 7_450, 2_630),
    "pages:detail": Budget(4, 7_750, 2_670),
    "contact": Budget(4, 7_950, 2_560),
    "accounts:password_reset": Budget(4, 6_450, 2_180),
    "accounts:password_change": Budget(4, 7_700, 2_380),
    "accounts:profile": Budget(5, 7_550, 2_420),
    "accounts:sign_ins": Budget(5, 6_850, 2_260),
    "accounts:name_change": Budget(5, 6_650, 2_200),
    "accounts:email_change": Budget(4, 7_300, 2_390),
    "accounts:data_download": Budget(4, 7_000, 2_340),
    "accounts:account_delete": Budget(7, 7_800, 2_650),
    "addresses:list": Budget(6, 7_300, 2_250),
    "addresses:add": Budget(4, 20_200, 4_990),
    "addresses:edit": Budget(6, 20_300, 5_060),
    "addresses:check": Budget(9, 19_000, 4_600),
    "carts:home": Budget(5, 24_600, 5_580),
    "carts:checkout": Budget(8, 9_500, 3_720),
    "carts:success": Budget(8, 7_800, 2_570),
    "billing:payment_method": Budget(6, 8_200, 2_760),
    "billing:card_link": Budget(5, 6_450, 2_240),
    "orders:list": Budget(7, 6_400, 2_100),
    "orders:detail": Budget(12, 9_550, 2_960),
    "orders:find": Budget(4, 6_800, 2_250),
    "orders:withdraw": Budget(4, 8_300, 2_590),
    "orders:withdraw_order": Budget(6, 7_750, 2_510),
    "products:list ?page=2": Budget(6, 29_900, 4_650),
    "products:list ?category=kitchen": Budget(6, 21_050, 4_000),
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price": Budget(6, 22_050, 4_150),
    "products:list ?q=porcelain+mug": Budget(6, 14_250, 3_550),
    "search_suggestions": Budget(1, 150, 110),
}
# A guest with fifty lines in the cart.
LARGE_CART: dict[str, Budget] = {
    "home": Budget(2, 17_250, 3_260),
    "products:list": Budget(4, 30_150, 4_610),
    "products:detail": Budget(6, 16_900, 4_470),
    "carts:home": Budget(3, 93_700, 9_880),
}
