"""Tests for page metadata, robots.txt and the sitemaps."""

import re
from typing import Any
from urllib.parse import urlencode
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse

from core.absolute_urls import canonical
from ecommerce import sitemaps
from products.models import Category
from tests.makers import make_category, make_product, make_shop
from tests.visitors import count_queries

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
LOCATION = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"


@pytest.fixture(autouse=True)
def site_url(settings: Any) -> None:
    """Set a SITE_URL that differs from the host of the test client."""
    settings.SITE_URL = "https://shop.example"


def head(client: Client, path: str) -> dict[str, str]:
    """Return the title, description, canonical URL, robots and Open Graph metadata of a page."""
    text = client.get(path).text.partition("</head>")[0]
    found = dict(re.findall(r'<meta (?:name|property)="([\w:]+)" content="(.*?)">', text))
    found |= dict(re.findall(r'<link rel="(canonical)" href="(.*?)">', text))
    return found | {"title": re.findall(r"<title>(.*?)</title>", text)[0]}


def locations(client: Client, path: str) -> list[str]:
    """Return the URLs in a sitemap."""
    return [element.text or "" for element in ElementTree.fromstring(client.get(path).content).iter(LOCATION)]  # noqa: S314


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/products/", {}, "https://shop.example/products/"),
        ("/products/", {"category": "mugs", "page": 1}, "https://shop.example/products/?category=mugs"),
        ("/products/", {"category": None, "page": 3}, "https://shop.example/products/?page=3"),
        ("/products/", {"category": "a&b"}, "https://shop.example/products/?category=a%26b"),
    ],
)
def test_canonical_keeps_relevant_parameters(path: str, query: dict[str, Any], expected: str) -> None:
    assert canonical(path, **query) == expected


@pytest.mark.slow
def test_pages_have_unique_title_description_and_canonical_url(client: Client) -> None:
    for number in range(25):
        make_product(title=f"Mug {number}", description=f"Mug  number\n{number}", category=make_category())
    make_shop(logo="shop/logo.webp")
    pages = ["/", "/products/", "/products/?page=2", "/products/?category=mugs", "/products/mug-1/", "/products/mug-2/"]
    heads = [head(client, page) for page in pages]
    for name in ("title", "description", "canonical"):
        assert len({found[name] for found in heads}) == len(pages), name
    assert [found["canonical"] for found in heads] == [f"https://shop.example{page}" for page in pages]
    assert all("robots" not in found and found["og:url"] == found["canonical"] for found in heads)
    assert all(found["og:title"] and found["og:image"].startswith("https://shop.example/") for found in heads)
    assert (heads[-1]["description"], heads[-1]["og:type"]) == ("Mug number 2", "product")


@pytest.mark.parametrize("query", ["?utm_source=x", "?page=1", "?next=/cart/", "?category="])
def test_canonical_url_omits_irrelevant_parameters(client: Client, query: str) -> None:
    make_product()
    assert head(client, f"/products/{query}")["canonical"] == "https://shop.example/products/"


@pytest.mark.parametrize(
    "path", ["/cart/", "/accounts/guest/", "/accounts/password-reset/", "/orders/", "/nothing/", "/products/?q=mug"]
)
def test_personal_pages_and_empty_searches_are_not_indexed(client: Client, path: str) -> None:
    text = client.get(path, follow=True).text
    assert '<meta name="robots" content="noindex">' in text
    assert 'rel="canonical"' not in text


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/"])
def test_login_and_signup_have_a_canonical_url(client: Client, path: str) -> None:
    found = head(client, f"{path}?next=/cart/")
    assert found["canonical"] == f"https://shop.example{path}"
    assert "robots" not in found


@pytest.mark.parametrize(
    ("query", "expected"),
    [("q=Teal", "q=Teal"), ("q=+mug%20 teal&sort=price&price_to=99", "q=mug+teal"), ("q=Múg", "q=M%C3%BAg")],
)
def test_search_with_results_has_a_canonical_url(client: Client, query: str, expected: str) -> None:
    make_product(title="Teal mug")
    found = head(client, f"/products/?{query}")
    assert found["canonical"] == f"https://shop.example/products/?{expected}"
    assert "robots" not in found


@pytest.mark.parametrize("text", ["mug call me", "mug!", "mug.teal", "“mug”", "mug " * 8 + "call me"])
def test_search_with_words_outside_the_catalog_is_not_indexed(client: Client, text: str) -> None:
    make_product(title="Teal mug")
    found = head(client, f"/products/?{urlencode({'q': text})}")
    assert found["robots"] == "noindex"


def test_robots_disallows_personal_pages_and_names_the_sitemap(client: Client) -> None:
    response = client.get("/robots.txt")
    assert response.headers["Content-Type"].startswith("text/plain")
    lines = response.text.splitlines()
    assert lines[-1] == "Sitemap: https://shop.example/sitemap.xml"
    robots = RobotFileParser()
    robots.parse(lines)
    private = ("carts:home", "accounts:guest", "orders:list", "admin:index", "billing:webhook", "addresses:check")
    assert [name for name in private if robots.can_fetch("*", reverse(name))] == []
    public = ("home", "products:list", "accounts:login", "accounts:signup")
    assert [name for name in public if not robots.can_fetch("*", reverse(name))] == []


def test_sitemap_lists_pages_categories_and_active_products(client: Client) -> None:
    make_category("Bowls")
    make_product(title="Teal mug", stock=0, category=make_category("Mugs & cups"))
    make_product(title="Hidden", active=False)
    pages, *parts = locations(client, "/sitemap.xml")
    assert locations(client, pages.removeprefix("https://shop.example")) == [
        "https://shop.example/",
        "https://shop.example/products/",
        "https://shop.example/products/?category=mugs-cups",
    ]
    assert locations(client, parts[-1].removeprefix("https://shop.example")) == [
        "https://shop.example/products/teal-mug/"
    ]


def test_sitemap_parts_list_every_product_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "PART_SIZE", 2)
    for pk in (1, 2, 3, 6, 9, 1_000_001):
        make_product(pk=pk, active=pk != 3)
    parts = [part.removeprefix("https://shop.example") for part in locations(client, "/sitemap.xml")[1:]]
    assert parts == [f"/sitemap-products-{part}.xml" for part in (0, 1, 3, 4, 500_000)]
    found = [address for part in parts for address in locations(client, part)]
    assert len(found) == len(set(found)) == 5


def test_sitemap_lists_no_part_without_products_on_sale(client: Client) -> None:
    make_product(pk=7, active=False)
    make_product(pk=2_500)
    assert locations(client, "/sitemap.xml")[1:] == ["https://shop.example/sitemap-products-5.xml"]
    assert client.get("/sitemap-products-0.xml").status_code == client.get("/sitemap-products-1.xml").status_code == 404


def test_sitemap_of_a_shop_without_products_on_sale_lists_only_the_home_page(client: Client) -> None:
    make_product(category=make_category(), active=False)
    assert locations(client, "/sitemap.xml") == ["https://shop.example/sitemap-pages.xml"]
    assert locations(client, "/sitemap-pages.xml") == ["https://shop.example/"]


def test_sitemap_lists_the_categories_above_one_with_products(client: Client) -> None:
    outer, inner = make_category("Outer"), make_category("Inner")
    make_product(category=inner)
    Category.objects.filter(pk=inner.pk).update(parent=outer)
    assert [url.partition("=")[2] for url in locations(client, "/sitemap-pages.xml")[2:]] == ["inner", "outer"]


@pytest.mark.parametrize("part", ["9" * 40, "x", "-1"])
def test_impossible_sitemap_part_is_not_found(client: Client, part: str) -> None:
    assert client.get(f"/sitemap-products-{part}.xml").status_code == 404


def test_sitemaps_and_robots_are_cached_for_an_hour_and_set_no_cookie(client: Client) -> None:
    product = make_product()
    part = reverse("sitemap_products", args=[product.pk // sitemaps.PART_SIZE])
    for path in ("/robots.txt", "/sitemap.xml", "/sitemap-pages.xml", part):
        with count_queries() as queries:
            response = client.get(path)
        assert response.status_code == 200
        assert set(response.headers["Cache-Control"].split(", ")) == {"public", "max-age=3600"}
        assert not response.cookies
        assert len(queries) <= 4  # one of them reads versions


@pytest.mark.parametrize("path", ["/favicon.ico", "/apple-touch-icon.png"])
def test_root_icons_are_served(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.headers["Content-Type"].partition("/")[0]) == (200, "image")
    assert not response.cookies
    response.close()
