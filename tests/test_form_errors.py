"""Tests for form errors: a focused summary, a link to each field, the same message there, and preserved input."""

from collections.abc import Callable
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.mailbox import new_password_data, open_reset_link
from addresses.countries import country_choices
from addresses.forms import AddressForm
from addresses.models import Address
from billing.models import BillingProfile
from orders.links import order_url
from orders.models import Order
from tests.makers import ADDRESS, add_to_cart, make_category, make_paid_order, make_product, make_user
from tests.markup import Element, parse_html
from tests.visitors import sign_in

ODD = """<b>"Gia" & 'Bo'</b> %s {{ x }}"""  # could break out of an attribute


def log_in_with_a_wrong_password(client: Client) -> Any:
    return client.post("/accounts/login/", {"email": "nobody@example.org", "password": "wrong"})


def log_in_with_invalid_email(client: Client) -> Any:
    return client.post("/accounts/login/", {"email": ODD, "password": ""})


def sign_up_with_errors(client: Client) -> Any:
    return client.post("/accounts/signup/", {"name": ODD, "email": "alice", "password": "short"})


def continue_as_guest_with_invalid_email(client: Client) -> Any:
    return client.post("/accounts/guest/", {"email": ODD})


def request_reset_for_invalid_email(client: Client) -> Any:
    return client.post("/accounts/password-reset/", {"email": ODD})


def set_different_passwords(client: Client) -> Any:
    make_user()
    return client.post(open_reset_link(client), new_password_data("a long walk home", "another walk"))


def change_password_with_errors(client: Client) -> Any:
    sign_in(client, make_user())
    return client.post("/accounts/password-change/", {"old_password": "wrong"} | new_password_data("short"))


def submit_invalid_details(client: Client) -> Any:
    add_to_cart(client, make_product())
    billing = {"billing-country": "US", "billing-city": ODD, "billing-state": "NV", "billing-postal_code": "10001"}
    shipping = {"shipping-country": "JP", "shipping-name": ODD, "shipping-line_1": "x" * 130}
    return client.post("/cart/checkout/", shipping | billing | {"email": "guest@"})


def check_invalid_address(client: Client) -> Any:
    sign_in(client, make_user())
    add_to_cart(client, make_product())
    return client.post("/addresses/check/", ADDRESS | {"line_1": ODD, "name": "", "postal_code": "12345"})


def post_signed_in(client: Client, path: str, **data: str) -> Any:
    sign_in(client, make_user())
    return client.post(path, data)


def add_invalid_address(client: Client) -> Any:
    return post_signed_in(client, "/addresses/add/", **ADDRESS | {"line_1": ODD, "city": "", "postal_code": "12345"})


def edit_address_with_errors(client: Client) -> Any:
    """Change the country to one whose fields are in another order, with errors."""
    user = make_user()
    sign_in(client, user)
    profile = BillingProfile.objects.get(user=user)
    address = Address.objects.create(billing_profile=profile, **ADDRESS)
    changes = {"country": "US", "name": ODD, "state": "", "postal_code": "x"}
    return client.post(f"/addresses/{address.pk}/", ADDRESS | changes)


def change_name_to_too_long(client: Client) -> Any:
    return post_signed_in(client, "/accounts/name/", name=ODD * 20)


def change_to_invalid_email(client: Client) -> Any:
    return post_signed_in(client, "/accounts/email/", email=ODD, password="wrong")


def change_to_current_email(client: Client) -> Any:
    return post_signed_in(client, "/accounts/email/", email="alice@example.org", password="")


def download_data_with_wrong_password(client: Client) -> Any:
    return post_signed_in(client, "/accounts/data/", password="wrong")


def delete_account_with_wrong_password(client: Client) -> Any:
    return post_signed_in(client, "/accounts/delete/", password="wrong")


def filter_by_invalid_prices(client: Client) -> Any:
    make_category("Mugs")
    return client.get("/products/", {"price_from": ODD, "price_to": "-1", "category": "mugs", "sort": "price"})


def search_with_invalid_price(client: Client) -> Any:
    return client.get("/products/", {"q": "mug", "price_from": "x", "price_to": "12.50"})


def withdraw_with_errors(client: Client) -> Any:
    data = {"name": "", "order_number": ODD[:40], "email": "guest@", "scope": "items", "items": ""}
    return client.post("/orders/withdraw/", data)


def withdraw_without_a_choice(client: Client) -> Any:
    data = {"name": ODD, "order_number": "", "email": "", "scope": "", "items": "x" * 501}
    return client.post("/orders/withdraw/confirm/", data)


def open_by_link(client: Client, order: Order) -> str:
    """Open the order with its emailed link. Return the path of its form to withdraw."""
    client.get(order_url(order).removeprefix("http://127.0.0.1:8000"))
    return f"/orders/{order.order_id}/withdraw/"


def withdraw_from_no_line(client: Client) -> Any:
    order = make_paid_order()
    data = {"name": ODD, "email": "guest@example.org", "scope": "items", f"line_{order.items.get().pk}": "0"}
    return client.post(open_by_link(client, order), data)


def withdraw_from_too_many_units(client: Client) -> Any:
    order = make_paid_order()
    return client.post(open_by_link(client, order), {"name": "", f"line_{order.items.get().pk}": "9"})


def find_order_with_errors(client: Client) -> Any:
    return client.post("/orders/find/", {"order_number": "x" * 41, "email": ODD})


FORMS = [
    log_in_with_a_wrong_password, log_in_with_invalid_email, sign_up_with_errors,
    continue_as_guest_with_invalid_email, request_reset_for_invalid_email, set_different_passwords,
    change_password_with_errors, submit_invalid_details, check_invalid_address, add_invalid_address,
    edit_address_with_errors, change_name_to_too_long, change_to_invalid_email, change_to_current_email,
    download_data_with_wrong_password, delete_account_with_wrong_password, filter_by_invalid_prices,
    search_with_invalid_price, withdraw_with_errors, withdraw_without_a_choice, withdraw_from_no_line,
    withdraw_from_too_many_units, find_order_with_errors,
]  # fmt: skip


@pytest.mark.sampled(5)
@pytest.mark.django_db
@pytest.mark.parametrize("send", FORMS, ids=lambda send: send.__name__)
def test_form_with_errors_shows_a_focused_summary_and_keeps_the_input(
    client: Client, send: Callable[[Client], Any]
) -> None:
    response = send(client)
    page = parse_html(response.text)
    assert page.one("title").text.startswith("Error: ")
    assert page.one("title").text.count("Error") == 1
    assert_shows_errors(page)
    assert_keeps_input(page, response.wsgi_request.POST or response.wsgi_request.GET)


def assert_shows_errors(page: Element) -> None:
    """Check that the summary has the focus and links to each invalid field, which shows the same message."""
    summary = page.one("div", class_="error-summary")
    assert (summary.attrs["role"], summary.attrs["tabindex"]) == ("alert", "-1")
    assert list(page.all(autofocus="")) == [summary]
    assert summary.one("h2").text == "There is a problem"
    links = [(link.attrs["href"][1:], link.text) for link in summary.all("a")]
    assert len(links) == len(list(summary.all("li"))) > 0
    for field_id, message in links:
        field = page.one(id=field_id)
        notes = [page.one(id=note_id).text for note_id in field.attrs["aria-describedby"].split()]
        assert any(message in note for note in notes)
        assert page.one("label", for_=field_id).text
    invalid = [element.attrs["id"] for element in page.all(aria_invalid="true")]
    assert invalid == list(dict.fromkeys(field_id for field_id, _message in links))


def assert_keeps_input(page: Element, data: Any) -> None:
    """Check that the fields keep the submitted values, except passwords."""
    for field in page.all("input"):
        name, kind = field.attrs.get("name", ""), field.attrs.get("type")
        is_other_form = field.attrs.get("id", "").startswith("login-")
        if kind == "password":
            assert not field.attrs.get("value")
        elif kind in ("text", "email") and name in data and not is_other_form:
            assert field.attrs.get("value", "") == data[name], name
    for field in page.all("select"):
        if field.attrs["name"] in data:
            assert field.one("option", selected="").attrs["value"] == data[field.attrs["name"]]


@settings(max_examples=12, deadline=None)
@given(country=st.sampled_from([code for code, _name in country_choices()]))
@pytest.mark.slow
def test_address_form_of_any_country_shows_its_errors(country: str) -> None:
    data = {"country": country, "name": " ", "line_2": ODD, "postal_code": "\x00", "state": ""}
    form = AddressForm(data)
    names = ("snippets/form_errors.html", "addresses/snippets/address_fields.html")
    page = parse_html("".join(render_to_string(name, {"forms": [form], "form": form}) for name in names))
    assert_shows_errors(page)
    assert page.one("input", name="line_2").attrs["value"] == ODD
    assert page.one("details").attrs.keys() == {"class", "open"}
