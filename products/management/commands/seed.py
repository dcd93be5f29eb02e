"""Management command that adds the sample catalog, or thousands of plain products for load tests."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from django.core.files import File
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from PIL import Image

from core.page_cache.versions import collect_touches
from products.models import Category, Product, StockMovement

CATALOG = Path(__file__).resolve().parents[2] / "catalogue"
CHUNK = 1000


class Command(BaseCommand):
    """Adds products whose SKU is missing. Existing products keep the changes that staff made."""

    help = "Add the 40 sample products with their pictures, and plain products with --products N."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--products", type=int, default=0, metavar="N", help="also add plain products until there are N"
        )

    def handle(self, *args: Any, products: int, **options: Any) -> None:
        added = self._add_catalog() + (self._add_plain(products) if products > 0 else 0)
        self.stdout.write(f"{added} products added, {Product.objects.count()} in the shop.")

    def _add_catalog(self) -> int:
        known = set(Product.objects.values_list("sku", flat=True))
        with (CATALOG / "products.csv").open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["sku"] not in known]
        for row in reversed(rows):  # Lists show the newest first, so this keeps the order of the file.
            self._add_pictured(row)
        return len(rows)

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
    def _add_pictured(self, row: dict[str, str]) -> None:
        product = self._new_product(row)
        with (CATALOG / "images" / row["image"]).open("rb") as picture:
            product.image = File(picture, row["image"])
            product.save()
            if product.group:
                alt_text = f"Close-up of {product.title[0].lower()}{product.title[1:]}"
                product.pictures.create(image=_close_up(picture), image_alt=alt_text)

    def _add_plain(self, wanted: int) -> int:
        category, _created = Category.objects.get_or_create(title="Plain products")
        have = Product.objects.filter(sku__startswith="LOAD-").count()
        for first in range(have, wanted, CHUNK):
            numbers = range(first, min(first + CHUNK, wanted))
            made = Product.objects.bulk_create(_plain(category, numbers))
            opening = StockMovement.Kind.OPENING
            StockMovement.objects.bulk_create(StockMovement(product=p, kind=opening, amount=100) for p in made)
        return max(wanted - have, 0)


def _close_up(picture: BinaryIO) -> File:
    """Return the center of a picture, as an additional picture."""
    content = BytesIO()
    with Image.open(picture) as image:
        side = image.width * 5 // 8
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image.crop((left, top, left + side, top + side)).save(content, "WEBP", quality=85)
    return File(content, "close-up.webp")


def _plain(category: Category, numbers: range) -> Iterator[Product]:
    for number in numbers:
        yield Product(
            sku=f"LOAD-{number:06d}",
            title=f"Plain product {number}",
            slug=f"plain-product-{number}",
            description="A plain product for load tests.",
            category=category,
            price=Decimal(100 + number % 9900) / 100,
            stock=100,
        )
