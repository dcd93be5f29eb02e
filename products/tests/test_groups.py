"""Tests of lists with groups: one card for each, which matches if one of its variants does."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from products import search
from products.lists.paginator import ProductPaginator
from products.models import Category, Product
from tests.makers import make_category, make_product

pytestmark = pytest.mark.django_db


def make_group(*prices: int, name: str = "mugs", **fields: Any) -> list[Product]:
    """Create variants with these prices, the first by SKU first."""
    shared = {"group": name, "option": "Size"} | fields
    return [
        make_product(sku=f"{name}-{n}", title=f"Mug {n}", choice=f"S{n}", price=price, **shared)
        for n, price in enumerate(prices)
    ]


def set_picture(product: Product, name: str) -> None:
    values = {"image": f"products/{name}.webp", "image_width": 800, "image_height": 800}
    Product.objects.filter(pk=product.pk).update(**values)


def shown(client: Client, query: str = "") -> list[Product]:
    return list(client.get(f"/products/?{query}").context["products"])


def card(client: Client, product: Product, query: str = "") -> str:
    html = client.get(f"/products/?{query}").text
    [found] = re.findall(rf'<li class="product-card" id="product-{product.pk}">.*?\n</li>', html, re.DOTALL)
    return str(found)


def test_list_has_one_card_for_each_group_of_a_category(client: Client) -> None:
    first, _second = make_group(12, 14)
    other = make_product(group="mugs", category=make_category())
    single = make_product()
    assert shown(client) == [single, other, first]
    assert client.get("/products/").context["page_obj"].paginator.count == 3


def test_card_shows_the_lowest_price_if_prices_differ(client: Client) -> None:
    first, _second = make_group(14, 12)
    assert '<p class="price">from £12.00</p>' in card(client, first)
    Product.objects.update(price=14)
    assert '<p class="price">£14.00</p>' in card(client, first)


def test_card_is_the_next_variant_if_the_first_is_not_for_sale(client: Client) -> None:
    first, second, third = make_group(12, 14, 16)
    first.active = False
    first.save()
    assert shown(client) == [second]
    assert 'href="/products/mug-2/"' not in card(client, second)
    third.delete()
    assert "choices" not in card(client, second)


RANGES = {
    "price_from=15": [20], "price_to=15": [20], "price_from=9&price_to=11": [20], "price_from=29&price_to=31": [20],
    "price_from=19&price_to=21": [20], "price_from=24&price_to=26": [20], "price_from=12&price_to=18": [],
    "price_from=31": [], "price_to=9": [], "price_from=26&price_to=24": [20],
}  # fmt: skip


@pytest.mark.parametrize("query", RANGES)
@pytest.mark.parametrize("category", [True, False])
def test_price_range_matches_a_group_with_a_variant_in_it(client: Client, query: str, category: bool) -> None:
    first, *_others = make_group(20, 10, 30, 25, category=make_category("Cups") if category else None)
    make_product(group="mugs", category=make_category("Other"), price=15, active=False)
    assert [int(row.price) for row in shown(client, query)] == RANGES[query]
    assert first.sku == "mugs-0"


def test_stock_filter_matches_a_group_with_a_variant_in_stock(client: Client) -> None:
    first, second = make_group(10, 20)
    Product.objects.filter(pk=first.pk).update_stock(0)
    assert shown(client, "in_stock=1") == [first]
    assert shown(client, "in_stock=1&price_to=15") == []
    assert shown(client, "in_stock=1&price_from=15") == [first]
    Product.objects.filter(pk=second.pk).update_stock(0)
    assert shown(client, "in_stock=1") == []


def test_counts_of_price_ranges_of_groups_are_kept_apart() -> None:
    make_group(20, 10, 30)
    products = Product.objects.listed()
    ranges = [(Decimal(low), Decimal(high)) for low, high in [(12, 18), (19, 21), (9, 9), (9, 40)]]
    lists = [products.with_variant(low, high, stock).newest_first() for low, high in ranges for stock in (False, True)]
    for _ in range(2):
        assert [ProductPaginator(rows, 5).count for rows in lists] == [0, 0, 1, 1, 0, 0, 1, 1]


@pytest.mark.parametrize(("sort", "order"), [("price", [0, 1, 2]), ("-price", [2, 1, 0])])
def test_lists_are_sorted_by_the_price_that_cards_show(client: Client, sort: str, order: list[int]) -> None:
    groups = [make_group(*prices, name=f"g{n}")[0] for n, prices in enumerate([(30, 10), (12,), (14, 40)])]
    assert shown(client, f"sort={sort}") == [groups[number] for number in order]


def test_search_shows_the_variant_that_it_found_as_the_card(client: Client) -> None:
    oat = make_product(sku="A-1", title="Mug, oat", group="mugs", option="Colour", choice="Oat")
    teal = make_product(sku="A-2", title="Mug, teal", group="mugs", option="Colour", choice="Teal", price=9)
    assert shown(client, "q=teal+mug") == [teal]
    assert shown(client, "q=oat+mug") == [oat]
    page = client.get("/products/?q=mug")
    assert (len(page.context["products"]), page.context["page_obj"].paginator.count) == (1, 1)
    assert '<p class="price">from £9.00</p>' in card(client, teal, "q=teal+mug")


def test_search_with_a_price_shows_a_variant_with_that_price(client: Client) -> None:
    _oat, teal = make_group(10, 20)
    assert shown(client, "q=mug&price_from=15") == [teal]
    assert shown(client, "q=mug&price_from=15&sort=price") == [teal]


def test_results_of_a_search_have_the_order_of_its_ranking() -> None:
    mug, other = make_group(1, 2)
    single = make_product(title="Mug")
    results = search.find(Product.objects.active().order_by(), "mug", Category.objects.tree())
    assert results.ids == [single.pk, other.pk]
    assert mug.pk not in results.ids


def test_group_is_sold_out_if_all_variants_are(client: Client) -> None:
    first, second = make_group(10, 20, stock=3)
    assert "Only 3 left" not in card(client, first)
    Product.objects.filter(pk=first.pk).update(stock=0)
    assert "Sold out" not in card(client, first)
    Product.objects.filter(pk=second.pk).update(stock=0)
    assert "Sold out" in card(client, first)


def test_card_with_choices_leads_to_the_product(client: Client) -> None:
    first, _second = make_group(10, 20)
    html = card(client, first)
    assert 'aria-label="Choose: Mug 0">Choose</a>' in html
    assert "<button" not in html
    assert "Size: S0, S1" in html


def test_card_shows_at_most_five_different_pictures_as_choices(client: Client) -> None:
    rows = make_group(*range(1, 9))
    for number, row in enumerate(rows):
        set_picture(row, f"{number or 1}")
    html = card(client, rows[0])
    swatches = re.findall(r'<a href="([^"]+)"[^>]*><img src="([^"]+)" alt="([^"]+)"', html)
    assert [label for _url, _src, label in swatches] == ["S0", "S2", "S3", "S4", "S5"]
    assert swatches[1][:2] == ("/products/mug-2/", "/media/products/2-160.webp")
    assert 'aria-label="2 more choices">+2</a>' in html


def test_sold_out_choice_is_named(client: Client) -> None:
    first, second = make_group(10, 20)
    set_picture(first, "1")
    set_picture(second, "2")
    Product.objects.filter(pk=second.pk).update(stock=0)
    assert 'class="is-sold-out"><img src="/media/products/2-160.webp" alt="S1, sold out"' in card(client, first)


def test_card_has_the_first_additional_picture_for_hover(client: Client) -> None:
    product = make_product()
    set_picture(product, "1")
    assert "second" not in card(client, product)
    size = {"image_width": 800, "image_height": 800}
    for position, name in ((2, "back"), (1, "side")):
        product.pictures.create(image=f"products/{name}.webp", position=position, **size)
    product.pictures.update(**size)
    assert '<img class="second" src="/media/products/side-640.webp" alt="" loading="lazy">' in card(client, product)


# Links and forms of the list


def test_links_to_categories_keep_words_and_filters(client: Client) -> None:
    kitchen = make_category("Kitchen")
    make_product(title="Mug", category=kitchen)
    page = client.get("/products/?q=mug&price_from=5&in_stock=1&sort=price&page=1").text
    assert 'href="/products/?q=mug&amp;price_from=5&amp;in_stock=1&amp;sort=price&amp;category=kitchen"' in page
    page = client.get("/products/?q=mug&price_from=5&category=kitchen").text
    assert 'href="/products/?q=mug&amp;price_from=5"' in page
    assert 'href="/products/?category=kitchen"' in client.get("/products/").text


def test_forms_of_a_list_keep_the_values_of_each_other(client: Client) -> None:
    make_product(title="Mug", category=make_category("Kitchen"))
    page = client.get("/products/?q=mug&exact=1&price_from=5&category=kitchen&sort=price").text
    filters, sort = re.findall(r"<form (?:action|class=\"list-sort\").*?</form>", page, re.DOTALL)[:2]
    hidden = r'<input type="hidden" name="(\w+)" value="([^"]*)">'
    assert re.findall(hidden, filters) == [("q", "mug"), ("exact", "1"), ("category", "kitchen"), ("sort", "price")]
    expected = [("q", "mug"), ("exact", "1"), ("category", "kitchen"), ("price_from", "5")]
    assert re.findall(hidden, sort) == expected


def test_sitemap_has_every_variant(client: Client) -> None:
    make_group(10, 20)
    parts = re.findall(r"<loc>[^<]*?(/sitemap-products-\d+\.xml)</loc>", client.get("/sitemap.xml").text)
    assert sum(client.get(part).text.count("<loc>") for part in parts) == 2
