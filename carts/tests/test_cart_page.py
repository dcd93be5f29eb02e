"""Tests for the form of the cart page: each button stores everything that was typed."""

import re
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carts.models import Cart, CartItem
from carts.models.rates import ShippingMethod
from products.models import Product
from tests.makers import add_to_cart, make_client_request, make_discount, make_product, make_tax
from tests.markup import Element, parse_html

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
SAME = {"Sec-Fetch-Site": "same-origin"}
CART, CHECKOUT = "/cart/", "/cart/checkout/"
CHECKOUT_BUTTON = {"checkout": "1"}


@pytest.fixture
def mug() -> Product:
    return make_product(title="Mug", stock=7)


@pytest.fixture
def bowl() -> Product:
    return make_product(title="Bowl")


@pytest.fixture
def shopper(client: Client, mug: Product, bowl: Product) -> Client:
    request = make_client_request(client)
    cart, _created = Cart.objects.get_or_create_from_request(request)
    for product in (mug, bowl):
        cart.set_quantity(product, 1)
    request.session.save()
    return client


def read_form(page: Any) -> dict[str, list[str]]:
    """Return what a browser submits for the form of the cart page, without a button."""
    form = next(form for form in parse_html(page.text).all("form") if list(form.all("input", name="cart_page")))
    data: dict[str, list[str]] = {}
    for field in form.all("input"):
        if field.attrs.get("type") != "radio" or "checked" in field.attrs:
            data.setdefault(field.attrs["name"], []).append(field.attrs.get("value", ""))
    for field in form.all("select"):
        chosen = list(field.all("option", selected="")) or list(field.all("option"))
        data[field.attrs["name"]] = [chosen[0].attrs["value"]]
    return data


def press(client: Client, button: dict[str, str], form: dict[str, list[str]], url: str = "/cart/update/") -> Any:
    return client.post(url, form | button, headers=SAME)


def typed(client: Client, *quantities: str, **others: str) -> dict[str, list[str]]:
    """Return the form of the cart page with these quantities and other fields."""
    form = read_form(client.get(CART))
    return form | {"quantity": list(quantities)} | {name: [value] for name, value in others.items()}


def quantities() -> list[int]:
    return list(CartItem.objects.order_by("pk").values_list("quantity", flat=True))


def follow(client: Client, response: Any) -> Element:
    return parse_html(client.get(response.url).text)


def summary(page: Element) -> str:
    return page.one("div", class_="error-summary").one("ul").text


# --- quantities ---


@pytest.mark.slow
def test_typed_quantity_is_ordered_by_the_checkout_button(shopper: Client) -> None:
    response = press(shopper, CHECKOUT_BUTTON, typed(shopper, "5", "1"))
    assert (response.url, quantities()) == (CHECKOUT, [5, 1])
    assert "5 × Mug" in follow(shopper, response).one("aside", class_="summary").text


@pytest.mark.slow
def test_quantities_of_all_lines_are_stored_by_the_button_of_one(shopper: Client) -> None:
    response = press(shopper, {"action": "set"}, typed(shopper, "3", "4"))
    assert (response.url, quantities()) == (CART, [3, 4])
    assert shopper.session["cart_items"] == 7


def test_remove_button_keeps_the_quantity_typed_in_another_line(shopper: Client, mug: Product) -> None:
    press(shopper, {"action": "remove"}, typed(shopper, "x", "4"), f"/cart/update/?product_id={mug.pk}")
    assert (quantities(), shopper.session["cart_items"]) == ([4], 4)


@pytest.mark.parametrize(
    ("button", "typed_text", "stored"),
    [("more", "1", 2), ("more", "3", 4), ("less", "3", 2), ("less", "1", 1), ("less", "0", 1), ("more", "7", 7)],
)
def test_buttons_next_to_a_quantity_change_it_by_one_within_its_limits(
    shopper: Client, mug: Product, button: str, typed_text: str, stored: int
) -> None:
    press(shopper, {button: str(mug.pk)}, typed(shopper, typed_text, "4"))
    assert quantities() == [stored, 4]


def test_button_next_to_a_text_that_is_no_quantity_shows_a_message(shopper: Client, mug: Product) -> None:
    page = follow(shopper, press(shopper, {"more": str(mug.pk)}, typed(shopper, "x", "1")))
    assert (summary(page), quantities()) == ("Enter a whole number.", [1, 1])


def undo_form(page: Element) -> dict[str, str]:
    """Return what the Undo button submits."""
    [form] = [form for form in page.all("form") if list(form.all("button", value="set")) and not list(form.all("ul"))]
    return {field.attrs["name"]: field.attrs["value"] for field in form.all("input")} | {"action": "set"}


@pytest.mark.parametrize("way", ["button", "zero", "product page"])
def test_undo_puts_a_removed_product_back_once(shopper: Client, mug: Product, way: str) -> None:
    press(shopper, {}, typed(shopper, "3", "1"))
    shopper.get(CART)  # shows the message about the new quantity
    if way == "button":
        response = press(shopper, {"action": "remove"}, typed(shopper, "3", "1"), f"/cart/update/?product_id={mug.pk}")
    elif way == "zero":
        response = press(shopper, {"action": "set"}, typed(shopper, "0", "1"))
    else:
        response = shopper.post("/cart/update/", {"product_id": mug.pk, "action": "remove"}, headers=SAME)
    page = follow(shopper, response)
    assert quantities() == [1]
    assert "Mug is no longer in your cart. Undo" in page.text
    for _press in range(2):
        shopper.post("/cart/update/", undo_form(page), headers=SAME)
    assert sorted(quantities()) == [1, 3]
    assert "Undo" not in shopper.get(CART).text


def test_undo_keeps_to_the_stock_that_is_left(shopper: Client, mug: Product) -> None:
    response = press(shopper, {"action": "remove"}, typed(shopper, "1", "1"), f"/cart/update/?product_id={mug.pk}")
    page = follow(shopper, response)
    Product.objects.filter(pk=mug.pk).update(stock=2)
    shopper.post("/cart/update/", undo_form(page) | {"quantity": "5"}, headers=SAME)
    assert sorted(quantities()) == [1, 2]


@pytest.mark.slow
def test_enter_in_a_field_stores_it_and_stays_in_the_cart(shopper: Client) -> None:
    response = press(shopper, {}, typed(shopper, "2", "2"))
    assert (response.url, quantities()) == (CART, [2, 2])
    form = next(form for form in parse_html(shopper.get(CART).text).all("form") if list(form.all(name="cart_page")))
    assert next(form.all("button")).attrs.keys() == {"class", "tabindex", "aria-hidden"}


@pytest.mark.sampled(9)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "Choose a quantity of 1 or more."),
        ("-1", "Please check: Quantity. It must be 0 or more."),
        ("1000000000", "Please check: Quantity. It must be 99 or less."),
        ("1e9", "Enter a whole number."),
        ("abc", "Enter a whole number."),
        ("2.5", "Enter a whole number."),
        ("", "Enter a quantity."),
        ("9" * 5000, "Enter a whole number."),
        ("\x00", "Enter a whole number."),
    ],
)
def test_bad_quantity_is_shown_at_its_field_and_not_ordered(shopper: Client, text: str, message: str) -> None:
    response = press(shopper, CHECKOUT_BUTTON, typed(shopper, text, "4"))
    assert response.url.startswith(CART)
    assert not response.url.startswith(CHECKOUT)
    page = follow(shopper, response)
    field = page.one("input", aria_invalid="true")
    assert (summary(page), page.one(id=field.attrs["aria-describedby"]).text) == (message, message)
    assert quantities() == [1, 4]
    if text.isascii() and text.isprintable() and 0 < len(text) < 80:
        assert field.attrs["value"] == text


@pytest.mark.slow
def test_two_bad_quantities_are_shown_at_their_fields(shopper: Client) -> None:
    page = follow(shopper, press(shopper, CHECKOUT_BUTTON, typed(shopper, "a", "-3")))
    assert [field.attrs["value"] for field in page.all("input", aria_invalid="true")] == ["a", "-3"]


@pytest.mark.slow
def test_zero_removes_a_line_with_the_update_button(shopper: Client) -> None:
    press(shopper, {"action": "set"}, typed(shopper, "0", "1"))
    assert quantities() == [1]


@pytest.mark.slow
def test_quantity_above_the_stock_is_lowered_and_shown_before_the_checkout(shopper: Client) -> None:
    response = press(shopper, CHECKOUT_BUTTON, typed(shopper, "50", "1"))
    assert (response.url.startswith(f"{CART}?"), quantities()) == (True, [7, 1])
    page = follow(shopper, response)
    assert "That is all we have in stock: your cart now has 7 × Mug." in page.text
    assert [field.attrs["value"] for field in page.all("input", name="quantity")] == ["7", "1"]
    assert press(shopper, CHECKOUT_BUTTON, read_form(shopper.get(CART))).url == CHECKOUT


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.integers(-3, 120).map(str) | st.text(max_size=6) | st.sampled_from([" 3 ", "3.0", "٣", "+3", "0x3"]))
def test_checkout_orders_what_was_typed_or_shows_a_message(shopper: Client, text: str) -> None:
    CartItem.objects.filter(product__title="Mug").update(quantity=1)
    response = press(shopper, CHECKOUT_BUTTON, typed(shopper, text, "1"))
    if response.url == CHECKOUT:
        assert quantities() == [int(re.sub(r"\.0*$", "", text.strip())), 1]
    else:
        page = follow(shopper, response).text
        assert "There is a problem" in page or "That is all we have in stock" in page


# --- other tabs ---


@pytest.mark.slow
def test_line_removed_in_another_tab_does_not_come_back(shopper: Client, bowl: Product) -> None:
    form = typed(shopper, "5", "1")
    add_to_cart(shopper, bowl, action="remove")
    response = press(shopper, CHECKOUT_BUTTON, form)
    assert (response.url, quantities()) == (CART, [5])
    assert "Your cart has changed. Please check it again." in follow(shopper, response).text
    assert press(shopper, CHECKOUT_BUTTON, read_form(shopper.get(CART))).url == CHECKOUT


@pytest.mark.slow
def test_quantity_typed_for_a_line_removed_in_another_tab_shows_a_message(shopper: Client, bowl: Product) -> None:
    form = typed(shopper, "1", "6")
    add_to_cart(shopper, bowl, action="remove")
    response = press(shopper, {"action": "set"}, form)
    assert quantities() == [1]
    assert "Your cart has changed." in follow(shopper, response).text


@pytest.mark.slow
def test_quantity_changed_in_another_tab_is_kept_and_shown_before_the_checkout(shopper: Client, bowl: Product) -> None:
    form = typed(shopper, "5", "1")
    add_to_cart(shopper, bowl, 9, "set")
    response = press(shopper, CHECKOUT_BUTTON, form)
    assert (response.url, quantities()) == (CART, [5, 9])


@pytest.mark.slow
def test_product_added_in_another_tab_is_shown_before_the_checkout(shopper: Client) -> None:
    form = typed(shopper, "1", "1")
    add_to_cart(shopper, make_product())
    assert press(shopper, CHECKOUT_BUTTON, form).url == CART


@pytest.mark.slow
def test_cart_that_was_closed_in_another_tab_stays_closed(shopper: Client) -> None:
    form = typed(shopper, "5", "1")
    Cart.objects.update(active=False)
    response = press(shopper, CHECKOUT_BUTTON, form)
    assert (response.url, quantities()) == (CART, [1, 1])
    assert "Your cart is empty." in follow(shopper, response).text


# --- the discount code and the delivery options ---


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("button", "goal"), [(CHECKOUT_BUTTON, CHECKOUT), ({"action": "set"}, CART), ({}, CART)])
def test_typed_code_is_applied_by_every_button(shopper: Client, button: dict[str, str], goal: str) -> None:
    make_discount("TEN")
    response = press(shopper, button, typed(shopper, "2", "1", code=" ten "))
    assert (response.url, Cart.objects.get().discount_code) == (goal, "TEN")


@pytest.mark.slow
def test_code_button_keeps_the_typed_quantities(shopper: Client) -> None:
    make_discount("BIG", minimum="60")
    press(shopper, {"apply_code": "1"}, typed(shopper, "5", "1", code="BIG"))
    assert (quantities(), Cart.objects.get().discount_code) == ([5, 1], "BIG")
    press(shopper, {"remove_code": "1"}, typed(shopper, "4", "1"))
    assert (quantities(), Cart.objects.get().discount_code) == ([4, 1], "")


@pytest.mark.slow
def test_wrong_code_is_shown_before_the_checkout_and_only_once(shopper: Client) -> None:
    response = press(shopper, CHECKOUT_BUTTON, typed(shopper, "1", "1", code="NONE"))
    page = shopper.get(response.url)
    assert "The code NONE is not valid." in page.text
    assert parse_html(page.text).one("input", id="discount-code").attrs["value"] == "NONE"
    assert press(shopper, CHECKOUT_BUTTON, read_form(page)).url == CHECKOUT


@pytest.mark.slow
def test_code_button_without_a_code_shows_a_message(shopper: Client) -> None:
    page = follow(shopper, press(shopper, {"apply_code": "1"}, typed(shopper, "2", "1")))
    assert (summary(page), quantities()) == ("Enter a code.", [2, 1])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("button", [CHECKOUT_BUTTON, {"action": "set"}, {"apply_code": "1"}])
def test_delivery_options_are_stored_by_every_button(shopper: Client, button: dict[str, str]) -> None:
    express = ShippingMethod.objects.create(title="Express", price="9.50", position=1)
    make_tax("8", country="US", region="CA")
    press(shopper, button, typed(shopper, "1", "1", country="US"))
    press(shopper, button, typed(shopper, "1", "1", region="CA", shipping_method=str(express.pk)))
    cart = Cart.objects.get()
    assert (cart.country, cart.region, cart.shipping_method_id) == ("US", "CA", express.pk)


@pytest.mark.slow
def test_delivery_options_that_were_not_changed_do_not_undo_another_tab(shopper: Client) -> None:
    form = typed(shopper, "2", "1")
    shopper.post("/cart/delivery/", {"country": "FR"}, headers=SAME)
    press(shopper, {"action": "set"}, form)
    assert Cart.objects.get().country == "FR"


@pytest.mark.slow
def test_method_chosen_on_an_older_page_keeps_the_country_of_another_tab(shopper: Client) -> None:
    fast = ShippingMethod.objects.create(title="Fast", price=9, position=5)
    older = read_form(shopper.get(CART))
    press(shopper, {}, typed(shopper, "1", "1", country="DE"))
    press(shopper, {}, older | {"shipping_method": [str(fast.pk)]})
    assert Cart.objects.values_list("country", "shipping_method").get() == ("DE", fast.pk)


def test_country_that_was_chosen_alone_does_not_fix_the_method_shown_first(shopper: Client) -> None:
    ShippingMethod.objects.create(title="Fast", price=9, position=5)
    press(shopper, {}, typed(shopper, "1", "1", country="DE"))
    assert Cart.objects.values_list("country", "shipping_method").get() == ("DE", None)


@pytest.mark.slow
def test_region_does_not_move_to_another_country_with_the_same_key(shopper: Client) -> None:
    make_tax(country="US", region="WA")
    make_tax(country="AU", region="WA")
    press(shopper, {}, typed(shopper, "1", "1", country="US"))
    press(shopper, {}, typed(shopper, "1", "1", region="WA"))
    assert Cart.objects.values_list("country", "region").get() == ("US", "WA")
    press(shopper, {}, typed(shopper, "1", "1", country="AU"))
    assert Cart.objects.values_list("country", "region").get() == ("AU", "")


@pytest.mark.slow
def test_invalid_delivery_option_is_shown_before_the_checkout(shopper: Client) -> None:
    response = press(shopper, CHECKOUT_BUTTON, typed(shopper, "2", "1", country="XX"))
    assert (response.url, quantities()) == (CART, [2, 1])
    assert summary(follow(shopper, response)) == "Choose a country."


# --- amounts ---


@pytest.mark.slow
def test_checkout_button_does_not_lead_to_a_total_that_cannot_be_charged(client: Client) -> None:
    ShippingMethod.objects.update(price=0)
    pin = make_product(price="0.10")
    add_to_cart(client, pin, 3)
    form = typed(client, "1")
    assert press(client, CHECKOUT_BUTTON, form).url == CART
    page = client.get(CART).text
    assert "The minimum order value is £0.30. Add items for £0.20 or more." in page
    assert "Checkout" not in page
    add_to_cart(client, pin, 2)
    assert press(client, CHECKOUT_BUTTON, read_form(client.get(CART))).url == CHECKOUT


@pytest.mark.sampled(5)
@pytest.mark.parametrize("pk", ["", "0", "-1", "x", "9" * 40])
def test_hostile_ids_change_nothing(shopper: Client, pk: str) -> None:
    form = typed(shopper, "5", "6") | {"product_id": [pk, pk]}
    assert press(shopper, {"action": "remove"}, form, f"/cart/update/?product_id={pk}").url
    assert quantities() == [1, 1]


def test_product_page_stores_the_typed_quantity_on_the_way_to_the_cart(client: Client, mug: Product) -> None:
    add_to_cart(client, mug)
    page = parse_html(client.get(mug.get_absolute_url()).text)
    [button] = [button for button in page.all("button") if button.text == "Go to cart"]
    assert (button.attrs["name"], button.attrs["value"]) == ("action", "set")
    assert add_to_cart(client, mug, 3, "set").url == CART


@pytest.mark.parametrize("stock", [0, 1])
def test_product_page_removes_a_line_that_exceeds_the_stock_now(client: Client, mug: Product, stock: int) -> None:
    add_to_cart(client, mug, 3)
    Product.objects.update(stock=stock)
    page = parse_html(client.get(mug.get_absolute_url()).text)
    assert "formnovalidate" in page.one("button", value="remove").attrs
    assert bool(list(page.all("input", name="quantity"))) == bool(stock)
