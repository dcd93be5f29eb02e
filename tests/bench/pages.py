"""The pages and journeys that are measured."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from tests.bench.client import SAME_ORIGIN, Answer, Visitor

PER_PAGE = 24
SOLD_OUT = '<p class="stock stock-out">'
PRODUCT = re.compile(r'href="/products/([-\w]+)/"')
ADDRESS = {
    "country": "GB", "name": "Gia Guest", "line_1": "1 High Street", "city": "Bath", "postal_code": "BA1 1AA",
}  # fmt: skip


@dataclass(frozen=True)
class Page:
    """A page: its name, its path, the path of the same page at the bare site, and the lines in the visitor's cart."""

    name: str
    path: str
    bare_path: str
    lines: int = 0


@dataclass(frozen=True)
class Journey:
    """Several requests of a new visitor."""

    name: str
    run: Callable[[Visitor, "Goods"], None]


@dataclass(frozen=True)
class Goods:
    """A product to buy."""

    slug: str
    id: str


def product_slugs(port: int, wanted: int) -> list[str]:
    """Return the slugs of products that are in stock, in the order of the list."""
    visitor, found = Visitor(port), dict[str, None]()
    for number in range(1, wanted // PER_PAGE + 3):
        answer = visitor.get(f"/products/?in_stock=1&page={number}")
        found |= dict.fromkeys(PRODUCT.findall(answer.text) if answer.status == 200 else [])
    return list(found)


def last_page(port: int) -> int:
    """Return the number of the last page of the list."""
    numbers = re.findall(r"[?&;]page=(\d+)", Visitor(port).get("/products/").text)
    return max(map(int, numbers), default=1)


def pages(slugs: list[str], deep: int) -> list[Page]:
    """Return the pages to measure. `deep` is the number of the deep list page."""
    product, first, cart = f"/products/{slugs[0]}/", "/products/", "/cart/"
    return [
        Page("home", "/", first),
        Page("product", product, product),
        Page("list", first, first),
        Page("list, deep", f"{first}?page={deep}", f"{first}?page={deep}"),
        Page("list by units sold, deep", f"{first}?sort=bought&page={deep}", f"{first}?page={deep}"),
        Page("list of a category", f"{first}?category=kitchen", first),
        Page("list, price filter", f"{first}?price_from=10&price_to=60", first),
        Page("search", f"{first}?q=porcelain+mug", first),
        Page("search, some words", f"{first}?q=linen+walnut+porcelain", first),
        Page("search, filters", f"{first}?q=linen&category=kitchen&price_from=20&price_to=60&sort=price", first),
        Page("list, 5 lines in the cart", first, first, lines=5),
        Page("product, 5 lines in the cart", product, product, lines=5),
        Page("cart, 5 lines", cart, product, lines=5),
        Page("cart, 50 lines", cart, product, lines=50),
        Page("sitemap", "/sitemap-products-0.xml", first),
    ]


def read_goods(port: int, slug: str) -> Goods:
    """Return the product with this slug. Its id is empty if it cannot be added to the cart."""
    page = Visitor(port).get(f"/products/{slug}/")
    return Goods(slug, "" if SOLD_OUT in page.text else page.hidden_value("product_id"))


def _press_add(visitor: Visitor, product: str) -> Answer:
    fields = {"product_id": product, "quantity": 1, "action": "add"}
    return visitor.post("/cart/update/", fields, SAME_ORIGIN)


def fill_cart(visitor: Visitor, slugs: list[str], lines: int) -> Visitor:
    """Put so many products into the cart, and show it once. Raise RuntimeError if it has fewer lines.

    The list also links to variants that are sold out. They are left out.
    """
    goods = (read_goods(visitor.port, slug) for slug in slugs)
    for item in islice((item for item in goods if item.id), lines):
        _press_add(visitor, item.id)
    shown = visitor.get("/cart/").text.count(' id="quantity-')
    if shown != lines:
        raise RuntimeError(f"The cart shows {shown} lines instead of {lines}.")
    return visitor


def add_to_cart(visitor: Visitor, goods: Goods) -> None:
    """Show a product and press its button."""
    visitor.get(f"/products/{goods.slug}/")
    if _press_add(visitor, goods.id).status != 302 or not visitor.cookies:
        raise RuntimeError("The product was not added.")


def buy(visitor: Visitor, goods: Goods) -> None:
    """Buy a product as a guest with a new card, in eight requests."""
    _press_add(visitor, goods.id)
    visitor.get("/cart/")
    visitor.get("/cart/checkout/")
    details = {f"shipping-{name}": value for name, value in ADDRESS.items()}
    visitor.post("/cart/checkout/", details | {"email": "guest@example.org", "billing_same": "on"})
    step = visitor.get("/cart/checkout/")
    form = {name: step.hidden_value(name) for name in ("order", "quote")} | {"action": "place"}
    card = visitor.post("/billing/payment-processing/", {"token": "tok_visa"})
    found = re.search(r'"card": ?"?(\d+)', card.text)
    placed = visitor.post("/cart/checkout/", form | {"card": found[1] if found else ""})
    thanks = visitor.get(placed.header("location"))
    if "/success" not in placed.header("location") or thanks.status != 200:
        raise RuntimeError(f"The order was not paid: {placed.status} {placed.header('location')}")


JOURNEYS = [Journey("add to cart, new session", add_to_cart), Journey("guest checkout", buy)]
INSTANT_JOURNEYS = [Journey("guest checkout, instant gateway", buy)]
