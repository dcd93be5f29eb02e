"""Browser tests of two people at one computer: the second finds nothing of the guest who bought before."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from playwright.sync_api import expect

from accounts.models import User
from orders.models import Order
from tests.browser import Shopper
from tests.guests import BUTTON, EMAIL, NAME, STREET, TRACES, paths_without_arguments
from tests.makers import ADDRESS, add_card, add_to_cart, make_product, make_user, submit_details

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STARTS = ["/", "/cart/", "/cart/checkout/", "/cart/checkout/?details", "/orders/", "/billing/payment-method/"]
MAX_PAGES = 60


def buy_as_guest(shopper: Shopper, client: Client) -> Order:
    """Let the first person buy, on the pages of the checkout."""
    add_to_cart(client, make_product(title="Teal mug"))
    submit_details(client, EMAIL, name=NAME, line_1=STREET)
    add_card(client)
    shopper.use_session_of(client)
    shopper.go("/cart/checkout/")
    shopper.click_button("Place order")
    shopper.expect_text("Thank you, your order is paid")
    return Order.objects.placed().get()


def pages_with_traces(shopper: Shopper, order: Order) -> list[str]:
    """Return the URLs, among all pages that are linked or have a known URL, that show something of the guest."""
    waiting, seen, found = [*STARTS, *paths_without_arguments()], set(), []
    while waiting and len(seen) < MAX_PAGES:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        text = shopper.context.request.get(path).text()
        found += [path for trace in [*TRACES, order.order_id] if trace in text]
        waiting += re.findall(r'<a [^>]*href="(/[^"#]*)"', text)
    return found


@pytest.mark.parametrize("way", ["afresh", "limit"])
def test_second_person_finds_nothing_of_the_guest(shopper: Shopper, client: Client, way: str) -> None:
    order = buy_as_guest(shopper, client)
    assert pages_with_traces(shopper, order)
    if way == "afresh":
        shopper.go("/orders/")
        shopper.click_button(BUTTON)
        shopper.expect_text("Your details are no longer stored in this browser.")
    else:
        move_back_five_hours()
    shopper.add(make_product(title="Bowl"))
    assert pages_with_traces(shopper, order) == []
    shopper.page.go_back()
    shopper.page.go_back()
    expect(shopper.page.locator("body")).not_to_contain_text(NAME)
    shopper.errors.clear()  # the pages that the back button asks for again


def move_back_five_hours() -> None:
    """Move the times that the only session knows, instead of waiting."""
    session = Session.objects.get()
    data = session.get_decoded()
    data["guest_times"] = {name: time - 5 * 3600 for name, time in data["guest_times"].items()}
    session.session_data = Session.get_session_store_class()().encode(data)
    session.save()


def test_details_typed_before_logging_in_on_the_page_are_kept(shopper: Shopper) -> None:
    make_user()
    shopper.add(make_product())
    shopper.click_button("Checkout")
    shopper.field("Full name").fill(NAME)
    shopper.field("Address").fill(STREET)
    shopper.page.get_by_text("Already have an account? Log in").click()
    shopper.log_in("alice@example.org")
    expect(shopper.field("Full name")).to_have_value(NAME)
    shopper.fill_details(email="")
    shopper.expect_text(ADDRESS["line_1"])
    assert Order.objects.get(active=True).billing_profile.user == User.objects.get()
