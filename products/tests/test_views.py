"""Tests of the product list, the product page and the home page, including their queries."""

from itertools import product as combinations

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from carts.models import Cart
from products.models import Product
from tests.budgets import LARGE_CART, STRANGER
from tests.makers import add_to_cart, make_category, make_product, make_user
from tests.visitors import count_queries, fill_cart, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
LIST = "/products/"


def titles(client: Client, url: str = LIST) -> list[str]:
    """Return the titles on a page of the list, in its order."""
    return [product.title for product in client.get(url).context["products"]]


def test_list_shows_24_products_per_page_and_the_total(client: Client) -> None:
    for number in range(25):
        make_product(title=f"Bowl {number}")
    page = client.get(LIST)
    assert len(page.context["products"]) == page.text.count('class="product-card"') == 24
    assert "25 products" in page.text
    assert titles(client, f"{LIST}?page=2") == ["Bowl 0"]


def test_list_shows_the_newest_first(client: Client) -> None:
    make_product(title="Old bowl")
    make_product(title="New bowl")
    assert titles(client) == ["New bowl", "Old bowl"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("page", ["2", "0", "-1", "abc", "1.5", "1000000000", "9" * 500, "9" * 5000, "NaN", "²"])
def test_list_page_that_does_not_exist_is_a_404(client: Client, page: str) -> None:
    make_product()
    response = client.get(LIST, {"page": page})
    assert (response.status_code, "Page not found" in response.text) == (404, True)


@pytest.mark.slow
def test_list_page_last_is_the_last_page(client: Client) -> None:
    for _ in range(25):
        make_product()
    assert client.get(LIST, {"page": "last"}).context["page_obj"].number == 2


@pytest.mark.slow
def test_list_links_keep_the_category_and_omit_page_one(client: Client) -> None:
    category = make_category("Mugs")
    for _ in range(49):
        make_product(category=category)
    page = client.get(f"{LIST}?category=mugs&page=2")
    assert 'href="?category=mugs"' in page.text
    assert 'href="?category=mugs&amp;page=3"' in page.text


def test_list_hides_inactive_products(client: Client) -> None:
    make_product(title="Shown")
    make_product(title="Hidden", active=False)
    assert titles(client) == ["Shown"]


def test_list_shows_one_category(client: Client) -> None:
    make_product(title="Mug", category=make_category("Mugs"))
    make_product(title="Bowl", category=make_category("Bowls"))
    assert titles(client, f"{LIST}?category=mugs") == ["Mug"]


def test_list_of_an_unknown_category_is_a_404(client: Client) -> None:
    make_category("Mugs")
    assert "Page not found" in client.get(f"{LIST}?category=chairs").text


def test_list_of_an_empty_category_links_to_all_products(client: Client) -> None:
    make_category("Mugs")
    page = client.get(f"{LIST}?category=mugs")
    assert "There is nothing here at the moment." in page.text
    assert f'href="{LIST}">See all products' in page.text


def test_list_has_no_cart_button_for_sold_out_products(client: Client) -> None:
    sold_out, in_stock = make_product(stock=0), make_product(stock=3)
    page = client.get(LIST).text
    assert f'name="product_id" value="{in_stock.pk}"' in page
    assert f'name="product_id" value="{sold_out.pk}"' not in page
    assert "Sold out" in page
    assert "Only 3 left" in page


@pytest.mark.parametrize("count", [3, 30])
def test_list_of_any_length_stays_within_its_budget(client: Client, count: int) -> None:
    for _ in range(count):
        make_product(category=make_category())
    client.get(LIST)
    with count_queries() as queries:
        assert len(client.get(LIST).context["products"]) == min(count, 24)
    assert len(queries) <= STRANGER["products:list"].statements


@pytest.mark.parametrize("count", [3, 30])
def test_list_for_a_visitor_with_any_cart_stays_within_its_budget(client: Client, count: int) -> None:
    fill_cart(client, count)
    client.get(LIST)
    with count_queries() as queries:
        client.get(LIST)
    assert len(queries) <= LARGE_CART["products:list"].statements


@pytest.mark.parametrize("count", [3, 30])
def test_home_of_any_shop_stays_within_its_budget(client: Client, count: int) -> None:
    for _ in range(count):
        make_product(category=make_category())
    client.get("/")
    with count_queries() as queries:
        client.get("/")
    assert len(queries) <= STRANGER["home"].statements


@pytest.mark.parametrize("lines", [1, 30])
def test_detail_of_a_single_product_needs_four_queries_regardless_of_the_cart(client: Client, lines: int) -> None:
    product = fill_cart(client, lines)
    with count_queries() as queries:
        client.get(product.get_absolute_url())
    assert len(queries) == 4


@pytest.mark.parametrize("page", ["home", "products:list", "products:detail"])
def test_page_view_sets_no_cookie_and_writes_nothing(client: Client, page: str) -> None:
    product = make_product()
    url = reverse(page, args=[product.slug] if page == "products:detail" else [])
    with count_queries() as queries:
        response = client.get(url)
    assert product.title in response.text
    assert not response.cookies
    assert {query.split()[0] for query in queries} == {"SELECT"}
    assert (Session.objects.count(), Cart.objects.count()) == (0, 0)


def test_detail_shows_title_price_and_sku(client: Client) -> None:
    product = make_product(title="Teal mug", price="16.50", sku="MC-1")
    page = client.get(product.get_absolute_url()).text
    assert "<h1>Teal mug</h1>" in page
    assert "£16.50" in page
    assert "MC-1" in page


def test_detail_escapes_text_entered_by_staff(client: Client) -> None:
    product = make_product(title="<b>Mug</b>", description="<script>alert(1)</script>")
    page = client.get(product.get_absolute_url()).text
    assert "<b>Mug" not in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(("active", "slug"), [(False, "mug"), (True, "other")])
def test_detail_of_a_product_that_is_not_on_sale_is_a_404(client: Client, active: bool, slug: str) -> None:
    make_product(slug="mug", active=active)
    assert "Page not found" in client.get(f"/products/{slug}/").text


def test_detail_offers_add_for_a_product_that_is_not_in_the_cart(client: Client) -> None:
    page = client.get(make_product().get_absolute_url()).text
    assert 'value="add">Add to cart' in page
    assert 'value="remove"' not in page


def test_detail_offers_update_and_remove_for_a_product_in_the_cart(client: Client) -> None:
    product = make_product()
    add_to_cart(client, product, 3)
    page = client.get(product.get_absolute_url()).text
    assert "3 in your cart" in page
    assert 'value="set">Update' in page
    assert 'value="remove">Remove' in page
    assert 'value="add"' not in page


def test_detail_shows_nothing_of_another_visitors_cart(client: Client, other_client: Client) -> None:
    product = make_product()
    add_to_cart(client, product, 3)
    add_to_cart(other_client, make_product())
    assert "in-cart" not in other_client.get(product.get_absolute_url()).text


def test_detail_shows_the_users_cart_on_another_device(client: Client, other_client: Client) -> None:
    alice, product = make_user(), make_product()
    sign_in(client, alice)
    add_to_cart(client, product, 3)
    sign_in(other_client, alice)
    assert "3 in your cart" in other_client.get(product.get_absolute_url()).text


def test_detail_of_a_sold_out_product_has_a_disabled_button(client: Client) -> None:
    page = client.get(make_product(stock=0).get_absolute_url()).text
    assert "disabled>Sold out" in page
    assert "Add to cart" not in page


@pytest.mark.parametrize(("page", "member"), list(combinations(["products:list", "products:detail"], [True, False])))
def test_catalog_pages_have_the_cart_in_their_context(client: Client, page: str, member: bool) -> None:
    product = make_product()
    if member:
        sign_in(client, make_user())
    add_to_cart(client, product)
    url = reverse(page, args=[product.slug] if page == "products:detail" else [])
    assert client.get(url).context["cart"] == Cart.objects.get()


def test_navbar_counts_units_in_the_cart(client: Client) -> None:
    add_to_cart(client, make_product(), 2)
    add_to_cart(client, make_product(), 3)
    assert "data-cart-items>5<" in client.get(LIST).text


def test_catalog_pages_contain_no_csrf_token(client: Client) -> None:
    product = make_product()
    add_to_cart(client, product)
    for url in ("/", LIST, product.get_absolute_url()):
        assert "csrfmiddlewaretoken" not in client.get(url).text


def test_home_shows_the_newest_available_products(client: Client) -> None:
    for number in range(10):
        make_product(title=f"Bowl {number}")
    make_product(title="Gone", stock=0)
    make_product(title="Hidden", active=False)
    [section] = [section for section in client.get("/").context["sections"] if section.row.kind == "newest"]
    assert [product.title for product in section.products] == [f"Bowl {n}" for n in range(9, 1, -1)]


def test_catalog_pages_reject_post(client: Client) -> None:
    product = make_product()
    statuses = [client.post(url).status_code for url in ("/", LIST, product.get_absolute_url())]
    assert statuses == [405, 405, 405]
    assert Product.objects.count() == 1
