"""Browser tests of the cart page: it stores what is chosen at once, also if scripts or requests fail."""

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import Route, expect

from carts.models import Cart
from carts.models.rates import ShippingMethod
from tests.browser import Shopper
from tests.makers import make_product

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def lines() -> list[tuple[str, int]]:
    return list(Cart.objects.get().items.order_by("pk").values_list("product__title", "quantity"))


def fail_fetches(shopper: Shopper) -> None:
    """Let every request of a script fail. Pages still load."""

    def answer(route: Route) -> None:
        if route.request.is_navigation_request():
            route.continue_()
        else:
            route.fulfill(status=200, body="")

    shopper.page.route(re.compile("/cart/"), answer)


def test_steps_are_stored_and_shown_without_loading_the_page(shopper: Shopper) -> None:
    shopper.add(make_product(title="Mug", price="10.00", stock=3))
    views = len(shopper.views)
    shopper.click_button("One more: Mug")
    shopper.expect_badge(2)
    expect(shopper.page.locator(".total")).to_contain_text("£24.95")
    expect(shopper.button("One more: Mug")).to_be_focused()
    for _press in range(3):
        shopper.click_button("One more: Mug")
    shopper.expect_badge(3)
    shopper.click_button("One less: Mug")
    shopper.expect_badge(2)
    assert (lines(), len(shopper.views)) == ([("Mug", 2)], views)


@pytest.mark.parametrize("is_offline", [True, False])
def test_step_is_stored_if_requests_or_scripts_fail(new_shopper: Callable[..., Shopper], is_offline: bool) -> None:
    shopper = new_shopper(java_script_enabled=is_offline)
    shopper.add(make_product(title="Mug"))
    if is_offline:
        fail_fetches(shopper)
    shopper.click_button("One more: Mug")
    shopper.expect_text("Now in your cart: 2 × Mug.")
    shopper.expect_badge(2)
    assert lines() == [("Mug", 2)]


def test_typed_quantity_is_stored_when_the_field_is_left_for_the_checkout_button(shopper: Shopper) -> None:
    shopper.add(make_product(title="Mug"))
    shopper.page.get_by_label("Quantity of Mug").fill("4")
    shopper.click_button("Checkout")
    shopper.wait_for_path("/cart/checkout/")
    assert lines() == [("Mug", 4)]


@pytest.mark.parametrize("java_script_enabled", [True, False])
def test_removed_line_comes_back_by_undo(new_shopper: Callable[..., Shopper], java_script_enabled: bool) -> None:
    shopper = new_shopper(java_script_enabled=java_script_enabled)
    shopper.add(make_product(title="Bowl"))
    shopper.add(make_product(title="Mug"))
    shopper.click_button("One more: Mug")
    shopper.expect_badge(3)
    shopper.click_button("Remove: Mug")
    shopper.expect_text("Mug is no longer in your cart.")
    shopper.expect_badge(1)
    shopper.click_button("Undo")
    shopper.expect_badge(3)
    assert sorted(lines()) == [("Bowl", 1), ("Mug", 2)]


def test_last_line_that_was_removed_comes_back_by_undo(shopper: Shopper) -> None:
    shopper.add(make_product(title="Mug"))
    shopper.click_button("Remove: Mug")
    shopper.expect_text("Your cart is empty.")
    expect(shopper.button("Undo")).to_be_focused()
    shopper.page.keyboard.press("Enter")
    shopper.expect_badge(1)
    expect(shopper.page.get_by_label("Quantity of Mug")).to_have_value("1")


def test_total_follows_the_country_and_keeps_a_typed_code(shopper: Shopper) -> None:
    ShippingMethod.objects.update(countries="GB")
    ShippingMethod.objects.create(title="Far", price="20.00", countries="DE")
    shopper.add(make_product(title="Mug", price="10.00"))
    shopper.page.get_by_text("Have a discount code?").click()
    shopper.page.get_by_label("Discount code").fill("later")
    shopper.page.get_by_text("Delivery to United Kingdom").click()
    shopper.page.get_by_label("Country").focus()
    shopper.page.get_by_label("Country").select_option("DE")
    expect(shopper.page.locator(".total")).to_contain_text("£30.00")
    expect(shopper.page.get_by_label("Country")).to_be_focused()
    expect(shopper.page.get_by_label("Discount code")).to_have_value("later")
    assert (Cart.objects.get().country, Cart.objects.get().discount_code) == ("DE", "")


def box(shopper: Shopper, selector: str) -> tuple[float, float]:
    """Return where the element begins and ends on the page, in pixels from the top."""
    found = shopper.page.locator(selector).bounding_box()
    assert found, selector
    return found["y"], found["y"] + found["height"]


@pytest.mark.parametrize("width", [320, 390])
def test_phone_shows_the_folded_total_first_and_items_and_total_directly_above_the_button(
    new_shopper: Callable[..., Shopper], width: int
) -> None:
    shopper = new_shopper(viewport={"width": width, "height": 844})
    shopper.check_out(make_product(title="Mug"))
    bar, details, card = box(shopper, ".order-bar"), box(shopper, ".address-pair"), box(shopper, ".card-field")
    lines, total, button = box(shopper, ".summary-lines"), box(shopper, ".totals .total"), box(shopper, ".btn-pay")
    order = [bar, details, card, lines, total, button]
    assert order == sorted(order)
    assert all(first[1] <= second[0] for first, second in pairwise(order))
    assert button[1] - lines[0] < 844  # both are on one screen
    shopper.page.locator(".order-bar summary").click()
    expect(shopper.page.locator(".order-bar")).to_contain_text("1 × Mug")
    assert shopper.page.evaluate("document.documentElement.scrollWidth") <= width


def test_wide_screen_shows_the_summary_beside_the_step_and_no_bar(shopper: Shopper) -> None:
    shopper.check_out(make_product(title="Mug"))
    expect(shopper.page.locator(".order-bar")).to_be_hidden()
    expect(shopper.page.locator(".summary")).to_be_in_viewport()


def test_note_typed_by_a_guest_without_javascript_is_shown_before_paying(new_shopper: Callable[..., Shopper]) -> None:
    shopper = new_shopper(java_script_enabled=False)
    shopper.add(make_product(title="Mug"))
    shopper.click_button("Checkout")
    shopper.page.get_by_text("Add a note, gift message or phone number").click()
    shopper.field("Note for us").fill("Ring twice")
    shopper.fill_details()
    shopper.expect_text("Ring twice")
