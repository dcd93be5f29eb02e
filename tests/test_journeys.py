"""Browser tests of shopping: what the shopper sees, and the resulting rows."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from playwright.sync_api import expect

from carts.models import Cart, CartItem
from carts.models.rates import ShippingMethod
from orders.models import Mail, Order
from products.models import Product
from stripe_simulator.server import Simulator
from tests.browser import Shopper, charges, go_to_payment_step
from tests.makers import PASSWORD, add_to_cart, make_product, make_user

pytestmark = pytest.mark.browser


def test_guest_buys_in_five_pages(shopper: Shopper, simulator: Simulator) -> None:
    product = make_product(stock=3)
    shopper.check_out(product)
    shopper.type_card("4242424242424242")
    shopper.click_button("Place order")
    shopper.expect_text("Thank you, your order is paid")
    steps = ["/cart/", "/cart/checkout/", "/cart/checkout/", "/cart/success/"]
    assert shopper.views == [product.get_absolute_url(), *steps]
    product.refresh_from_db()
    assert (Order.objects.placed().get().status, product.stock, charges(simulator)) == (Order.Status.PAID, 2, [2095])


@pytest.mark.slow
def test_guest_pays_after_choosing_another_shipping_method(
    shopper: Shopper, client: Client, simulator: Simulator
) -> None:
    ShippingMethod.objects.create(title="Express", price=Decimal("12.50"), position=9)
    go_to_payment_step(shopper, client, make_product())
    shopper.page.get_by_label("Express").check()
    shopper.click_button("Show the new total")
    shopper.type_card("4242424242424242")
    shopper.click_button("Place order and pay · £28.50")
    shopper.expect_text("Thank you, your order is paid")
    assert charges(simulator) == [2850]


@pytest.mark.slow
def test_paid_order_is_listed_and_emailed_and_empties_the_cart(shopper: Shopper, client: Client) -> None:
    go_to_payment_step(shopper, client, make_product(), token="tok_visa")
    shopper.click_button("Place order")
    shopper.expect_text("Thank you, your order is paid")
    shopper.expect_badge(0)
    order = Order.objects.placed().get()
    assert Mail.objects.filter(order=order, to="guest@example.org").exclude(sent=None).count() == 1
    shopper.go("/orders/")
    shopper.click_link(order.order_id)
    shopper.expect_text("Paid")
    assert shopper.stripe_pages == ["/cart/checkout/"]


@pytest.mark.slow
@pytest.mark.parametrize(("button", "left"), [("Go to cart", 1), ("Remove", 0)])
def test_product_page_leads_to_the_cart_when_the_stock_is_too_low_now(shopper: Shopper, button: str, left: int) -> None:
    product = make_product(stock=3)
    shopper.add(product)
    CartItem.objects.update(quantity=3)
    Product.objects.update(stock=1)
    shopper.go(product.get_absolute_url())
    shopper.click_button(button)
    shopper.expect_badge(left)
    assert shopper.views[-1] == "/cart/"


@pytest.mark.slow
def test_details_show_a_guest_at_most_six_fields(shopper: Shopper) -> None:
    shopper.add(make_product())
    shopper.click_button("Checkout")
    expect(shopper.button("Continue to payment")).to_be_visible()
    assert 5 <= shopper.visible_fields() <= 6
    assert shopper.stripe_pages == []


@pytest.mark.slow
def test_errors_in_the_details_are_listed_and_keep_the_input(shopper: Shopper) -> None:
    shopper.add(make_product())
    shopper.click_button("Checkout")
    shopper.field("Email").fill("guest@example.org")
    shopper.click_button("Continue to payment")
    summary = shopper.page.get_by_role("alert").filter(has_text="There is a problem")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link")).to_have_count(4)
    expect(shopper.field("Email")).to_have_value("guest@example.org")
    summary.get_by_role("link", name="Postcode").click()
    expect(shopper.field("Postcode")).to_be_focused()


@pytest.mark.slow
def test_cart_quantity_and_badge_are_updated(shopper: Shopper) -> None:
    mug, bowl = make_product(title="Mug"), make_product(title="Bowl", price="30.00")
    shopper.add(mug)
    shopper.expect_badge(1)
    shopper.add(bowl)
    shopper.page.get_by_label("Quantity of Mug").fill("3")
    shopper.page.keyboard.press("Tab")
    shopper.expect_badge(4)
    expect(shopper.page.locator(".total")).to_contain_text("£78.00")
    shopper.click_button("Remove: Bowl")
    shopper.expect_text("Bowl is no longer in your cart.")
    shopper.expect_badge(3)
    assert list(Cart.objects.get().items.values_list("product__title", "quantity")) == [("Mug", 3)]


@pytest.mark.slow
def test_product_page_updates_and_removes_the_cart_item(shopper: Shopper) -> None:
    product = make_product()
    shopper.add(product)
    shopper.go(product.get_absolute_url())
    shopper.page.get_by_label("Quantity").fill("2")
    shopper.click_button("Update")
    shopper.expect_badge(2)
    shopper.go(product.get_absolute_url())
    shopper.click_button("Remove")
    shopper.expect_text("Your cart is empty.")
    shopper.expect_badge(0)


@pytest.mark.slow
def test_product_that_sold_out_is_rejected_and_marked(shopper: Shopper, client: Client, simulator: Simulator) -> None:
    product = make_product(title="Last mug")
    go_to_payment_step(shopper, client, product, token="tok_visa")
    Product.objects.filter(pk=product.pk).update(stock=0)
    shopper.click_button("Place order")
    shopper.wait_for_path("/cart/")
    shopper.expect_text("Last mug: Sold out.")
    expect(shopper.page.locator(".cart-line")).to_contain_text("Sold out")
    assert (Order.objects.placed().count(), simulator.objects("payment_intent")) == (0, [])


@pytest.mark.slow
def test_cart_changed_in_another_tab_is_shown_before_it_is_charged(
    shopper: Shopper, client: Client, simulator: Simulator
) -> None:
    go_to_payment_step(shopper, client, make_product(title="Mug"), token="tok_visa")
    other_tab = shopper.context.new_page()
    other_tab.goto("/cart/")
    other_tab.get_by_label("Quantity of Mug").fill("2")
    other_tab.get_by_label("Quantity of Mug").press("Tab")
    expect(other_tab.locator(".total")).to_contain_text("£36.95")
    shopper.click_button("Place order")
    shopper.expect_text("Your order has changed. Please check the new total")
    expect(shopper.button("Place order and pay · £36.95")).to_be_visible()
    assert (Order.objects.placed().count(), simulator.objects("payment_intent")) == (0, [])


@pytest.mark.slow
def test_login_during_checkout_keeps_both_carts(shopper: Shopper, client: Client) -> None:
    client.force_login(make_user())
    add_to_cart(client, make_product(title="Mug of last week"))
    shopper.add(make_product(title="Bowl of today"))
    shopper.click_button("Checkout")
    shopper.page.get_by_text("Already have an account? Log in").click()
    shopper.log_in("alice@example.org")
    expect(shopper.button("Logout")).to_be_visible()
    expect(shopper.button("Continue to payment")).to_be_visible()
    shopper.expect_text("1 item from your last visit is also in your cart.")
    shopper.expect_text("Mug of last week")
    shopper.expect_text("Bowl of today")
    shopper.expect_badge(2)


@pytest.mark.slow
def test_sign_up_after_buying_keeps_the_order(shopper: Shopper, client: Client) -> None:
    go_to_payment_step(shopper, client, make_product(), token="tok_visa")
    shopper.click_button("Place order")
    shopper.page.locator("main").get_by_role("link", name="Sign up").click()
    shopper.field("Name").fill("Gia Guest")
    shopper.field("Email").fill("guest@example.org")
    shopper.page.get_by_label("Password").fill(PASSWORD)
    shopper.click_button("Sign up")
    order = Order.objects.placed().get()
    shopper.wait_for_path(order.get_absolute_url())
    assert order.billing_profile.user.email == "guest@example.org"


@pytest.mark.slow
def test_checkout_without_javascript_works_up_to_the_card_field(new_shopper: Callable[..., Shopper]) -> None:
    shopper = new_shopper(java_script_enabled=False)
    shopper.add(make_product(title="Mug"))
    shopper.page.get_by_label("Quantity of Mug").fill("2")
    shopper.click_button("Update: Mug")
    shopper.expect_badge(2)
    shopper.click_button("Checkout")
    shopper.fill_details()
    assert "The card field needs JavaScript" in shopper.page.locator("main noscript").inner_html()
    shopper.click_button("Place order")
    shopper.expect_text("Choose a saved card or enter a new one.")
    order = Order.objects.get()
    assert (order.status, order.has_addresses, order.cart.count_items()) == (Order.Status.OPEN, True, 2)


@pytest.mark.slow
def test_saved_card_pays_without_javascript(
    new_shopper: Callable[..., Shopper], client: Client, simulator: Simulator
) -> None:
    shopper = new_shopper(java_script_enabled=False)
    client.force_login(make_user())
    go_to_payment_step(shopper, client, make_product(), token="tok_visa")
    shopper.click_button("Place order")
    shopper.expect_text("Thank you, your order is paid")
    assert (Order.objects.placed().get().status, charges(simulator)) == (Order.Status.PAID, [2095])
