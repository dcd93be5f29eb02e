"""Forms with errors: a summary with the focus, a link to each field, the same words there, nothing typed lost."""

from collections.abc import Callable
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.mailbox import new_password, reset_page
from addresses.countries import country_choices
from addresses.forms import AddressForm
from addresses.models import Address
from billing.models import BillingProfile
from ecommerce.tests.makers import ADDRESS, add_to_cart, make_category, make_product, make_user
from ecommerce.tests.markup import Element, read
from ecommerce.tests.visitors import sign_in

ODD = """<b>"Gia" & 'Bo'</b> %s {{ x }}"""  # what could break out of an attribute


def log_in(client: Client) -> Any:
    return client.post("/accounts/login/", {"email": "nobody@example.org", "password": "wrong"})


def log_in_as_nobody(client: Client) -> Any:
    return client.post("/accounts/login/", {"email": ODD, "password": ""})


def sign_up(client: Client) -> Any:
    return client.post("/accounts/signup/", {"name": ODD, "email": "alice", "password": "short"})


def go_on_as_guest(client: Client) -> Any:
    return client.post("/accounts/guest/", {"email": ODD})


def forget_password(client: Client) -> Any:
    return client.post("/accounts/password-reset/", {"email": ODD})


def choose_password(client: Client) -> Any:
    make_user()
    return client.post(reset_page(client), new_password("a long walk home", "another walk"))


def change_password(client: Client) -> Any:
    sign_in(client, make_user())
    return client.post("/accounts/password-change/", {"old_password": "wrong"} | new_password("short"))


def give_bad_details(client: Client) -> Any:
    add_to_cart(client, make_product())
    billing = {"billing-country": "US", "billing-city": ODD, "billing-state": "NV", "billing-postal_code": "10001"}
    shipping = {"shipping-country": "JP", "shipping-name": ODD, "shipping-line_1": "x" * 130}
    return client.post("/cart/checkout/", shipping | billing | {"email": "guest@"})


def give_bad_address(client: Client) -> Any:
    sign_in(client, make_user())
    add_to_cart(client, make_product())
    return client.post("/addresses/check/", ADDRESS | {"line_1": ODD, "name": "", "postal_code": "12345"})


def signed_in(client: Client, address: str, **typed: str) -> Any:
    sign_in(client, make_user())
    return client.post(address, typed)


def add_bad_address(client: Client) -> Any:
    return signed_in(client, "/addresses/add/", **ADDRESS | {"line_1": ODD, "city": "", "postal_code": "12345"})


def edit_address_badly(client: Client) -> Any:
    """Its errors on the address of another country, whose fields stand in another order."""
    user = make_user()
    sign_in(client, user)
    profile = BillingProfile.objects.get(user=user)
    address = Address.objects.create(billing_profile=profile, **ADDRESS)
    wrong = {"country": "US", "name": ODD, "state": "", "postal_code": "x"}
    return client.post(f"/addresses/{address.pk}/", ADDRESS | wrong)


def change_name(client: Client) -> Any:
    return signed_in(client, "/accounts/name/", name=ODD * 20)


def change_email(client: Client) -> Any:
    return signed_in(client, "/accounts/email/", email=ODD, password="wrong")


def change_email_to_the_same(client: Client) -> Any:
    return signed_in(client, "/accounts/email/", email="alice@example.org", password="")


def download_data(client: Client) -> Any:
    return signed_in(client, "/accounts/data/", password="wrong")


def delete_account(client: Client) -> Any:
    return signed_in(client, "/accounts/delete/", password="wrong")


def filter_by_no_price(client: Client) -> Any:
    make_category("Mugs")
    return client.get("/products/", {"price_from": ODD, "price_to": "-1", "category": "mugs", "sort": "price"})


def search_with_no_price(client: Client) -> Any:
    return client.get("/products/", {"q": "mug", "price_from": "x", "price_to": "12.50"})


FORMS = [
    log_in, log_in_as_nobody, sign_up, go_on_as_guest, forget_password, choose_password, change_password,
    give_bad_details, give_bad_address, add_bad_address, edit_address_badly, change_name, change_email,
    change_email_to_the_same, download_data, delete_account, filter_by_no_price, search_with_no_price,
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("send", FORMS, ids=lambda send: send.__name__)
def test_form_with_errors_tells_them_keeps_what_was_typed_and_has_the_focus(
    client: Client, send: Callable[[Client], Any]
) -> None:
    answer = send(client)
    page = read(answer.text)
    assert page.one("title").text.startswith("Error: ")
    assert page.one("title").text.count("Error") == 1
    assert_tells_its_errors(page)
    assert_keeps_what_was_typed(page, answer.wsgi_request.POST or answer.wsgi_request.GET)


def assert_tells_its_errors(page: Element) -> None:
    """The summary has the focus and a link to each field that is wrong, where the same words stand."""
    summary = page.one("div", class_="error-summary")
    assert (summary.attrs["role"], summary.attrs["tabindex"]) == ("alert", "-1")
    assert list(page.all(autofocus="")) == [summary]
    assert summary.one("h2").text == "There is a problem"
    links = [(link.attrs["href"][1:], link.text) for link in summary.all("a")]
    assert len(links) == len(list(summary.all("li"))) > 0
    for place, words in links:
        field = page.one(id=place)
        notes = [page.one(id=note).text for note in field.attrs["aria-describedby"].split()]
        assert any(words in note for note in notes)
        assert page.one("label", for_=place).text
    wrong = [element.attrs["id"] for element in page.all(aria_invalid="true")]
    assert wrong == list(dict.fromkeys(place for place, _words in links))


def assert_keeps_what_was_typed(page: Element, typed: Any) -> None:
    """But for passwords."""
    for field in page.all("input"):
        name, kind = field.attrs.get("name", ""), field.attrs.get("type")
        is_other_form = field.attrs.get("id", "").startswith("login-")
        if kind == "password":
            assert not field.attrs.get("value")
        elif kind in ("text", "email") and name in typed and not is_other_form:
            assert field.attrs.get("value", "") == typed[name], name
    for field in page.all("select"):
        if field.attrs["name"] in typed:
            assert field.one("option", selected="").attrs["value"] == typed[field.attrs["name"]]


@settings(max_examples=12, deadline=None)
@given(country=st.sampled_from([code for code, _name in country_choices()]))
def test_address_form_of_any_country_tells_its_errors(country: str) -> None:
    typed = {"country": country, "name": " ", "line_2": ODD, "postal_code": "\x00", "state": ""}
    form = AddressForm(typed)
    names = ("snippets/form_errors.html", "addresses/snippets/address_fields.html")
    page = read("".join(render_to_string(name, {"forms": [form], "form": form}) for name in names))
    assert_tells_its_errors(page)
    assert page.one("input", name="line_2").attrs["value"] == ODD
    assert page.one("details").attrs.keys() == {"class", "open"}
