"""Browser tests of withdrawals: guest and member, lines and whole order, before and after shipping, and odd presses."""

import re
from datetime import datetime, time, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail as mailbox
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from orders.bookkeeping.reconcile import send_emails
from orders.links import order_url
from orders.models import Order, OrderEvent, Shipment, Withdrawal, WithdrawalMail
from orders.workflow import refunds
from orders.workflow.refunds import RefundRequest
from stripe_simulator.server import Simulator
from tests.browser import Shopper
from tests.makers import buy, make_paid_order, make_product, make_user, ship

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LINK, CONFIRM = "Withdraw from contract here", "Confirm withdrawal"
RECEIPT = re.compile(r"\d{1,2} \w+ \d{4}, \d\d:\d\d:\d\d [A-Z]{3,4}")


def make_order(**fields: Any) -> Order:
    return make_paid_order(make_product(title="Teal mug"), placed_at=timezone.now(), paid_at=timezone.now(), **fields)


def enter(page: Page, number: str, scope: str = "The whole order", items: str = "") -> None:
    """Fill in the form for everybody and go to the second step."""
    page.get_by_label("Your name").fill("Gia Guest")
    page.get_by_label("Order number").fill(number)
    page.get_by_label("Email").fill("guest@example.org")
    page.get_by_label("You withdraw from").select_option(scope)
    if items:
        page.get_by_label("Items, and how many of each").fill(items)
    page.get_by_role("button", name="Continue").click()


def confirm(shopper: Shopper) -> None:
    shopper.click_button(CONFIRM)
    shopper.expect_text("Receipt of your withdrawal")
    shopper.expect_text(RECEIPT)


@pytest.mark.parametrize("is_shipped", [False, True], ids=["before shipping", "after shipping"])
def test_guest_withdraws_from_the_whole_order(shopper: Shopper, is_shipped: bool) -> None:
    order = make_order()
    if is_shipped:
        ship(order, by="packer")
    shopper.go("/products/")
    shopper.click_link(LINK)
    enter(shopper.page, order.order_id)
    shopper.expect_text("I withdraw from the whole order.")
    confirm(shopper)
    row = Withdrawal.objects.get()
    assert (row.order, row.is_whole_order) == (order, True)
    send_emails()
    assert any(row.number in message.body for message in mailbox.outbox)


def test_guest_types_items_of_an_unknown_order(shopper: Shopper) -> None:
    shopper.go("/orders/withdraw/")
    enter(shopper.page, "ABC", "Only these items", "2 mugs\n1 bowl")
    shopper.expect_text("2 mugs")
    shopper.click_button("Change")
    expect(shopper.page.get_by_label("Items, and how many of each")).to_have_value("2 mugs\n1 bowl")
    shopper.click_button("Continue")
    confirm(shopper)
    assert (Withdrawal.objects.get().order, Withdrawal.objects.get().items) == (None, "2 mugs\n1 bowl")


def test_guest_chooses_lines_through_the_emailed_link(shopper: Shopper) -> None:
    order = make_order()
    shopper.go(order_url(order))
    shopper.page.locator("main").get_by_role("link", name=LINK).click()
    shopper.page.get_by_label("Email").fill("guest@example.org")
    shopper.page.get_by_label("You withdraw from").select_option("Only these items")
    shopper.page.get_by_label("Teal mug (up to 1)").fill("1")
    shopper.click_button("Continue")
    shopper.expect_text("1 × Teal mug")
    confirm(shopper)
    assert Withdrawal.objects.get().units == {str(order.items.get().pk): 1}
    shopper.go(order.get_absolute_url())
    shopper.expect_text("Withdrawal received")


def test_member_withdraws_on_the_order_page_after_shipping(shopper: Shopper) -> None:
    user = make_user(name="Alice Archer")
    order = make_order(account=user)
    ship(order, by="packer")
    shopper.go("/accounts/login/?next=/orders/")
    shopper.log_in(user.email)
    shopper.click_link(order.order_id)
    shopper.page.locator("main").get_by_role("link", name=LINK).click()
    expect(shopper.page.get_by_label("Your name")).to_have_value("Alice Archer")
    shopper.page.get_by_label("You withdraw from").select_option("The whole order")
    shopper.click_button("Continue")
    confirm(shopper)
    row = Withdrawal.objects.get()
    assert (row.order, row.is_whole_order, row.email) == (order, True, user.email)


def test_double_press_is_one_withdrawal(shopper: Shopper) -> None:
    order = make_order()
    shopper.go("/orders/withdraw/")
    enter(shopper.page, order.order_id)
    shopper.button(CONFIRM).dblclick()
    shopper.expect_text(RECEIPT)
    shopper.page.reload()
    shopper.expect_text(RECEIPT)
    assert (Withdrawal.objects.count(), WithdrawalMail.objects.receipts().count()) == (1, 1)
    assert order.events.filter(kind=OrderEvent.Kind.WITHDRAWN).count() == 1


def test_two_tabs_get_the_same_receipt(shopper: Shopper) -> None:
    order = make_order()
    tabs = [shopper.page, shopper.context.new_page()]
    for tab in tabs:
        tab.goto("/orders/withdraw/")
        enter(tab, order.order_id)
    for tab in tabs:
        tab.get_by_role("button", name=CONFIRM).click()
        expect(tab.locator("main")).to_contain_text(Withdrawal.objects.get().number)
    assert WithdrawalMail.objects.receipts().count() == 1


def test_refund_made_meanwhile_answers_the_withdrawal(shopper: Shopper, simulator: Simulator) -> None:
    order = buy(Client(), make_product(title="Teal mug"))
    shopper.go("/orders/withdraw/")
    enter(shopper.page, order.order_id)
    refunds.refund(order, RefundRequest(order.total, order.amount_refunded, by="staff"))
    confirm(shopper)
    shopper.go(order_url(order))
    shopper.expect_text("Refunded")
    row = Withdrawal.objects.get()
    assert (row.order, row.closed_at is not None, order.units_to_ship()) == (order, True, {order.items.get().pk: 0})
    output = StringIO()
    call_command("audit", stdout=output)
    assert "No audit findings" in output.getvalue()


def test_forty_tries_from_one_ip_address_are_kept(shopper: Shopper) -> None:
    shopper.go("/orders/withdraw/")
    token = shopper.page.locator("main [name=csrfmiddlewaretoken]").get_attribute("value") or ""
    data: dict[str, Any] = {"csrfmiddlewaretoken": token, "order_number": "ABC", "scope": "whole", "items": ""}
    for number in range(39):
        shopper.context.request.post(
            f"{shopper.shop}/orders/withdraw/confirm/",
            form=data | {"name": f"Gia {number}", "email": f"gia{number}@example.org"},
            headers={"Origin": shopper.shop},
            max_redirects=0,
        )
    shopper.page.reload()
    enter(shopper.page, "ABC")
    confirm(shopper)
    shopper.expect_text("We have not sent this receipt by email yet")
    assert (Withdrawal.objects.count(), WithdrawalMail.objects.receipts().count()) == (40, 10)


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_button_is_shown_on_the_last_day_and_not_on_the_day_after(shopper: Shopper, settings: Any, zone: str) -> None:
    """The order was shipped one minute before midnight. Fourteen days for delivery and fourteen to withdraw follow."""
    settings.TIME_ZONE = zone
    order = make_order()
    ship(order, by="packer")
    button = shopper.page.locator("main").get_by_role("link", name=LINK)
    shopper.go(order_url(order))
    for days, count in [(28, 1), (29, 0)]:
        day = timezone.localtime(timezone.now(), ZoneInfo(zone)).date() - timedelta(days=days)
        Shipment.objects.update(shipped_at=datetime.combine(day, time(23, 59), ZoneInfo(zone)))
        shopper.go(order.get_absolute_url())
        expect(button).to_have_count(count)
    shopper.go(f"/orders/{order.order_id}/withdraw/")  # it is kept, and staff see that it is late
    shopper.page.get_by_label("Email").fill("guest@example.org")
    shopper.page.get_by_label("You withdraw from").select_option("The whole order")
    shopper.click_button("Continue")
    confirm(shopper)
