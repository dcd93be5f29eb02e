"""Tests of adding to the cart in a list, as a redirect back to the card and as JSON for its script."""

import pytest
from django.test import Client

from carts.models import CartItem
from products.models import Product
from tests.makers import make_product

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


def add(client: Client, product_id: object, **options: object) -> object:
    data = {"product_id": product_id, "in_list": "1", "next": "/products/?page=2"}
    return client.post("/cart/update/", data, **options)  # type: ignore[arg-type]


def test_adding_in_a_list_leads_back_to_the_card(client: Client) -> None:
    product = make_product()
    assert add(client, product.pk).url == f"/products/?page=2#product-{product.pk}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("product_id", ["x", "999"])
def test_error_leads_to_the_top_of_the_list(client: Client, product_id: str) -> None:
    assert add(client, product_id).url == "/products/?page=2"  # type: ignore[attr-defined]


def test_script_gets_the_message_and_the_number_of_items(client: Client) -> None:
    product = make_product(title="Mug")
    response = add(client, product.pk, headers=JSON)
    answer = {"done": True, "messages": ["Now in your cart: 1 × Mug."], "count": 1}
    assert response.json() == answer  # type: ignore[attr-defined]
    assert "no-store" in response["Cache-Control"]  # type: ignore[index]
    assert "Now in your cart" not in client.get("/products/").text


def test_script_gets_the_same_limits(client: Client) -> None:
    product = make_product(title="Mug", stock=1)
    add(client, product.pk, headers=JSON)
    response = add(client, product.pk, headers=JSON)
    text = "That is all we have in stock: your cart now has 1 × Mug."
    assert (response.json()["messages"], response.json()["count"]) == ([text], 1)  # type: ignore[attr-defined]
    Product.objects.update(active=False)
    response = add(client, make_product(active=False).pk, headers=JSON)
    assert response.json()["done"] is False  # type: ignore[attr-defined]
    assert CartItem.objects.get().quantity == 1


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_other_sites_cannot_add_with_json(headers: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)
    assert add(client, make_product().pk, headers=JSON | headers).status_code == 403  # type: ignore[attr-defined]
    assert not CartItem.objects.exists()
