"""Tests for the note next to prices, which says what they include and what is added to them."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from carts.models.rates import ShippingMethod, TaxRate
from core.models import Page
from core.pages.publishing import unpublish
from tests.lawful_shop import make_page
from tests.makers import make_product, make_tax
from tests.markup import Element, parse_html

pytestmark = pytest.mark.django_db


def notes(page: str) -> list[Element]:
    """Return the notes of a page."""
    return list(parse_html(page).all("p", class_="price-note"))


def note(client: Client, path: str = "/products/") -> str:
    """Return the text of the only note of a page, or "" if there is none."""
    found = notes(client.get(path).text)
    return found[0].text if found else ""


@pytest.fixture(autouse=True)
def product() -> Any:
    ShippingMethod.objects.update(free_from=None)
    return make_product()


@pytest.mark.parametrize(
    ("has_tax", "is_included", "price", "expected"),
    [
        (True, True, 5, "Including tax, plus delivery from £5.00"),
        (True, True, 0, "Including tax and delivery"),
        (True, False, 5, "Plus tax and delivery from £5.00"),
        (True, False, 0, "Plus tax; delivery is free"),
        (False, True, 5, "Plus delivery from £5.00"),
        (False, True, 0, "Delivery is free"),
    ],
)
def test_note_follows_tax_rates_and_delivery_methods(
    client: Client, settings: Any, has_tax: bool, is_included: bool, price: int, expected: str
) -> None:
    settings.PRICES_INCLUDE_TAX = is_included
    ShippingMethod.objects.update(price=Decimal(price))
    if has_tax:
        make_tax()
    assert note(client) == expected


def test_note_names_the_lowest_price_and_limit_of_methods_for_the_same_countries(client: Client) -> None:
    ShippingMethod.objects.update(price=5, free_from=60)
    ShippingMethod.objects.create(title="Letter", price=3)
    assert note(client) == "Plus delivery from £3.00, free from £60.00"


def test_note_names_no_amount_if_delivery_depends_on_the_country(client: Client) -> None:
    ShippingMethod.objects.update(price=5)
    ShippingMethod.objects.create(title="Island", price=9, countries="IE")
    assert note(client) == "Plus delivery"


def test_note_names_no_amount_if_one_method_is_free(client: Client) -> None:
    ShippingMethod.objects.update(price=5)
    ShippingMethod.objects.create(title="Collect", price=0)
    assert note(client) == "Plus delivery"


def test_inactive_rates_and_methods_do_not_count(client: Client) -> None:
    make_tax(active=False)
    ShippingMethod.objects.update(price=0)
    ShippingMethod.objects.create(title="Old", price=5, active=False)
    assert note(client) == "Delivery is free"


def test_shop_without_delivery_methods_shows_no_note(client: Client) -> None:
    ShippingMethod.objects.all().delete()
    assert notes(client.get("/products/").text) == []


@pytest.mark.parametrize("path", ["/", "/products/", "/products/?q=mug", "/products/?q=xyzzy", "product"])
def test_every_page_with_prices_shows_the_note(client: Client, product: Any, path: str) -> None:
    ShippingMethod.objects.update(price=5)
    assert note(client, product.get_absolute_url() if path == "product" else path) == "Plus delivery from £5.00"


def test_note_links_to_the_page_about_delivery_while_it_is_published(client: Client) -> None:
    ShippingMethod.objects.update(price=5)
    assert not list(notes(client.get("/products/").text)[0].all("a"))
    make_page("delivery", "en-gb", "We use the post.")
    assert notes(client.get("/products/").text)[0].one("a").attrs["href"] == "/pages/delivery-en-gb/"
    unpublish(Page.objects.get(kind="delivery"))
    assert not list(notes(client.get("/products/").text)[0].all("a"))


def test_stored_pages_show_a_changed_rate_or_method_at_once(client: Client, product: Any) -> None:
    cache.clear()
    ShippingMethod.objects.update(price=5)
    path = product.get_absolute_url()
    seen = [note(client, path)]
    rate = make_tax()
    seen.append(note(client, path))
    ShippingMethod.objects.update(price=0)
    seen.append(note(client, path))
    TaxRate.objects.filter(pk=rate.pk).update(active=False)
    seen.append(note(client, path))
    assert seen == [
        "Plus delivery from £5.00", "Including tax, plus delivery from £5.00", "Including tax and delivery",
        "Delivery is free",
    ]  # fmt: skip


def test_note_is_in_the_language_of_the_page(client: Client) -> None:
    ShippingMethod.objects.update(price=5)
    make_tax()
    page = client.get("/products/", headers={"accept-language": "de"}).text
    assert notes(page)[0].text == "inkl. MwSt., zzgl. Versand ab 5,00 £"
