"""Management command that adds the sample catalog, and thousands of generated products for load tests."""

import csv
import json
import os
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, transaction
from PIL import Image

from carts.models.rates import TaxRate
from core.guarantee.sample import add_sample_notices
from core.page_cache.versions import collect_touches
from core.pages.sample_pages import add_sample_pages
from core.shop import NEUTRAL_NAME
from core.shop.current import stored_shop
from core.shop.models import PICTURES
from orders.models import Carrier
from products.images.renditions import PreparedPicture, make_renditions, rendition_widths
from products.management import generated
from products.management.sample_home import add_sample_home
from products.models import Category, Picture, Product, Spelling, StockMovement

CATALOG = Path(__file__).resolve().parents[2] / "catalogue"
CHUNK = 1000
MAX_THREADS = 4  # Each needs some memory for its picture.
CARRIERS = {
    "Royal Mail": "https://www.royalmail.com/track-your-item#/tracking-results/{number}",
    "DHL": "https://www.dhl.com/en/express/tracking.html?AWB={number}",
}
# What the sample replaces: by default, only what is empty.
UNSET: dict[str, tuple[Any, ...]] = {"name": (NEUTRAL_NAME,), "country": (settings.SHOP_COUNTRY,)}


class Command(BaseCommand):
    """Adds products whose SKU is missing, and pages that are missing. Others keep the changes that staff made."""

    help = (
        "Add the sample shop: its facts, pages, 40 products and pictures, generated products with --products N, and "
        "sample orders with --orders N --customers N."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--products", type=int, default=0, metavar="N", help="also add generated products until there are N"
        )
        parser.add_argument(
            "--orders", type=int, default=0, metavar="N", help="also add sample orders, see seed_orders"
        )
        parser.add_argument("--customers", type=int, default=0, metavar="N", help="also add sample customers")

    def handle(self, *args: Any, products: int = 0, orders: int = 0, customers: int = 0, **options: Any) -> None:
        add_sample_notices()
        self._fill_shop()
        added = self._add_catalog() + (_add_generated(products) if products > 0 else 0)
        _add_carriers()
        _add_tax_rate()
        if sections := add_sample_home(CATALOG):
            self.stdout.write(f"{sections} sections of the home page added.")
        if pages := add_sample_pages():
            self.stdout.write(f"{pages} sample pages added.")
        self.stdout.write(f"{added} products added, {Product.objects.count()} in the shop.")
        if orders > 0 or customers > 0:
            call_command("seed_orders", orders=orders, customers=customers, stdout=self.stdout)

    def _add_catalog(self) -> int:
        known = set(Product.objects.values_list("sku", flat=True))
        with (CATALOG / "products.csv").open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["sku"] not in known]
        rows.reverse()  # Lists show the newest first, so this keeps the order of the file.
        with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_THREADS)) as threads:
            for row, pictures in zip(rows, threads.map(_pictures_of, rows), strict=True):
                self._add_pictured(row, *pictures)
        return len(rows)

    @collect_touches()
    def _fill_shop(self) -> None:
        """Give the shop the name, texts and pictures of the sample, unless it has got facts about its seller."""
        shop = stored_shop()
        if shop.legal_name:
            return
        with (CATALOG / "shop.json").open(encoding="utf-8") as file:
            sample = json.load(file)
        for name, value in sample.items():
            if (getattr(shop, name) or "") in UNSET.get(name, ("",)):
                setattr(shop, name, _picture(value) if name in PICTURES else value)
        shop.save()

    def _category(self, title: str) -> Category:
        """Return the category with this title. A new one gets its parent from categories.csv."""
        with (CATALOG / "categories.csv").open(encoding="utf-8", newline="") as lines:
            parents = {row["title"]: row["parent"] for row in csv.DictReader(lines)}
        parent = self._category(parents[title]) if parents.get(title) else None
        return Category.objects.get_or_create(title=title, defaults={"parent": parent})[0]

    def _new_product(self, row: dict[str, str]) -> Product:
        return Product(
            sku=row["sku"],
            title=row["title"],
            description=row["description"],
            category=self._category(row["category"]),
            price=Decimal(row["price"]),
            stock=int(row["stock"]) if row["stock"] else None,
            group=row["group"],
            option=row["option"],
            choice=row["choice"],
        )

    @transaction.atomic  # Otherwise, a product without its second picture would be skipped next time.
    @collect_touches()
    def _add_pictured(self, row: dict[str, str], picture: File, second_view: File) -> None:
        product = self._new_product(row)
        product.image = picture
        product.save()
        product.pictures.create(image=second_view, image_alt=row["second_view"])


def _add_carriers() -> None:
    """Add carriers, unless the shop has one."""
    if not Carrier.objects.exists():
        Carrier.objects.bulk_create(Carrier(name=name, tracking_pattern=url) for name, url in CARRIERS.items())


@collect_touches()
def _add_tax_rate() -> None:
    """Add the standard rate of the country of the sample seller, unless the shop has a rate."""
    if not TaxRate.objects.exists():
        TaxRate.objects.create(title="VAT", country="GB", percent=20)


def _add_generated(wanted: int) -> int:
    """Add the generated products that are missing, and return their number. Refresh the statistics of the planner."""
    known = set(Product.objects.filter(sku__startswith="LOAD-").values_list("sku", flat=True))
    numbers = [number for number in range(wanted) if generated.sku_of(number) not in known]
    categories, pictures = generated.create_categories(), generated.shared_pictures()
    for first in range(0, len(numbers), CHUNK):
        _add_chunk(list(generated.products_of(numbers[first : first + CHUNK], categories, pictures)), pictures)
    if numbers:
        _refresh_statistics()
    return len(numbers)


@transaction.atomic
@collect_touches()
def _add_chunk(products: list[Product], pictures: list[generated.SharedPicture]) -> None:
    """Save products with their additional pictures and their opening stock."""
    Product.objects.bulk_create(products)
    Picture.objects.bulk_create(generated.additional_pictures(products, pictures))
    kind = StockMovement.Kind.OPENING
    stocked = [product for product in products if product.stock]
    StockMovement.objects.bulk_create(StockMovement(product=row, kind=kind, amount=row.stock or 0) for row in stocked)


def _refresh_statistics() -> None:
    """Let the planner know how many rows there are now. On PostgreSQL, also mark the pages that all can see."""
    models = (Category, Product, Picture, StockMovement, Spelling)
    tables = [connection.ops.quote_name(model._meta.db_table) for model in models]
    can_vacuum = connection.vendor == "postgresql" and not connection.in_atomic_block
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}" if can_vacuum else f"ANALYZE {table}")


def _picture(name: str) -> File:
    return ContentFile((CATALOG / "images" / name).read_bytes(), name)


def _pictures_of(row: dict[str, str]) -> list[PreparedPicture]:
    """Return the main picture of a product and its second view.

    Scaling them takes most of the time, and Pillow lets other threads run meanwhile.
    """
    path = CATALOG / "images" / row["image"]
    return [prepare(path), prepare(path.with_stem(f"{path.stem}-2"))]


def prepare(path: Path) -> PreparedPicture:
    """Return a sample picture with its renditions."""
    file = PreparedPicture(BytesIO(path.read_bytes()), path.name)
    with Image.open(file) as image:
        picture = image.convert("RGB")
    widths = rendition_widths(*picture.size, is_webp=True)
    smaller = [width for width in widths if width < picture.width]
    file.renditions = dict(make_renditions(picture, smaller, effort=2))  # twice as fast, and 5 % larger
    return file
