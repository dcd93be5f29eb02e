"""Tests of the structured data on product pages."""

import json
import re
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from products.models import Category, Product
from products.tests.test_uploads import make_image
from tests.makers import make_category, make_product
from tests.markup import parse_html

pytestmark = pytest.mark.django_db
SCRIPT = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)


def graph(client: Client, product: Product) -> dict[str, Any]:
    """Return the structured data of the page by type."""
    [text] = SCRIPT.findall(client.get(product.get_absolute_url()).text)
    data = json.loads(text)
    assert data["@context"] == "https://schema.org"
    return {part["@type"]: part for part in data["@graph"]}


def test_product_has_its_offer(client: Client, settings: Any) -> None:
    settings.SITE_URL = "https://shop.example"
    product = make_product(title="Teal mug", sku="MC-1", price="16.50", group="mug")
    data = graph(client, product)["Product"]
    assert (data["name"], data["sku"], data["description"]) == ("Teal mug", "MC-1", "Teal mug")
    assert (data["inProductGroupWithID"], data["url"]) == ("mug", "https://shop.example/products/teal-mug/")
    offer = data["offers"]
    assert (offer["price"], offer["priceCurrency"]) == ("16.50", "GBP")
    assert offer["availability"] == "https://schema.org/InStock"


def test_sold_out_product_is_out_of_stock(client: Client) -> None:
    offer = graph(client, make_product(stock=0))["Product"]["offers"]
    assert offer["availability"] == "https://schema.org/OutOfStock"


def test_product_has_absolute_urls_of_its_pictures(client: Client, settings: Any) -> None:
    settings.SITE_URL = "https://shop.example"
    product = make_product(image=ContentFile(make_image("WEBP"), "mug.webp"))
    product.pictures.create(image=ContentFile(make_image("WEBP", (50, 50)), "mug.webp"))
    images = graph(client, product)["Product"]["image"]
    assert len(images) == 2
    assert images[0] == f"https://shop.example{product.image.url}"


def test_breadcrumbs_start_at_home_and_end_at_the_product(client: Client) -> None:
    mugs = Category.objects.create(title="Mugs", parent=make_category("Kitchen"))
    items = graph(client, make_product(title="Teal mug", category=mugs))["BreadcrumbList"]["itemListElement"]
    assert [item["name"] for item in items] == ["Home", "Kitchen", "Mugs", "Teal mug"]
    assert [item["position"] for item in items] == [1, 2, 3, 4]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("has_category", [True, False])
def test_structured_breadcrumbs_match_those_on_the_page(
    client: Client, settings: Any, language: str, has_category: bool
) -> None:
    settings.SITE_URL = "https://shop.example"
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    mugs = Category.objects.create(title="Mugs & <cups>", parent=make_category("Kitchen"))
    product = make_product(title="Teal mug", category=mugs if has_category else None)
    shown = list(parse_html(client.get(product.get_absolute_url()).text).one("ol", class_="breadcrumb").all("li"))
    links = [link.attrs["href"] for item in shown for link in item.all("a")]
    breadcrumbs = graph(client, product)["BreadcrumbList"]["itemListElement"]
    assert [item["name"] for item in breadcrumbs] == [item.text for item in shown]
    assert [item["item"] for item in breadcrumbs] == [
        f"https://shop.example{path}" for path in [*links, product.get_absolute_url()]
    ]


@pytest.mark.parametrize("title", ["</script><script>alert(1)</script>", "<!--<script>", "a & b \u2028 'c' \"d\" \\"])
def test_title_cannot_close_the_script_element(client: Client, title: str) -> None:
    product = make_product(title=title, description=title, slug="mug")
    text = client.get(product.get_absolute_url()).text
    assert "<script>alert" not in text
    assert "<!--" not in text
    assert graph(client, product)["Product"]["name"] == title
