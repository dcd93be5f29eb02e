"""Browser tests of payments with declines, bank checks, repeated clicks or lost responses."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from billing.models import Card
from orders.models import Order, Payment
from stripe_simulator.server import Simulator
from tests.browser import Shopper, charges, go_to_payment_step
from tests.makers import PASSWORD, make_product, make_user

pytestmark = pytest.mark.browser
CONFIRM = "/v1/payment_intents/*/confirm"
THANKS = "Thank you, your order is paid"


@pytest.mark.slow
def test_member_saves_a_card_and_confirms_with_the_bank(shopper: Shopper, simulator: Simulator) -> None:
    shopper.go("/accounts/signup/")
    shopper.field("Name").fill("Mia Member")
    shopper.field("Email").fill("mia@example.org")
    shopper.page.get_by_label("Password").fill(PASSWORD)
    shopper.click_button("Sign up")
    shopper.expect_text("Welcome! Your account is ready.")
    shopper.save_card("4000002760003184")
    shopper.check_out(make_product(), email="")
    shopper.click_button("Place order")
    shopper.complete_3d_secure(succeed=True)
    shopper.expect_text(THANKS)
    order = Order.objects.placed().get()
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])
    shopper.go("/orders/")
    shopper.expect_text(order.order_id)


@pytest.mark.slow
@pytest.mark.parametrize("is_ticked", [True, False])
def test_card_is_saved_only_with_the_tick(
    shopper: Shopper, client: Client, simulator: Simulator, is_ticked: bool
) -> None:
    client.force_login(make_user())
    go_to_payment_step(shopper, client, make_product())
    tick = shopper.page.get_by_label("Save this card for next time")
    expect(tick).not_to_be_checked()
    tick.set_checked(is_ticked)
    shopper.type_card("4242424242424242")
    shopper.click_button("Place order")
    shopper.expect_text(THANKS)
    assert (Card.objects.get().is_saved, len(simulator.objects("card"))) == (is_ticked, int(is_ticked))


@pytest.mark.slow
def test_paid_order_is_listed_in_the_admin(
    shopper: Shopper, client: Client, new_shopper: Callable[..., Shopper]
) -> None:
    go_to_payment_step(shopper, client, make_product(), token="tok_visa")
    shopper.click_button("Place order")
    shopper.expect_text(THANKS)
    make_user("staff@example.org", is_staff=True, is_superuser=True)
    staff = new_shopper()
    staff.go("/admin/")
    staff.field("Email:").fill("staff@example.org")
    staff.page.get_by_label("Password:").fill(PASSWORD)
    staff.click_button("Log in")
    staff.go("/admin/orders/order/")
    row = staff.page.get_by_role("row").filter(has_text=Order.objects.placed().get().order_id)
    expect(row).to_contain_text("Paid")


@pytest.mark.slow
def test_card_declined_on_entry_keeps_cart_and_stock(shopper: Shopper, client: Client, simulator: Simulator) -> None:
    product = make_product(stock=3)
    go_to_payment_step(shopper, client, product)
    shopper.type_card("4000000000000002")
    shopper.click_button("Place order")
    expect(shopper.page.get_by_role("alert").filter(has_text="Your card was declined")).to_be_visible()
    shopper.expect_badge(1)
    product.refresh_from_db()
    assert (Order.objects.placed().count(), product.stock, simulator.objects("payment_intent")) == (0, 3, [])
    shopper.type_card("4242424242424242")
    shopper.click_button("Place order")
    shopper.expect_text(THANKS)
    assert charges(simulator) == [2095]


@pytest.mark.slow
@pytest.mark.parametrize(("flow", "setups"), [("token", 0), ("setup_intent", 2)])
def test_another_card_pays_the_same_order_after_a_decline(
    shopper: Shopper, client: Client, simulator: Simulator, settings: Any, flow: str, setups: int
) -> None:
    settings.STRIPE_CARD_FLOW = flow
    go_to_payment_step(shopper, client, make_product())
    shopper.type_card("4000000000000341")
    shopper.click_button("Place order")
    shopper.expect_text("Nothing was charged, and your order is kept for you.")
    shopper.pay_again("4242424242424242")
    shopper.expect_text(THANKS)
    assert Order.objects.placed().get().status == Order.Status.PAID
    assert (len(simulator.objects("payment_intent")), charges(simulator)) == (1, [2095])
    assert len(simulator.objects("setup_intent")) == setups


@pytest.mark.slow
def test_failed_bank_check_can_be_repeated(shopper: Shopper, client: Client, simulator: Simulator) -> None:
    go_to_payment_step(shopper, client, make_product())
    shopper.type_card("4000002760003184")
    shopper.click_button("Place order")
    shopper.complete_3d_secure(succeed=False)
    shopper.expect_text("Nothing was charged, and your order is kept for you.")
    assert (Order.objects.placed().get().status, charges(simulator)) == (Order.Status.PLACED, [])
    shopper.click_button("Pay £")
    shopper.complete_3d_secure(succeed=True)
    shopper.expect_text(THANKS)
    assert charges(simulator) == [2095]


@pytest.mark.slow
def test_double_click_places_and_charges_once(shopper: Shopper, client: Client, simulator: Simulator) -> None:
    go_to_payment_step(shopper, client, make_product(), token="tok_visa")
    shopper.button("Place order").dblclick()
    shopper.expect_text(THANKS)
    assert (Order.objects.placed().count(), Payment.objects.count(), charges(simulator)) == (1, 1, [2095])


@pytest.mark.slow
def test_rapid_clicks_without_any_script_charge_once(
    new_shopper: Callable[..., Shopper], client: Client, simulator: Simulator
) -> None:
    shopper = new_shopper(java_script_enabled=False)
    go_to_payment_step(shopper, client, make_product(), token="tok_visa")
    shopper.button("Place order").click(click_count=4)
    shopper.wait_for_path(re.compile("/orders/|/cart/success/"))
    order = Order.objects.placed().get()
    is_paid = shopper.page.get_by_role("heading", level=1).filter(has_text="Paid")
    for _attempt in range(30):  # the first click can still be paying while the last one shows the order
        shopper.go(order.get_absolute_url())
        if is_paid.count():
            break
    expect(is_paid).to_be_visible()
    assert (Order.objects.placed().count(), Payment.objects.count(), charges(simulator)) == (1, 1, [2095])


@pytest.mark.slow
def test_back_after_paying_shows_an_empty_cart(shopper: Shopper, client: Client, simulator: Simulator) -> None:
    go_to_payment_step(shopper, client, make_product(), token="tok_visa")
    shopper.click_button("Place order")
    shopper.expect_text(THANKS)
    shopper.page.go_back()
    shopper.expect_text("Your cart is empty.")
    assert (Order.objects.placed().count(), charges(simulator)) == (1, [2095])


@pytest.mark.slow
def test_place_order_on_a_stale_page_leads_to_the_paid_order(
    shopper: Shopper, client: Client, simulator: Simulator
) -> None:
    go_to_payment_step(shopper, client, make_product(), token="tok_visa")
    stale_tab = shopper.context.new_page()
    stale_tab.goto("/cart/checkout/")
    shopper.click_button("Place order")
    shopper.expect_text(THANKS)
    stale_tab.get_by_role("button", name="Place order").click()
    stale_tab.wait_for_url(Order.objects.placed().get().get_absolute_url())
    expect(stale_tab.get_by_role("heading", level=1)).to_contain_text("Paid")
    assert (Order.objects.placed().count(), charges(simulator)) == (1, [2095])


@pytest.mark.slow
def test_page_detects_a_payment_with_a_lost_response(shopper: Shopper, client: Client, simulator: Simulator) -> None:
    go_to_payment_step(shopper, client, make_product(), token="tok_visa")
    simulator.webhook_url = ""  # no webhook reports the payment either
    simulator.add_fault(CONFIRM, "drop_after")
    simulator.add_fault("/v1/payment_intents/*", "drop_before", method="GET")
    shopper.click_button("Place order")
    shopper.expect_text("We are checking your payment.")
    shopper.expect_text(THANKS)
    assert (Order.objects.placed().get().status, charges(simulator)) == (Order.Status.PAID, [2095])


@pytest.mark.slow
def test_unknown_payment_result_offers_no_second_payment(
    shopper: Shopper, client: Client, simulator: Simulator
) -> None:
    go_to_payment_step(shopper, client, make_product(), token="tok_visa")
    simulator.add_fault(CONFIRM, "drop_before")
    shopper.click_button("Place order")
    shopper.expect_text("We are checking your payment.")
    expect(shopper.button("Pay")).to_have_count(0)
    Payment.objects.update(timestamp=timezone.now() - timedelta(minutes=1))  # the request did not reach Stripe
    shopper.expect_text("The payment did not go through.")
    shopper.click_button("Pay £")
    shopper.expect_text(THANKS)
    assert charges(simulator) == [2095]


@pytest.mark.slow
def test_order_canceled_after_a_decline_restores_the_cart(
    shopper: Shopper, client: Client, simulator: Simulator
) -> None:
    product = make_product(title="Teal mug", stock=3)
    go_to_payment_step(shopper, client, product, token="tok_chargeCustomerFail")
    shopper.click_button("Place order")
    shopper.click_button("Cancel this order and edit the cart")
    shopper.wait_for_path("/cart/")
    shopper.expect_text("Nothing was charged.")
    expect(shopper.page.get_by_role("link", name="Teal mug")).to_be_visible()
    shopper.expect_badge(1)
    product.refresh_from_db()
    assert (Order.objects.placed().get().status, product.stock) == (Order.Status.CANCELED, 3)
    assert charges(simulator) == []


@pytest.fixture
def by_setup_intent(settings: Any) -> None:
    """Save cards with SetupIntents."""
    settings.STRIPE_CARD_FLOW = "setup_intent"


@pytest.mark.slow
@pytest.mark.usefixtures("by_setup_intent")
def test_guest_buys_by_setup_intent(shopper: Shopper, simulator: Simulator) -> None:
    shopper.check_out(make_product())
    assert simulator.objects("setup_intent") == []
    shopper.type_card("4242424242424242")
    shopper.click_button("Place order")
    shopper.expect_text(THANKS)
    [setup] = simulator.objects("setup_intent")
    assert (setup["status"], simulator.objects("token"), charges(simulator)) == ("succeeded", [], [2095])


@pytest.mark.slow
@pytest.mark.usefixtures("by_setup_intent")
def test_card_checked_at_setup_pays_without_another_check(
    shopper: Shopper, client: Client, simulator: Simulator
) -> None:
    go_to_payment_step(shopper, client, make_product())
    shopper.type_card("4000002500003155")
    shopper.click_button("Place order")
    shopper.complete_3d_secure(succeed=True)
    shopper.expect_text(THANKS)
    assert (Payment.objects.get().status, charges(simulator)) == (Payment.Status.SUCCEEDED, [2095])


@pytest.mark.slow
@pytest.mark.usefixtures("by_setup_intent")
def test_failed_check_at_setup_keeps_cart_and_stock(shopper: Shopper, client: Client, simulator: Simulator) -> None:
    product = make_product(stock=3)
    go_to_payment_step(shopper, client, product)
    shopper.type_card("4000002500003155")
    shopper.click_button("Place order")
    shopper.complete_3d_secure(succeed=False)
    expect(shopper.page.get_by_role("alert").filter(has_text="unable to authenticate")).to_be_visible()
    product.refresh_from_db()
    assert (Order.objects.placed().count(), product.stock, charges(simulator)) == (0, 3, [])
    shopper.type_card("4242424242424242")
    shopper.click_button("Place order")
    shopper.expect_text(THANKS)
    assert charges(simulator) == [2095]
