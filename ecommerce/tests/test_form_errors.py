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
from billing.simulator.server import Simulator
from ecommerce.tests.makers import ADDRESS, add_to_cart, buy, give_details, make_product, make_user, place_order
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


FORMS = [
    log_in, log_in_as_nobody, sign_up, go_on_as_guest, forget_password, choose_password, change_password,
    give_bad_details, give_bad_address,
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
    assert_keeps_what_was_typed(page, answer.wsgi_request.POST)


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


# Where the answer is another page, what was wrong is told there


def assert_tells_the_problem(page: Element, words: str) -> None:
    assert page.one("title").text.startswith("Error: ")
    summary = page.one("div", class_="error-summary")
    assert (summary.attrs["role"], summary.one("li").text) == ("alert", words)
    assert list(page.all(autofocus="")) == [summary]


@pytest.mark.django_db
def test_cart_that_cannot_do_what_was_asked_tells_so_with_the_focus(client: Client) -> None:
    product = make_product()
    answer = add_to_cart(client, product, action="set", quantity=-1)
    assert_tells_the_problem(read(client.get(answer.url).text), "Please check: Quantity. It must be 0 or more.")
    page = read(client.get("/cart/").text)
    assert page.one("title").text.startswith("Cart")


@pytest.mark.django_db
def test_pay_step_without_a_card_leads_to_the_field_for_it(client: Client) -> None:
    add_to_cart(client, make_product())
    give_details(client)
    page = read(client.get(place_order(client, "new").url).text)
    assert_tells_the_problem(page, "Choose a card on file or enter a new one. Entering one needs JavaScript.")
    assert page.one("a", href="#card").text
    assert page.one("fieldset", id="card").attrs["tabindex"] == "-1"


@pytest.mark.django_db
def test_order_that_is_paid_again_without_a_card_leads_to_the_field_for_it(
    client: Client, simulator: Simulator
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    page = read(client.post(f"{order.get_absolute_url()}pay/", {"card": "0"}, follow=True).text)
    assert_tells_the_problem(page, "Choose a card on file or enter a new one. Entering one needs JavaScript.")
    assert page.one("a", href="#card").text
