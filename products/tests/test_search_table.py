"""Runs the searches of the table in docs/search.md on a catalog in many languages and writing systems."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from products.models import Product
from tests.makers import make_category, make_product

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "search.md"
PRODUCTS = [
    ("Teal mug", "Mugs"), ("Blue bowl", "Bowls"), ("Watering can", "Garden"), ("Ceramics polish", ""),
    ("T-shirt of organic cotton", ""), ("Teapot for two", ""), ("Gizmo™ lamp", "Lighting"),
    ("Straßenkarte aus Leinen", ""), ("Große Müslischale", ""), ("Théière en crème", ""),
    ("İnce belli çay bardağı", ""), ("Żółta filiżanka", ""), ("Ấm trà gốm", ""), ("Синяя кружка", "Кружки"),
    ("Μπλε κούπα", ""), ("Կապույտ գավաթ", ""), ("ლურჯი ფინჯანი", ""), ("כּוֹס כְּחֻלָּה", ""), ("كوب أزرق", ""),
    ("नीला प्याला", ""), ("নীল পেয়ালা", ""), ("நீல கோப்பை", ""), ("แก้วกาแฟสีฟ้า", ""), ("蓝色茶杯", "茶具"),
    ("青い湯のみ", ""), ("ガラスのコップ", ""), ("파란 머그컵", ""), ("ሰማያዊ ኩባያ", ""), ("ពែងខៀវ", ""),
]  # fmt: skip


def make_catalog() -> list[Product]:
    return [
        make_product(
            title=title,
            sku="MC-101" if title == "Teal mug" else f"X-{title[:9]}",
            category=make_category(category) if category else None,
        )
        for title, category in PRODUCTS
    ]


def rows() -> list[list[str]]:
    """Return the rows of the table: the text, the language, how it is found, the products and the categories."""
    lines = DOCUMENT.read_text(encoding="utf-8").partition("## Examples")[2].splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `")]
    return [[row[0].strip("`"), *row[1:]] for row in cells]


def found(client: Client, text: str) -> tuple[str, str, str]:
    """Return how a text is found, and the titles of the products and the categories that the page shows."""
    context: Any = client.get("/products/", {"q": text}).context
    results = context["results"]
    how = "all words" if results.match_all else "some words" if results.is_partial else "nothing"
    if results.is_corrected:
        how = f"corrected: {results.text}"
    titles = "; ".join(sorted(product.title for product in context["products"]))
    return how, titles, "; ".join(label for label, _category in context["matching_categories"])


@pytest.mark.slow
@pytest.mark.django_db
def test_searches_find_what_the_documentation_says(client: Client) -> None:
    make_catalog()
    assert len(rows()) >= 40
    assert {row[0]: found(client, row[0]) for row in rows()} == {row[0]: tuple(row[2:]) for row in rows()}
