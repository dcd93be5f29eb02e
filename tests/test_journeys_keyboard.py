"""Browser tests of the checkout: by keyboard, without JavaScript before the card field, and the number of steps."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from orders.models import Order
from stripe_simulator.server import Simulator
from tests.browser import LABELS, Shopper, charges
from tests.makers import ADDRESS, make_product

pytestmark = pytest.mark.browser


def type_details(shopper: Shopper) -> None:
    """Fill in the details by keyboard and continue to the payment step."""
    shopper.tab_and_type(shopper.field("Email"), "guest@example.org")
    for label, name in LABELS.items():
        shopper.tab_and_type(shopper.field(label), ADDRESS[name])
    shopper.tab_and_press(shopper.button("Continue to payment"))


@pytest.mark.slow
def test_guest_buys_by_keyboard_in_five_pages_and_seven_fields(
    new_shopper: Callable[..., Shopper], simulator: Simulator
) -> None:
    product = make_product()
    shopper = new_shopper(java_script_enabled=False)
    shopper.go(product.get_absolute_url())
    shopper.tab_and_press(shopper.button("Add to cart"))
    shopper.wait_for_path("/cart/")
    shopper.tab_and_press(shopper.page.get_by_role("button", name="Checkout", exact=True))
    shopper.wait_for_path("/cart/checkout/")
    fields = shopper.visible_fields()
    type_details(shopper)
    expect(shopper.button("Place order")).to_be_visible()

    payer = new_shopper()  # the same shopper after enabling JavaScript and reloading the page
    payer.context.add_cookies(shopper.context.cookies())
    payer.go("/cart/checkout/")
    card = payer.card_field()
    payer.tab_and_type(card.locator("[name=cardnumber]"), "4242424242424242")
    fields += payer.visible_fields()
    payer.tab_and_type(card.locator("[name=exp-date]"), "1240")
    payer.tab_and_type(card.locator("[name=cvc]"), "123")
    payer.tab_and_press(payer.button("Place order"))
    payer.expect_text("Thank you, your order is paid")

    assert fields == 7
    assert shopper.views == [product.get_absolute_url(), "/cart/", "/cart/checkout/", "/cart/checkout/"]
    assert payer.views == ["/cart/checkout/", "/cart/success/"]  # the fourth page again, and the fifth
    assert (Order.objects.placed().get().status, charges(simulator)) == (Order.Status.PAID, [2095])


@pytest.mark.slow
def test_enter_submits_the_details_instead_of_changing_the_country(new_shopper: Callable[..., Shopper]) -> None:
    shopper = new_shopper(java_script_enabled=False)
    shopper.add(make_product())
    shopper.click_button("Checkout")
    shopper.field("Email").press("Enter")
    summary = shopper.page.locator(".error-summary")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link")).to_have_count(5)
    summary.get_by_role("link", name="Postcode").press("Enter")
    expect(shopper.field("Postcode")).to_be_focused()


@pytest.mark.slow
def test_country_changes_the_fields_without_a_script(new_shopper: Callable[..., Shopper]) -> None:
    shopper = new_shopper(java_script_enabled=False)
    shopper.add(make_product())
    shopper.click_button("Checkout")
    shopper.field("Email").fill("guest@example.org")
    shopper.field("Address").fill("1 High Street")
    shopper.page.get_by_role("combobox", name="Country").select_option("United States")
    shopper.click_button("Change country")
    expect(shopper.field("ZIP code")).to_be_visible()
    expect(shopper.page.get_by_role("combobox", name="Country")).to_be_focused()
    expect(shopper.field("Email")).to_have_value("guest@example.org")
    expect(shopper.field("Address")).to_have_value("1 High Street")


@pytest.mark.slow
def test_country_changes_the_fields_immediately_with_a_script(shopper: Shopper) -> None:
    shopper.add(make_product())
    shopper.click_button("Checkout")
    views = len(shopper.views)
    expect(shopper.button("Change country")).to_be_hidden()
    shopper.field("Address").fill("1 High Street")
    country = shopper.page.get_by_role("combobox", name="Country")
    country.focus()
    country.select_option("Japan")
    expect(shopper.page.get_by_role("combobox", name="Prefecture")).to_be_visible()
    expect(country).to_be_focused()
    expect(shopper.field("Address")).to_have_value("1 High Street")
    expect(shopper.field("Town or city")).to_have_count(0)
    assert len(shopper.views) == views


@pytest.mark.slow
def test_opening_the_billing_address_unchecks_the_same_address_box(shopper: Shopper) -> None:
    shopper.add(make_product())
    shopper.click_button("Checkout")
    shopper.page.get_by_text("Use a different billing address").click()
    expect(shopper.page.get_by_label("The billing address is the same")).not_to_be_checked()
    expect(
        shopper.page.get_by_role("group", name="Billing address").get_by_role("combobox", name="Country")
    ).to_be_visible()
