"""Tests for cache headers: personal responses are not cached, and shared responses set no cookies."""

from collections.abc import Iterator
from copy import copy
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from stripe_simulator.server import Simulator
from tests.makers import add_to_cart, buy, make_product, make_user
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
SAME_FOR_ALL = {
    "pages:detail",
    "pages:version",
    "health",
    "media",
    "billing:webhook",
    "robots",
    "sitemap",
    "sitemap_pages",
    "sitemap_products",
}


def url_names(resolver: URLResolver, names: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Yield all URL names outside the admin with the names of their arguments."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            if entry.name:
                yield ":".join([*names, entry.name]), list(entry.pattern.regex.groupindex)
        elif entry.namespace != "admin":
            yield from url_names(entry, (*names, entry.namespace) if entry.namespace else names)


URLS = dict(url_names(get_resolver()))


def is_uncacheable(answer: Any) -> bool:
    return {"no-store", "private"} <= set(answer.headers.get("Cache-Control", "").split(", "))


@pytest.fixture
def customer(client: Client, simulator: Simulator) -> Client:
    """Return a signed-in client with an order and an item in the cart."""
    sign_in(client, make_user())
    buy(client, make_product(title="Teal mug"))
    add_to_cart(client, make_product())
    return client


def url_for(name: str, arguments: list[str], customer: Client) -> str:
    values = {
        "slug": "teal-mug",
        "path": "nothing.webp",
        "pk": "1",
        "part": 0,
        "number": 1,
        "order_id": customer.session.get("order_ids", ["X"])[-1],
    }
    return reverse(name, kwargs={argument: values.get(argument, "x") for argument in arguments})


def test_url_names_finds_all_views() -> None:
    assert {"home", "products:detail", "carts:checkout", "orders:detail", "accounts:login"} <= set(URLS)
    assert set(URLS) > SAME_FOR_ALL


def request_personal_urls(customer: Client, method: str) -> Iterator[tuple[str, Any]]:
    """Request all personal URLs as this customer. Roll back after each, so that they do not affect each other."""
    for name in sorted(set(URLS) - SAME_FOR_ALL):
        browser = Client()
        browser.cookies = copy(customer.cookies)
        with transaction.atomic():
            yield name, getattr(browser, method)(url_for(name, URLS[name], customer), headers={"Accept": "text/html"})
            transaction.set_rollback(True)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["get", "post"])
def test_personal_responses_are_not_cached(customer: Client, method: str) -> None:
    responses = dict(request_personal_urls(customer, method))
    assert [name for name, answer in responses.items() if not is_uncacheable(answer)] == []
    assert {answer.status_code for answer in responses.values() if not answer.content} <= {302}  # no empty pages
    assert len(responses) > 40


@pytest.mark.sampled(10)
@pytest.mark.parametrize("name", sorted(URLS))
def test_response_with_a_cookie_is_not_cached(client: Client, name: str) -> None:
    make_product(title="Teal mug")
    for response in (client.get(url_for(name, URLS[name], client)), Client().post(url_for(name, URLS[name], client))):
        assert is_uncacheable(response) or not response.cookies


def test_redirect_after_adding_to_the_cart_is_not_cached(client: Client) -> None:
    response = add_to_cart(client, make_product())
    assert (response.status_code, bool(response.cookies), is_uncacheable(response)) == (302, True, True)


def test_error_page_with_a_cart_is_not_cached(client: Client) -> None:
    add_to_cart(client, make_product(), 3)
    response = client.get("/nothing/")
    assert "data-cart-items>3<" in response.text
    assert is_uncacheable(response)


@pytest.mark.parametrize("page", ["/", "/products/", "/products/teal-mug/"])
def test_catalog_can_be_cached_for_visitors_without_a_session(client: Client, page: str) -> None:
    make_product(title="Teal mug")
    response = client.get(page)
    assert response.headers["Cache-Control"] == "no-cache"  # caches have to ask whether it has changed
    assert not response.cookies


ADMIN_PAGES = ["index", "password_change", "jsi18n", "products_product_changelist", "accounts_user_add", "login"]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", ADMIN_PAGES)
@pytest.mark.parametrize("is_staff", [True, False])
def test_admin_pages_are_not_cached(client: Client, name: str, is_staff: bool) -> None:
    client.force_login(make_user("boss@example.org", is_staff=is_staff, is_superuser=is_staff))
    assert is_uncacheable(client.get(reverse(f"admin:{name}")))


@pytest.mark.slow
def test_admin_object_pages_are_not_cached(client: Client) -> None:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    product = make_product()
    for page in ("change", "history", "delete"):
        assert is_uncacheable(client.get(reverse(f"admin:products_product_{page}", args=[product.pk]))), page
