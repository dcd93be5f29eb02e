"""Tests that a placed order is what the pressed page showed, even if another tab or staff changed something since."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import translation

from addresses.models import Address
from carts.models import Cart
from carts.models.rates import ShippingMethod, TaxRate
from carts.pricing.agreement import SALT
from orders.models import Order
from orders.workflow.placing import OrderRejected, place
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import (
    ADDRESS,
    PASSWORD,
    add_card,
    add_to_cart,
    buy,
    make_discount,
    make_product,
    make_tax,
    make_user,
    shown_facts,
    submit_details,
)
from tests.markup import parse_html
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
CHECKOUT = reverse("carts:checkout")
ANNA = ADDRESS | {"name": "Anna", "line_1": "1 Right Street"}
BOB = ADDRESS | {"name": "Bob", "line_1": "99 Other Road"}


def rejection(shown: dict[str, Any]) -> str:
    """Return the messages that reject the only order as shown. Fail if it is placed."""
    with pytest.raises(OrderRejected) as caught:
        place(Order.objects.get(), shown)
    assert not Order.objects.placed().exists()
    return " ".join(caught.value.problems)


@pytest.fixture
def anna(client: Client) -> Client:
    """Return a guest at the payment step, with VAT, a discount code and optional details."""
    make_tax()
    make_discount("TEN")
    add_to_cart(client, make_product(title="Teal mug"))
    add_details(client)
    Cart.objects.get().store_choices(discount_code="TEN")
    return client


@pytest.fixture
def member(client: Client) -> Client:
    """Return a signed-in shopper at the payment step."""
    client.force_login(make_user())
    add_to_cart(client, make_product())
    submit_details(client, **ANNA)
    return client


def add_details(client: Client, **changes: str) -> Any:
    """Submit the details of Anna with optional details."""
    return submit_details(client, "anna@example.org", optional=OPTIONAL | changes, **ANNA)


def save_address(client: Client, kind: str, **data: str) -> None:
    client.post(reverse("addresses:check"), data | {"address_type": kind})


def choose_address(client: Client, kind: str) -> None:
    other = Address.objects.create(billing_profile=Order.objects.get().billing_profile, **BOB)
    client.post(reverse("addresses:update"), {"address_id": other.pk, "address_type": kind})


OPTIONAL = {"phone": "020 7946 0958", "buyer_note": "Ring twice", "gift_message": "Happy birthday"}
BOBS_ADDRESS = "Bob, 99 Other Road, BATH, BA1 1AA, United Kingdom."
NEW_EMAIL = "The email address is now bob@example.org."


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (
            lambda client: submit_details(client, "bob@example.org", **BOB),
            [f"The delivery address is now: {BOBS_ADDRESS}", NEW_EMAIL],
        ),
        (lambda client: submit_details(client, "bob@example.org", **ANNA), [NEW_EMAIL]),
        (lambda client: save_address(client, "shipping", **BOB), [f"The delivery address is now: {BOBS_ADDRESS}"]),
        (lambda client: save_address(client, "billing", **BOB), [f"The billing address is now: {BOBS_ADDRESS}"]),
        (lambda client: choose_address(client, "shipping"), [f"The delivery address is now: {BOBS_ADDRESS}"]),
        (lambda client: choose_address(client, "billing"), [f"The billing address is now: {BOBS_ADDRESS}"]),
        (lambda client: add_details(client, phone="1 23456"), ["The phone number is now: 1 23456."]),
        (lambda client: add_details(client, buyer_note="Ring once"), ["The note is now: “Ring once”"]),
        (lambda client: add_details(client, gift_message="Get well"), ["The gift message is now: “Get well”"]),
        (
            lambda client: submit_details(client, "anna@example.org", **ANNA),
            ["The phone number has been removed.", "The note has been removed.", "The gift message has been removed."],
        ),
    ],
)  # fmt: skip
def test_details_changed_in_another_tab_are_named(
    anna: Client, change: Callable[[Client], Any], messages: list[str]
) -> None:
    shown = shown_facts(Order.objects.get())
    change(anna)
    text = rejection(shown)
    for message in [*messages, "Your order has changed. Please check it before you place it."]:
        assert message in text


@pytest.mark.slow
def test_changed_address_for_both_uses_is_named_once(anna: Client) -> None:
    shown = shown_facts(Order.objects.get())
    submit_details(anna, "anna@example.org", **BOB)
    assert "billing address is now" not in rejection(shown)


def swap_code() -> None:
    make_discount("SAME")
    Cart.objects.get().store_choices(discount_code="SAME")


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: Product.objects.update(title="Blue mug"), "Teal mug is now called Blue mug."),
        (lambda: Product.objects.update(title="Teal Mug"), "Teal mug is now called Teal Mug."),
        (lambda: Product.objects.update(image="products/other.png"), "Teal mug has a new picture."),
        (lambda: ShippingMethod.objects.update(title="Pigeon"), "Delivery is now: Pigeon, £4.95."),
        (lambda: TaxRate.objects.update(title="GST"), "The tax is now: GST 20%, £3.23."),
        (swap_code, "The discount is now: SAME, £1.60."),
    ],
)
def test_text_changed_in_the_shop_is_named(anna: Client, change: Callable[[], Any], message: str) -> None:
    shown = shown_facts(Order.objects.get())
    change()
    assert message in rejection(shown)


@pytest.mark.slow
def test_details_entered_again_as_they_were_are_accepted(anna: Client) -> None:
    shown = shown_facts(Order.objects.get())
    submit_details(anna, "bob@example.org", **BOB)
    add_details(anna)
    assert place(Order.objects.get(), shown)
    assert Order.objects.placed().get().email == "anna@example.org"


# --- members ---


@pytest.mark.slow
def test_address_edited_in_the_address_book_is_named(member: Client) -> None:
    shown = shown_facts(Order.objects.get())
    member.post(reverse("addresses:edit", args=[Address.objects.get().pk]), BOB)
    assert f"The delivery address is now: {BOBS_ADDRESS}" in rejection(shown)


@pytest.mark.slow
def test_address_deleted_from_the_address_book_is_asked_for(member: Client) -> None:
    shown = shown_facts(Order.objects.get())
    member.post(reverse("addresses:delete", args=[Address.objects.get().pk]))
    assert rejection(shown) == "Tell us where to send your order."


@pytest.mark.slow
def test_address_row_edited_in_place_is_named(member: Client) -> None:
    shown = shown_facts(Order.objects.get())
    Address.objects.update(line_1="99 Other Road")
    assert "The delivery address is now: Anna, 99 Other Road" in rejection(shown)


@pytest.mark.slow
def test_email_changed_in_the_account_is_named(member: Client) -> None:
    shown = shown_facts(Order.objects.get())
    member.post(reverse("accounts:email_change"), {"email": "new@example.org", "password": PASSWORD})
    assert "The email address is now new@example.org." in rejection(shown)


# --- pages ---


class Page:
    """The payment step as one tab shows it, with a card of its payer."""

    def __init__(self, client: Client) -> None:
        self.client = client
        tree = parse_html(client.get(CHECKOUT).text)
        form = tree.one("form", data_card_form="")
        self.details = [part.text for part in tree.one("section", class_="address-pair").all("p")]
        self.form = {field.attrs["name"]: field.attrs["value"] for field in form.all("input")}
        self.form["card"] = str(add_card(client).json()["card"])

    def press(self) -> str:
        """Press Place order and return the text of the next page."""
        return parse_html(self.client.post(CHECKOUT, self.form, follow=True).text).text


@pytest.mark.slow
def test_changed_details_are_named_although_the_card_is_missing(anna: Client, simulator: Simulator) -> None:
    page = Page(anna)
    submit_details(anna, "bob@example.org", **ANNA)
    page.form["card"] = ""
    assert NEW_EMAIL in page.press()
    assert not Order.objects.placed().exists()


@pytest.mark.slow
def test_page_after_a_rejection_shows_the_new_details_and_can_be_pressed(anna: Client, simulator: Simulator) -> None:
    page = Page(anna)
    assert [part.partition(" United")[0] for part in page.details] == [
        "Anna 1 Right Street BATH BA1 1AA", "The same address", "anna@example.org",
    ]  # fmt: skip
    submit_details(anna, "bob@example.org", **BOB)
    assert NEW_EMAIL in page.press()
    assert not Order.objects.placed().exists()
    new_page = Page(anna)
    assert [part.partition(" United")[0] for part in new_page.details] == [
        "Bob 99 Other Road BATH BA1 1AA", "The same address", "bob@example.org",
    ]  # fmt: skip
    new_page.press()
    order = Order.objects.placed().get()
    assert (order.email, order.shipping_address_text.splitlines()[0]) == ("bob@example.org", "Bob")


@pytest.mark.slow
def test_note_changed_in_another_tab_is_named_and_then_ordered(anna: Client, simulator: Simulator) -> None:
    page = Page(anna)
    add_details(anna, buyer_note="Ring once")
    assert "The note is now: “Ring once”" in page.press()
    assert not Order.objects.placed().exists()
    Page(anna).press()
    assert Order.objects.placed().get().buyer_note == "Ring once"


@pytest.mark.slow
def test_payment_step_shows_a_different_billing_address(anna: Client, simulator: Simulator) -> None:
    save_address(anna, "billing", **BOB)
    assert "Bob 99 Other Road" in Page(anna).details[1]


@pytest.mark.slow
def test_guest_with_earlier_orders_who_changes_the_email_starts_a_new_checkout(
    client: Client, simulator: Simulator
) -> None:
    buy(client, make_product())
    add_to_cart(client, make_product())
    page = Page(client)
    submit_details(client, "bob@example.org", **BOB)
    assert "Your checkout has expired. Please start again from your cart." in page.press()
    assert Order.objects.placed().count() == 1


@pytest.mark.sampled(2)
@pytest.mark.parametrize("has_profile", [True, False])
def test_sign_in_after_the_page_was_shown_places_nothing(anna: Client, simulator: Simulator, has_profile: bool) -> None:
    alice = make_user()
    page = Page(anna)
    if not has_profile:
        alice.billing_profile.delete()
    sign_in(anna, alice)
    assert "Your checkout has expired." in page.press()
    assert not Order.objects.placed().exists()


# --- languages ---


def switch(client: Client, language: str) -> None:
    client.post(reverse("language"), {"language": language}, headers={"Sec-Fetch-Site": "same-origin"})


@pytest.mark.slow
@pytest.mark.parametrize(("shown", "other"), [("de", "en-gb"), ("en-gb", "de")])
def test_order_is_placed_in_the_language_of_the_pressed_page(
    anna: Client, simulator: Simulator, shown: str, other: str
) -> None:
    switch(anna, shown)
    page = Page(anna)
    switch(anna, other)
    page.press()
    order = Order.objects.placed().get()
    country = {"en-gb": "United Kingdom", "de": "Vereinigtes Königreich"}[shown]
    assert (order.language, order.shipping_address_text.splitlines()[-1]) == (shown, country)
    assert country in page.details[0]


def test_rejection_is_in_the_current_language(anna: Client) -> None:
    shown = shown_facts(Order.objects.get())
    Product.objects.update(price=17)
    with translation.override("de"):
        assert "Teal mug kostet jetzt 17,00\xa0£." in rejection(shown)


# --- signed data that this version did not sign ---


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("facts", "salt", "message"),
    [
        ({"lines": {"1": [1, "16.00"]}, "shipping": [1, "Van", "4.95"]}, "quote", "Please check your order again"),
        ({"lines": {"1": [1, "16.00"]}, "shipping": [1, "Van", "4.95"]}, SALT, "Please check your order again"),
        ([], SALT, "Please check your order again"),
        ({"lines": {}, "language": "en-gb"}, SALT, "Your order has changed."),
    ],
)
def test_form_of_another_version_is_rejected_with_a_message(
    anna: Client, simulator: Simulator, facts: Any, salt: str, message: str
) -> None:
    form = {"action": "place", "order": Order.objects.get().order_id, "card": add_card(anna).json()["card"]}
    response = anna.post(CHECKOUT, form | {"quote": signing.dumps(facts, salt=salt)})
    assert response.url == CHECKOUT
    assert message in " ".join(map(str, get_messages(response.wsgi_request)))
    assert not Order.objects.placed().exists()
