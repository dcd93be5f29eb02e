"""Tests that fields of the admin have names that screen readers read out."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from products.models import Picture
from tests.makers import make_carrier, make_intact_order, make_product
from tests.markup import Element, parse_html

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
UNNAMED_TYPES = ("hidden", "submit", "button")


def product_form() -> str:
    product = make_product()
    Picture.objects.create(product=product, image_alt="handle")
    return reverse("admin:products_product_change", args=[product.pk])


def product_list() -> str:
    make_product()
    return reverse("admin:products_product_changelist")


def carrier_list() -> str:
    make_carrier()
    return reverse("admin:orders_carrier_changelist")


def customer_list() -> str:
    return reverse("admin:billing_billingprofile_changelist")


def correction() -> str:
    return reverse("admin:orders_order_correct_address", args=[make_intact_order().pk])


def fields_of(client: Client, url: str) -> tuple[Element, list[Element]]:
    """Return the page, and its fields that staff see."""
    root = parse_html(client.get(url).text)
    fields = [field for tag in ("input", "select", "textarea") for field in root.all(tag)]
    return root, [field for field in fields if field.attrs.get("type") not in UNNAMED_TYPES]


def is_readable(label: Element) -> bool:
    """Whether the label has a text, or a picture with one."""
    return bool(label.text or any(image.attrs.get("alt") for image in label.all("img")))


@pytest.mark.parametrize("make_page", [product_form, product_list, carrier_list, customer_list, correction])
def test_fields_have_a_label(admin_client: Client, make_page: Callable[[], str]) -> None:
    root, fields = fields_of(admin_client, make_page())
    labeled = {label.attrs.get("for") for label in root.all("label") if is_readable(label)}
    unnamed = [field.attrs.get("name") for field in fields if not field.attrs.get("aria-label")]
    known = [field.attrs.get("name") for field in fields if field.attrs.get("id") in labeled]
    assert [name for name in unnamed if name not in known] == []


def test_fields_of_an_editable_list_name_their_row(admin_client: Client) -> None:
    make_carrier(name="Royal Post")
    _root, fields = fields_of(admin_client, reverse("admin:orders_carrier_changelist"))
    labels = [field.attrs.get("aria-label") for field in fields if field.attrs.get("name", "").startswith("form-0-")]
    assert labels == ["Position: Royal Post", "Active: Royal Post"]


def test_fields_of_an_editable_list_refer_to_no_missing_help_text(admin_client: Client) -> None:
    _root, fields = fields_of(admin_client, carrier_list())
    assert not any("aria-describedby" in field.attrs for field in fields)


def test_search_for_customers_has_a_label_with_text(admin_client: Client) -> None:
    root, _fields = fields_of(admin_client, customer_list())
    assert root.one("label", for_="searchbar").text == "Search"


def test_only_text_fields_of_a_correction_turn_off_autocomplete(admin_client: Client) -> None:
    root = parse_html(admin_client.get(correction()).text)
    fields = [field for field in root.all("input") if field.attrs.get("type") in ("hidden", "checkbox")]
    assert not any("autocomplete" in field.attrs for field in fields)


def test_login_page_has_a_heading(client: Client) -> None:
    assert [h1.text.strip() for h1 in parse_html(client.get(reverse("admin:login")).text).all("h1")] == ["Log in"]
