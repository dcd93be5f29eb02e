"""What one visitor alone may see is kept by no cache; what all may see carries nothing of anybody."""

from collections.abc import Iterator
from copy import copy
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from billing.simulator.server import Simulator
from ecommerce.tests.makers import add_to_cart, buy, make_product, make_user
from ecommerce.tests.visitors import sign_in

pytestmark = pytest.mark.django_db
SAME_FOR_ALL = {"health", "media", "billing:webhook", "robots", "sitemap", "sitemap_pages", "sitemap_products"}


def views(resolver: URLResolver, names: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Every named address of the shop with what must be filled in; the admin's are walked below."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            if entry.name:
                yield ":".join([*names, entry.name]), list(entry.pattern.regex.groupindex)
        elif entry.namespace != "admin":
            yield from views(entry, (*names, entry.namespace) if entry.namespace else names)


SHOP = dict(views(get_resolver()))


def is_kept_out_of_caches(answer: Any) -> bool:
    return {"no-store", "private"} <= set(answer.headers.get("Cache-Control", "").split(", "))


@pytest.fixture
def customer(client: Client, simulator: Simulator) -> Client:
    """A signed-in browser with an order, and something in the cart again."""
    sign_in(client, make_user())
    buy(client, make_product(title="Teal mug"))
    add_to_cart(client, make_product())
    return client


def address(name: str, holes: list[str], customer: Client) -> str:
    known = {
        "slug": "teal-mug",
        "path": "nothing.webp",
        "pk": "1",
        "part": 0,
        "order_id": customer.session.get("order_ids", ["X"])[-1],
    }
    return reverse(name, kwargs={hole: known.get(hole, "x") for hole in holes})


def test_all_views_are_found() -> None:
    assert {"home", "products:detail", "carts:checkout", "orders:detail", "accounts:login"} <= set(SHOP)
    assert set(SHOP) > SAME_FOR_ALL


def answers(customer: Client, method: str) -> Iterator[tuple[str, Any]]:
    """Every personal address asked by this customer's browser, each as if the others had not been asked."""
    for name in sorted(set(SHOP) - SAME_FOR_ALL):
        browser = Client()
        browser.cookies = copy(customer.cookies)
        with transaction.atomic():
            yield name, getattr(browser, method)(address(name, SHOP[name], customer), headers={"Accept": "text/html"})
            transaction.set_rollback(True)


@pytest.mark.parametrize("method", ["get", "post"])
def test_answer_to_a_customer_is_kept_by_no_cache(customer: Client, method: str) -> None:
    asked = dict(answers(customer, method))
    assert [name for name, answer in asked.items() if not is_kept_out_of_caches(answer)] == []
    assert {answer.status_code for answer in asked.values() if not answer.content} <= {302}  # pages all, or ways to one
    assert len(asked) > 40


@pytest.mark.parametrize("name", sorted(SHOP))
def test_answer_that_sets_a_cookie_is_kept_by_no_cache(client: Client, name: str) -> None:
    make_product(title="Teal mug")
    for answer in (client.get(address(name, SHOP[name], client)), Client().post(address(name, SHOP[name], client))):
        assert is_kept_out_of_caches(answer) or not answer.cookies


def test_redirect_that_fills_the_cart_is_kept_by_no_cache(client: Client) -> None:
    answer = add_to_cart(client, make_product())
    assert (answer.status_code, bool(answer.cookies), is_kept_out_of_caches(answer)) == (302, True, True)


def test_error_page_with_a_cart_is_kept_by_no_cache(client: Client) -> None:
    add_to_cart(client, make_product(), 3)
    answer = client.get("/nothing/")
    assert "data-cart-items>3<" in answer.text
    assert is_kept_out_of_caches(answer)


@pytest.mark.parametrize("page", ["/", "/products/", "/products/teal-mug/"])
def test_catalogue_may_be_kept_while_it_is_the_same_for_all(client: Client, page: str) -> None:
    make_product(title="Teal mug")
    answer = client.get(page)
    assert "Cache-Control" not in answer.headers
    assert not answer.cookies


ADMIN_PAGES = ["index", "password_change", "jsi18n", "products_product_changelist", "accounts_user_add", "login"]


@pytest.mark.parametrize("name", ADMIN_PAGES)
@pytest.mark.parametrize("is_staff", [True, False])
def test_admin_is_kept_by_no_cache(client: Client, name: str, is_staff: bool) -> None:
    client.force_login(make_user("boss@example.org", is_staff=is_staff, is_superuser=is_staff))
    assert is_kept_out_of_caches(client.get(reverse(f"admin:{name}")))


def test_admin_row_and_its_history_are_kept_by_no_cache(client: Client) -> None:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    product = make_product()
    for page in ("change", "history", "delete"):
        assert is_kept_out_of_caches(client.get(reverse(f"admin:products_product_{page}", args=[product.pk]))), page
