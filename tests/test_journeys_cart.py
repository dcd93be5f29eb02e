"""Browser tests of the cart page: it stores what is chosen at once, also if scripts or requests fail."""

import re
from collections.abc import Callable

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
    shopper.expect_text("Your cart now has 2 × Mug.")
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
