"""Tests that each page stays within its budget, and that a new page has one."""

import gzip
from collections.abc import Iterable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from addresses.models import Address
from billing.models import BillingProfile
from core.models import Page
from core.pages.sample_pages import add_sample_pages
from orders.models import Order
from products.management import generated
from products.models import Product
from stripe_simulator.server import Simulator
from tests.budgets import CUSTOMER, LARGE_CART, STRANGER, Budget
from tests.makers import ADDRESS, add_to_cart, buy, make_user
from tests.test_cache_headers import URLS
from tests.visitors import count_queries, sign_in

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
PICTURES = [generated.SharedPicture(f"products/shared-{number}.webp", 1200, 900) for number in range(5)]
QUERIES = [
    "products:list ?page=2",
    "products:list ?category=kitchen",
    "products:list ?price_from=10&price_to=60&in_stock=1&sort=price",
    "products:list ?q=porcelain+mug",
]
Figures = dict[str, Budget]


@pytest.fixture
def product() -> Product:
    """Fill the shop with 60 products and sample pages, and return a product with variants and two pictures."""
    add_sample_pages()
    categories = generated.create_categories()
    products = Product.objects.bulk_create(generated.products_of(range(60), categories, PICTURES))
    for picture in generated.additional_pictures(products, PICTURES):
        picture.save()
    Product.objects.filter(stock__lt=20).exclude(stock=0).update(stock=20)  # the tests buy some
    return Product.objects.get(sku="LOAD-000012")


@pytest.fixture
def customer(client: Client, product: Product, simulator: Simulator) -> Client:
    """Return a signed-in customer with an address in the address book, an order and five lines in the cart."""
    sign_in(client, make_user())
    buy(client, product)
    Address.objects.create(billing_profile=BillingProfile.objects.get(), **ADDRESS)
    fill(client, 5)
    return client


def fill(client: Client, lines: int) -> None:
    """Put so many products into the cart, and show it."""
    for row in Product.objects.exclude(stock=0).order_by("pk")[:lines]:
        add_to_cart(client, row)
    client.get("/cart/")


def path_of(key: str, product: Product) -> str:
    """Return the path of a page: the name of its URL, with a query string after a space."""
    name, _space, query = key.partition(" ")
    address, order = Address.objects.last(), Order.objects.placed().last()
    values: dict[str, Any] = {
        "slug": "terms" if name == "pages:detail" else product.slug,
        "number": Page.objects.get(slug="terms").latest_text().pk,
        "path": "nothing.webp",
        "pk": address.pk if address else 1,
        "part": 0,
        "order_id": order.order_id if order else "X",
    }
    return reverse(name, kwargs={argument: values.get(argument, "x") for argument in URLS[name]}) + query


def look_at(client: Client, keys: Iterable[str], product: Product) -> Figures:
    """Return the figures of the pages that are HTML, each for a second look."""
    found = {}
    for key in keys:
        path = path_of(key, product)
        client.get(path)
        with count_queries() as queries:
            answer = client.get(path)
        if answer.status_code == 200 and "html" in answer.headers["Content-Type"]:
            body = answer.content
            found[key] = Budget(len(queries), len(body), len(gzip.compress(body, 6)))
    for key, figures in found.items():
        print(f'    "{key}": Budget{tuple(figures)},')  # noqa: T201 - `pytest -s` shows them
    return found


def over(found: Figures, budgets: Figures) -> dict[str, str]:
    """Return the pages that exceed their budget, or have none."""
    return {
        key: f"{tuple(figures)} of {tuple(budgets[key])}" if key in budgets else "no budget"
        for key, figures in found.items()
        if key not in budgets or any(used > most for used, most in zip(figures, budgets[key], strict=True))
    }


def test_pages_of_a_stranger_stay_within_their_budgets(client: Client, product: Product) -> None:
    found = look_at(client, [*URLS, *QUERIES], product)
    assert (over(found, STRANGER), set(STRANGER) - set(found)) == ({}, set())


def test_pages_of_a_customer_stay_within_their_budgets(customer: Client, product: Product) -> None:
    found = look_at(customer, [*URLS, *QUERIES], product)
    assert (over(found, CUSTOMER), set(CUSTOMER) - set(found)) == ({}, set())


def test_fifty_lines_stay_within_their_budgets(client: Client, product: Product) -> None:
    fill(client, 50)
    found = look_at(client, LARGE_CART, product)
    assert over(found, LARGE_CART) == {}


def test_page_over_its_budget_or_without_one_is_found() -> None:
    budgets = {"home": Budget(1, 100, 50), "list": Budget(1, 100, 50)}
    found = {"home": Budget(1, 100, 51), "list": Budget(1, 99, 50), "new": Budget(0, 1, 1)}
    assert over(found, budgets) == {"home": "(1, 100, 51) of (1, 100, 50)", "new": "no budget"}
