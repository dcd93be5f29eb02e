"""Tests for the phone number, the note and the gift message that a shopper can add to an order."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.urls import reverse

from carts.optional_details import OptionalDetailsForm
from orders.models import Order
from orders.workflow.personal_data import export_personal_data
from stripe_simulator.server import Simulator
from tests.makers import (
    ADDRESS,
    PASSWORD,
    add_card,
    add_to_cart,
    make_paid_order,
    make_product,
    make_user,
    place_order,
    submit_details,
)
from tests.markup import Element, parse_html

CHECKOUT = reverse("carts:checkout")
TYPED = {"phone": "+44 (0)20 7946-0958", "buyer_note": "Ring twice", "gift_message": "Happy birthday"}


def stored(order: Order | None = None) -> list[str]:
    order = order or Order.objects.filter(status="open", active=True).get()
    return [order.phone, order.buyer_note, order.gift_message]


def details_step(client: Client) -> Element:
    return parse_html(client.get(f"{CHECKOUT}?details").text)


@pytest.fixture
def guest(client: Client) -> Client:
    """Return a guest at the payment step with all optional details."""
    add_to_cart(client, make_product())
    submit_details(client, optional=TYPED)
    return client


# --- the form ---


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("phone", "020\n7946 0958", "A phone number can contain only digits, spaces and + ( ) -."),
        ("phone", "call me", "A phone number can contain only digits, spaces and + ( ) -."),
        ("phone", "1234", "Enter a phone number with 5 to 15 digits."),
        ("phone", "1234567890123456", "Enter a phone number with 5 to 15 digits."),
        ("phone", "1" * 31, "Please shorten: Phone number. Use at most 30 characters."),
        ("buyer_note", "x" * 501, "Please shorten: Note for us. Use at most 500 characters."),
        ("gift_message", "x" * 301, "Please shorten: Gift message. Use at most 300 characters."),
        ("buyer_note", "A\x00", "Please check: Note for us. It contains a character that cannot be saved."),
        ("buyer_note", "My card is 4242 4242-4242 4242.", "Please leave out card numbers here."),
        ("gift_message", "378282246310005", "Please leave out card numbers here."),
    ],
)
def test_text_that_cannot_be_stored_is_rejected_with_a_message(name: str, text: str, message: str) -> None:
    form = OptionalDetailsForm({name: text})
    assert form.first_error().startswith(message)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ring\r\ntwice ", "Ring\ntwice"),
        ("a\r\n\r\n \r\n\r\nb", "a\n\nb"),
        ("a\tb\x1b", "a b"),
        ("<b>Gr\u00fc\u00dfe</b> \U0001f469\u200d\U0001f33e", "<b>Gr\u00fc\u00dfe</b> \U0001f469\u200d\U0001f33e"),
        ("\r\n".join("x" * 9 for _line in range(50)), "\n".join("x" * 9 for _line in range(50))),
    ],
)
def test_text_is_kept_as_plain_text(typed: str, kept: str) -> None:
    form = OptionalDetailsForm({"buyer_note": typed})
    assert form.is_valid()
    assert form.cleaned_data["buyer_note"] == kept


@pytest.mark.django_db
def test_fields_are_folded_until_they_are_used(client: Client) -> None:
    add_to_cart(client, make_product())
    folds = [part for part in details_step(client).all("details") if list(part.all("textarea"))]
    assert ["open" in fold.attrs for fold in folds] == [False]
    submit_details(client, optional=TYPED)
    [fold] = [part for part in details_step(client).all("details") if list(part.all("textarea"))]
    assert "open" in fold.attrs
    assert [field.text for field in fold.all("textarea")] == ["Ring twice", "Happy birthday"]


@pytest.mark.django_db
def test_error_is_listed_and_shown_at_its_open_field(client: Client) -> None:
    add_to_cart(client, make_product())
    page = parse_html(submit_details(client, optional=TYPED | {"phone": "none"}).text)
    message = "A phone number can contain only digits, spaces and + ( ) -."
    assert page.one("div", class_="error-summary").one("ul").text == message
    [fold] = [part for part in page.all("details") if list(part.all("textarea"))]
    assert ("open" in fold.attrs, message in fold.text) == (True, True)
    assert not Order.objects.exists()


# --- kept on the way ---


@pytest.mark.django_db
def test_country_button_keeps_what_was_typed(client: Client) -> None:
    add_to_cart(client, make_product())
    data = {"shipping-country": "IE", "change_country": "shipping", "billing_same": "on"} | TYPED
    page = parse_html(client.post(CHECKOUT, data).text)
    assert [field.text for field in page.all("textarea")] == ["Ring twice", "Happy birthday"]
    assert page.one("input", name="phone").attrs["value"] == TYPED["phone"]


@pytest.mark.django_db
def test_typed_details_are_kept_on_the_way_through_the_login(client: Client) -> None:
    make_user("alice@example.org")
    add_to_cart(client, make_product())
    client.post(CHECKOUT, TYPED | {"buyer_note": "x" * 400, "action": "log_in"})
    client.post(reverse("accounts:login"), {"email": "alice@example.org", "password": PASSWORD, "next": CHECKOUT})
    page = details_step(client)
    assert [field.text for field in page.all("textarea")] == ["x" * 400, "Happy birthday"]


@pytest.mark.django_db
def test_guest_who_logs_in_keeps_the_stored_details(guest: Client) -> None:
    make_user("alice@example.org")
    guest.post(reverse("accounts:login"), {"email": "alice@example.org", "password": PASSWORD, "next": CHECKOUT})
    guest.get(CHECKOUT)
    assert stored(Order.objects.get(billing_profile__user__email="alice@example.org")) == list(TYPED.values())


@pytest.mark.django_db
def test_order_after_a_canceled_one_has_its_details_and_after_a_paid_one_has_none(
    guest: Client, simulator: Simulator
) -> None:
    place_order(guest, add_card(guest, "tok_chargeCustomerFail").json()["card"])
    guest.post(reverse("orders:cancel", args=[Order.objects.get().order_id]))
    guest.get(CHECKOUT)
    assert stored() == list(TYPED.values())
    place_order(guest, add_card(guest).json()["card"])
    add_to_cart(guest, make_product())
    guest.get(CHECKOUT)
    assert stored() == ["", "", ""]


# --- forgotten ---


@pytest.mark.django_db
def test_start_afresh_removes_the_details_of_the_open_order(guest: Client) -> None:
    guest.post(reverse("orders:start_afresh"))
    assert stored(Order.objects.get()) == ["", "", ""]


@pytest.mark.django_db
def test_export_has_the_details_of_open_and_of_placed_orders(client: Client, simulator: Simulator) -> None:
    user = make_user()
    client.force_login(user)
    add_to_cart(client, make_product())
    submit_details(client, optional=TYPED)
    assert export_personal_data(user)["open_orders"] == [TYPED]
    place_order(client, add_card(client).json()["card"])
    data = export_personal_data(user)
    assert data["open_orders"] == []
    assert data["orders"][0].items() >= TYPED.items()


# --- shown ---


@pytest.mark.django_db
def test_details_are_shown_at_each_step_and_emailed(guest: Client, simulator: Simulator) -> None:
    shown = [parse_html(guest.get(CHECKOUT).text).one("section", class_="optional-details").text]
    place_order(guest, add_card(guest).json()["card"])
    order = Order.objects.placed().get()
    assert stored(order) == list(TYPED.values())
    shown += [parse_html(guest.get(path).text).text for path in (reverse("carts:success"), order.get_absolute_url())]
    [confirmation] = [message for message in mail.outbox if message.to == [order.email]]
    shown += [str(confirmation.body), str(confirmation.alternatives[0].content)]  # type: ignore[attr-defined]
    for page in shown:
        assert [text for text in TYPED.values() if text not in page] == []


@pytest.mark.django_db
def test_markup_in_a_note_is_shown_as_text(client: Client) -> None:
    add_to_cart(client, make_product())
    submit_details(client, optional={"buyer_note": "<script>alert(1)</script>\r\nThanks"})
    page = client.get(CHECKOUT)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;<br>Thanks" in page.text


def packer() -> Client:
    user = make_user("packer@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_order", "ship_order"]))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_staff_see_the_details_on_the_order_page_and_on_the_slips() -> None:
    staff, order = packer(), make_paid_order(**TYPED)
    texts: dict[str, Any] = {"page": staff.get(f"/admin/orders/order/{order.pk}/change/").text}
    for kind in ("slip", "note"):
        texts[kind] = staff.get(reverse("admin:orders_order_slips"), {"kind": kind, "ids": str(order.pk)}).text
    shown = {where: [name for name, typed in TYPED.items() if typed in text] for where, text in texts.items()}
    assert shown == {
        "page": ["phone", "buyer_note", "gift_message"], "slip": ["buyer_note", "gift_message"],
        "note": ["gift_message"],
    }  # fmt: skip


@pytest.mark.django_db
def test_details_do_not_change_after_placing(guest: Client, simulator: Simulator) -> None:
    place_order(guest, add_card(guest).json()["card"])
    data = {f"shipping-{name}": value for name, value in ADDRESS.items()} | {"buyer_note": "Other"}
    guest.post(CHECKOUT, data | {"email": "guest@example.org", "billing_same": "on"})
    assert stored(Order.objects.placed().get()) == list(TYPED.values())
