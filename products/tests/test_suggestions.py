"""Tests for the suggestions of the search field."""

import pytest
from django.test import Client

from core.models import Page
from core.pages.publishing import publish
from products.models import Product
from tests.makers import make_category, make_product
from tests.markup import Element, parse_html

pytestmark = pytest.mark.django_db
URL = "/search/suggestions/"


def suggestions(client: Client, text: str) -> list[tuple[str, str]]:
    """Return the texts and the URLs of the options for this text."""
    response = client.get(URL, {"q": text})
    assert response.status_code == 200
    return [(option.text.strip(), option.attrs["href"]) for option in options(parse_html(response.text))]


def options(page: Element) -> list[Element]:
    return [link for link in page.all("a") if link.attrs.get("role") == "option"]


def test_beginning_of_a_word_suggests_products(client: Client) -> None:
    mug = make_product(title="Teal mug")
    make_product(title="Lamp")
    assert suggestions(client, "mu") == [("Teal mug", mug.get_absolute_url())]


def test_misspelled_word_suggests_products_of_the_corrected_one(client: Client) -> None:
    mug = make_product(title="Stoneware mug")
    assert suggestions(client, "stonewear") == [("Stoneware mug", mug.get_absolute_url())]


def test_word_of_a_title_suggests_categories_and_pages(client: Client) -> None:
    category = make_category("Delivery vans")
    make_product(title="Toy", category=category)
    publish(Page.objects.create(kind="delivery", slug="delivery", title="Delivery", draft="By van."))
    expected = [("Delivery vans", category.get_absolute_url()), ("Delivery", "/pages/delivery/")]
    assert [row for row in suggestions(client, "deliv") if row in expected] == expected


@pytest.mark.parametrize("text", ["", " ", "m", "zzzzzz"])
def test_nothing_is_suggested_for_texts_that_are_too_short_or_unknown(client: Client, text: str) -> None:
    make_product(title="Teal mug")
    assert suggestions(client, text) == []


def test_products_off_sale_are_not_suggested(client: Client) -> None:
    product = make_product(title="Teal mug")
    suggestions(client, "mug")
    Product.objects.filter(pk=product.pk).update(active=False)
    assert suggestions(client, "mug") == []


def test_at_most_five_products_are_suggested(client: Client) -> None:
    for number in range(7):
        make_product(title=f"Mug {number}")
    assert len(suggestions(client, "mug")) == 5


@pytest.mark.parametrize("text", ["<script>", "mug' OR 1=1", "a" * 5000, "%", '"*'])
def test_hostile_texts_end_in_an_answer(client: Client, text: str) -> None:
    make_product(title="Teal mug")
    assert "<script" not in client.get(URL, {"q": text}).text


def test_answer_is_not_for_search_engines(client: Client) -> None:
    assert client.get(URL, {"q": "mug"})["X-Robots-Tag"] == "noindex"
