"""Proof that a change is on every page, in every process, at the next request after its commit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from PIL import Image

from carts.models import Cart
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.pricing.quotes import quote_cart
from carts.pricing.rules import PricingRules
from conftest import skip_unless_ci
from core.money import format_money
from products.models import Category, Product
from stripe_simulator.server import Simulator
from tests.admin_forms import open_form
from tests.makers import make_category, make_discount, make_product, make_tax, set_standard_delivery
from tests.proofs.fresh_shops import Expected, Shops, post_form, running_shops, try_form
from tests.proofs.hostile_client import Attacker
from tests.proofs.proof_report import ProofReport, scaled
from tests.redis_server import NO_REDIS, running_redis
from tests.test_admin_conflicts import change_url

PROOF = "Freshness"
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.proof]
CHANGES = scaled(quick=13, small=39, full=1_000)
DEATHS = scaled(quick=2, small=10, full=1_000)
WRITE = 'UPDATE "products_product"'
BOUNDARY = "a-line-between-the-parts"


@dataclass
class World:
    """A product that staff change, and a visitor with a cart."""

    shops: Shops
    staff: Attacker
    product: Product
    categories: list[Category]
    rates: tuple[ShippingMethod, TaxRate, Discount]
    cart_id: int

    @property
    def paths(self) -> list[str]:
        """The pages that show the product."""
        branches = [f"/products/?category={category.slug}" for category in self.categories]
        return ["/", "/products/", f"/products/{self.product.slug}/", *branches, "/products/?q=kettle"]

    def edit(self, row: Any, **changes: Any) -> None:
        """Change a row in the admin."""
        post_form(self.staff, change_url(row), **changes)

    def everywhere(self, *shown: str, gone: str = "") -> list[Expected]:
        """Expect a text on the home page, in the list and on the page of the product."""
        return [Expected(path, shown, [gone] if gone else []) for path in self.paths[:3]]


Change = Callable[[World, int], list[Expected]]


def price(world: World, number: int) -> list[Expected]:
    amount = Decimal(2000 + number * 7 % 5000) / 100
    world.edit(world.product, price=str(amount))
    return world.everywhere(format_money(amount, "gbp"))


def title(world: World, number: int) -> list[Expected]:
    before, after = world.product.title, f"Kettle of round {number}."
    world.edit(world.product, title=after)
    world.product.title = after
    return world.everywhere(after, gone=before)


def off_sale(world: World, number: int) -> list[Expected]:
    world.edit(world.product, active=None)
    page = f"/products/{world.product.slug}/"
    absent = [world.product.title]
    return [
        Expected("/products/", gone=absent),
        Expected(page, status=404),
        Expected("/products/?q=kettle", gone=absent),
    ]


def on_sale(world: World, number: int) -> list[Expected]:
    world.edit(world.product, active="on")
    return world.everywhere(world.product.title)


def picture(world: World, number: int) -> list[Expected]:
    before = world.product.image.name
    form = open_form(world.staff, change_url(world.product))  # type: ignore[arg-type] - it only needs `get` and `post`
    body = multipart(form.data | {"_save": ["Save"]}, number)
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    assert world.staff.post(form.url, body, {"Content-Type": kind}).status == 302
    world.product.refresh_from_db(fields=["image"])
    assert world.product.image.name != before
    stem = Path(world.product.image.name).stem
    return world.everywhere(stem, gone=Path(before).stem if before else "")


def multipart(data: dict[str, list[str]], number: int) -> bytes:
    """Return a form with a small picture, whose color depends on the number."""
    content = BytesIO()
    Image.new("RGB", (32, 24), (number % 256, number // 256 % 256, 99)).save(content, "PNG")
    fields = [(name, value) for name, values in data.items() for value in values]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    parts = [f'{head}{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields]
    file = f'{head}image"; filename="kettle.png"\r\nContent-Type: image/png\r\n\r\n'.encode()
    return b"".join([*parts, file, content.getvalue(), f"\r\n--{BOUNDARY}--\r\n".encode()])


def category(world: World, number: int) -> list[Expected]:
    world.product.refresh_from_db(fields=["category"])
    old, new = sorted(world.categories, key=lambda row: row.pk != world.product.category_id)
    world.edit(world.product, category=str(new.pk))
    title = [world.product.title]
    return [
        Expected(f"/products/?category={new.slug}", shown=title),
        Expected(f"/products/?category={old.slug}", gone=title),
        Expected(f"/products/{world.product.slug}/", shown=[new.title]),
    ]


def category_title(world: World, number: int) -> list[Expected]:
    row, after = world.categories[number % 2], f"Shelf of round {number}."
    world.edit(row, title=after)
    row.title = after
    return [Expected("/products/", shown=[after])]


def in_the_cart(world: World, row: Any, **changes: Any) -> list[Expected]:
    """Change a row of the rates. Expect all amounts of the cart as they are when they are read from the database."""
    world.edit(row, **changes)
    quote = quote_cart(Cart.objects.get(pk=world.cart_id), rules=PricingRules.from_database())
    amounts = [quote.total, quote.tax_total, quote.shipping_total, quote.discount_total]
    return [Expected("/cart/", [format_money(amount, "gbp") for amount in amounts])]


def delivery(world: World, number: int) -> list[Expected]:
    return in_the_cart(world, world.rates[0], price=str(Decimal(100 + number % 1500) / 100))


def tax(world: World, number: int) -> list[Expected]:
    return in_the_cart(world, world.rates[1], percent=str(5 + number % 20))


def discount(world: World, number: int) -> list[Expected]:
    return in_the_cart(world, world.rates[2], value=str(1 + number % 60))


def sale_to_low(world: World, number: int) -> list[Expected]:
    return _sell(world, django_settings.LOW_STOCK + 1, f"Only {django_settings.LOW_STOCK} left")


def sale_to_none(world: World, number: int) -> list[Expected]:
    return _sell(world, 1, "Sold out")


def sale_that_changes_no_label(world: World, number: int) -> list[Expected]:
    return _sell(world, 1_000, "")


def _sell(world: World, stock: int, label: str) -> list[Expected]:
    """Sell one unit of a new product, which the pages have already shown."""
    product = make_product(stock=stock, title=f"Lot {Product.objects.count()}.", category=world.categories[0])
    path = f"/products/{product.slug}/"
    world.shops.fill_caches(["/", "/products/", path])
    before = [response.body for response in world.shops.look(path)]
    world.shops.visitor(number=stock % 2).buy(product.pk)
    product.refresh_from_db()
    assert product.stock == stock - 1
    if not label:
        assert [response.body for response in world.shops.look(path)] == before
    return [Expected(path, [label]), Expected("/products/", [product.title, label])]


CHANGE_FUNCTIONS: list[Change] = [
    price, title, off_sale, on_sale, picture, category, category_title, delivery, tax, discount, sale_to_low,
    sale_to_none, sale_that_changes_no_label,
]  # fmt: skip


@pytest.fixture(params=["process memory", "Redis"])
def cache_variables(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Return the environment variables for the place of the cache."""
    if request.param == "process memory":
        yield {"CACHE_URL": "locmemcache://"}
        return
    with running_redis() as url:
        if url is None:
            skip_unless_ci(NO_REDIS)
        yield {"CACHE_URL": str(url)}


def make_world(shops: Shops) -> World:
    """Create a product in one of two categories, and a visitor with it in the cart, and with a discount code."""
    categories = [make_category("Shelf A."), make_category("Shelf B.")]
    set_standard_delivery("4.95", None)
    rates = (ShippingMethod.objects.get(), make_tax(), make_discount())
    product = make_product(title="Kettle.", stock=None, category=categories[0], price=Decimal(20))
    make_product(category=categories[1])  # so that the menu offers both categories
    make_product(category=categories[0])
    visitor = shops.visitor()
    visitor.add(product.pk)
    visitor.post("/cart/discount/", {"code": rates[2].code})
    shops.cookies = {name: value for name, value in visitor.cookies.items() if "messages" not in name}
    cart = Cart.objects.get()
    assert cart.discount_code
    return World(shops, shops.staff(), product, categories, rates, cart.pk)


def apply(world: World, change: Change, number: int) -> list[str]:
    """Fill all caches, make the change, and return what is wrong at the next request to each process."""
    world.shops.fill_caches(world.paths)
    world.shops.look("/cart/", with_cookies=True)
    expected = change(world, number)
    in_cart = [page for page in expected if page.path == "/cart/"]
    problems = world.shops.problems([page for page in expected if page not in in_cart])
    problems += world.shops.problems(in_cart, with_cookies=True)
    Product.objects.filter(title__startswith="Lot ").update(active=False)  # so that the kettle stays on the first page
    return [f"{change.__name__}: {problem}" for problem in problems]


def test_change_is_on_every_page_of_every_process(
    simulator: Simulator, cache_variables: dict[str, str], report: ProofReport, tmp_path: Path
) -> None:
    report.name = f"Freshness, cache in {'Redis' if 'redis' in cache_variables['CACHE_URL'] else 'process memory'}"
    with running_shops(tmp_path, simulator, **cache_variables) as shops:
        world = make_world(shops)
        for number, change in enumerate(islice(cycle(CHANGE_FUNCTIONS), CHANGES)):
            report.count_try(times=len(shops.servers))
            for problem in apply(world, change, number):
                report.expect(False, "stale", problem)


@pytest.mark.parametrize("when", ["before", "after"])
def test_process_killed_around_its_commit_leaves_no_stale_page(
    simulator: Simulator, cache_variables: dict[str, str], report: ProofReport, tmp_path: Path, when: str
) -> None:
    report.name = "Freshness, killed around the commit"
    with running_shops(tmp_path, simulator, DIE_AT=f"{when} {WRITE}", **cache_variables) as shops:
        world = make_world(shops)
        for number in range(DEATHS):
            shops.fill_caches(world.paths)
            before, after = Product.objects.get(pk=world.product.pk).price, Decimal(3000 + number) / 100
            try_form(world.staff, change_url(world.product), price=str(after))
            now = Product.objects.get(pk=world.product.pk).price
            assert now == (before if when == "before" else after)
            report.count_try()
            for problem in shops.problems(world.everywhere(format_money(now, "gbp"))):
                report.expect(False, "stale", problem)


def test_control_without_the_version_check_pages_are_stale(
    simulator: Simulator, report: ProofReport, tmp_path: Path
) -> None:
    pytest.importorskip("core.page_cache.versions")
    with running_shops(tmp_path, simulator, BREAK_VERSIONS="on", CACHE_URL="locmemcache://") as shops:
        world = make_world(shops)
        report.count_try()
        report.record_control("version check", bool(apply(world, price, 1)))
