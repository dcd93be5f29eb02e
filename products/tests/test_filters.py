"""Tests of the filter form: category, price, stock and order, also with invalid query strings."""

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation

from products.filters import FilterForm
from products.lists.paginator import POSITIONS, POSITIONS_OF_PRICE_RANGES
from products.models import Category, Product
from products.models.category import CategoryTree
from tests.makers import make_category, make_product
from tests.visitors import count_queries

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


@pytest.fixture
def three_products() -> None:
    """Create three products: 10.00 in stock, 20.00 sold out and, as the newest, 30.00 with unlimited stock."""
    for title, price, stock in (("Cheap", 10, 5), ("Gone", 20, 0), ("Dear", 30, None)):
        make_product(title=title, price=price, stock=stock)


def titles(client: Client, query: str) -> list[str]:
    return [product.title for product in client.get(f"/products/?{query}").context["products"]]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("price_from=20", ["Dear", "Gone"]),
        ("price_to=20", ["Gone", "Cheap"]),
        ("price_to=20,00", ["Gone", "Cheap"]),
        ("price_to=1.020,00", ["Dear", "Gone", "Cheap"]),
        ("price_from=0,020.00", ["Dear", "Gone"]),
        ("price_from=15&price_to=25.00", ["Gone"]),
        ("price_from=25&price_to=15", ["Gone"]),
        ("price_from=0&price_to=0", []),
        ("in_stock=1", ["Dear", "Cheap"]),
        ("sort=price", ["Cheap", "Gone", "Dear"]),
        ("sort=-price", ["Dear", "Gone", "Cheap"]),
        ("sort=newest&category=&price_from=&price_to=&q=", ["Dear", "Gone", "Cheap"]),
        ("in_stock=1&price_to=15&sort=-price", ["Cheap"]),
    ],
)
@pytest.mark.usefixtures("three_products")
def test_list_shows_matching_products(client: Client, query: str, expected: list[str]) -> None:
    assert titles(client, query) == expected


@pytest.mark.sampled(4)
@pytest.mark.parametrize("price", ["abc", "NaN", "sNaN", "-Infinity", "1e999", "-1", "9" * 400, "1,0,0", "1.9999", "x"])
@pytest.mark.usefixtures("three_products")
def test_invalid_price_is_reported_and_ignored(client: Client, price: str) -> None:
    name = "price_from" if len(price) < 5 else "price_to"
    page = client.get("/products/", {name: price, "in_stock": "1"})
    assert [product.title for product in page.context["products"]] == ["Dear", "Cheap"]
    assert "<title>Error:" in page.text
    assert f'<a href="#id_{name}">Please enter prices as numbers' in page.text
    assert f'value="{price}" aria-invalid="true" aria-describedby="id_{name}_error"' in page.text


@pytest.mark.parametrize("sort", ["x", "best", "-", "price;", "__class__", "pk", "é" * 300])
@pytest.mark.usefixtures("three_products")
def test_unknown_order_is_newest_first(client: Client, sort: str) -> None:
    assert titles(client, f"sort={sort}") == ["Dear", "Gone", "Cheap"]


def test_page_links_keep_filters_and_drop_empty_fields(client: Client) -> None:
    Product.objects.bulk_create(Product(sku=f"S{n}", slug=f"s{n}", title="Mug", price=9) for n in range(25))
    page = client.get("/products/?category=&price_from=5&price_to=&sort=price&q=mug").text
    assert 'href="?q=mug&amp;price_from=5&amp;sort=price&amp;page=2"' in page


@pytest.mark.usefixtures("three_products")
def test_each_active_filter_has_a_link_that_removes_it(client: Client) -> None:
    make_product(title="Mug", category=make_category("Mugs"))
    chosen = (
        client.get("/products/?q=mug&category=mugs&price_from=5&in_stock=1&sort=price&page=1")
        .context["form"]
        .active_filters()
    )
    assert chosen == [
        ("“mug”", "category=mugs&price_from=5&in_stock=1&sort=price"),
        ("Mugs", "q=mug&price_from=5&in_stock=1&sort=price"),
        ("From £5.00", "q=mug&category=mugs&in_stock=1&sort=price"),
        ("In stock", "q=mug&category=mugs&price_from=5&sort=price"),
    ]


def test_two_prices_are_one_filter(client: Client) -> None:
    [(label, query)] = client.get("/products/?price_from=20&price_to=5").context["form"].active_filters()
    assert (label, query) == ("£5.00 – £20.00", "")


def test_form_shows_the_chosen_values(client: Client) -> None:
    make_product(category=make_category("Mugs"))
    page = client.get("/products/?category=mugs&price_from=5&in_stock=1&sort=-price").text
    for chosen in ('name="category" value="mugs"', 'value="5"', 'id="id_in_stock" checked', 'value="-price" selected'):
        assert chosen in page


def test_best_match_is_offered_only_for_searches(client: Client) -> None:
    make_product(title="Mug")
    assert "Best match" not in client.get("/products/").text
    assert '<option value="best" selected>' in client.get("/products/?q=mug").text


@pytest.mark.usefixtures("three_products")
def test_empty_result_links_to_all_products(client: Client) -> None:
    page = client.get("/products/?price_from=1000&in_stock=1").text
    assert "Remove one of the filters above" in page
    assert 'href="/products/">See all products' in page


@pytest.mark.parametrize("count", [3, 30])
def test_filtered_list_needs_three_queries_when_its_count_is_kept(client: Client, count: int) -> None:
    kitchen = make_category("Kitchen")
    for number in range(count):
        make_product(title=f"Mug {number}", category=kitchen)
    url = "/products/?category=kitchen&price_from=1&in_stock=1&sort=price"
    client.get(url)
    with count_queries() as queries:
        client.get(url)
    assert len(queries) == 3


@pytest.mark.slow
def test_price_ranges_do_not_push_out_the_counts_of_other_lists(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for positions in (POSITIONS, POSITIONS_OF_PRICE_RANGES):
        monkeypatch.setattr(positions.results, "size", 5)
    make_product()
    client.get("/products/")
    for price in range(1, 11):
        client.get(f"/products/?price_from={price}")
    assert len(POSITIONS_OF_PRICE_RANGES) == 5
    with count_queries() as queries:
        client.get("/products/")
    assert len(queries) == 3


@pytest.mark.parametrize("count", [3, 30])
def test_search_needs_at_most_eight_queries_and_three_when_kept(client: Client, count: int) -> None:
    make_category("Kitchen")
    for number in range(count):
        make_product(title=f"Mug {number}")
    client.get("/products/")
    query_counts = []
    for _ in range(2):
        with count_queries() as queries:
            client.get("/products/?q=mug")
        query_counts.append(len(queries))
    assert query_counts in ([7, 3], [8, 3])


@pytest.mark.parametrize("query", ["", "page=2&other=x", "category=mugs", "category=cups&category=mugs"])
@pytest.mark.parametrize("language", ["en-gb", "de"])
def test_form_without_filters_is_that_of_a_validated_query(query: str, language: str) -> None:
    mugs, cups = Category(pk=1, slug="mugs", title="Mugs"), Category(pk=2, slug="cups", title="Cups")
    mugs.sells_products = cups.sells_products = True
    tree, data = CategoryTree([mugs, cups]), QueryDict(query)
    pages = []
    for form in (FilterForm.for_query(data, tree), FilterForm(data, tree)):
        with translation.override(language):
            context = {"form": form, "category": form.selected_category}
            html = render_to_string("products/snippets/filters.html", context)
            pages.append((html, form.cleaned_data, form.text, form.order, form.sorts, form.active_filters()))
    assert pages[0] == pages[1]
