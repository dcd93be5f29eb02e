"""Browser tests of how many clicks the frequent tasks in docs/staff.md take, without JavaScript.

A click is one on a link or a button, or one into a field to type, unless the page puts the cursor there.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from accounts.staff.roles import make_roles
from orders.emails import queue, sending
from orders.models import Mail, Order, Refund, Shipment
from tests.makers import PASSWORD, buy, make_intact_order, make_product, make_user, ship

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class CountedPage:
    """A page of a browser in which a member of staff is signed in, and the number of clicks since it was opened."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.clicks = 0

    def open(self, path: str) -> None:
        """Open the page on which a task begins. That is not counted."""
        self.page.goto(path)
        self.clicks = 0

    def open_order(self, order: Order) -> None:
        self.open(f"/admin/orders/order/{order.pk}/change/")

    def _click(self, control: Any) -> None:
        control.click()
        self.clicks += 1

    def click_link(self, name: str) -> None:
        self._click(self.page.get_by_role("link", name=name, exact=True).first)

    def click_button(self, name: str, exact: bool = True) -> None:
        self._click(self.page.get_by_role("button", name=name, exact=exact).first)

    def type_into(self, label: str, text: str) -> None:
        """Type into a field, after a click into it unless the page puts the cursor there."""
        field = self.page.get_by_label(label)
        if field.get_attribute("autofocus") is None:
            self._click(field)
        else:
            self.page.locator(f"[id='{field.get_attribute('id')}']:focus").wait_for()
        field.fill(text)

    def wait_for(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for()


@pytest.fixture
def staff(chromium: Any, shop: str) -> Iterator[CountedPage]:
    """Return the page of a member of staff with the roles Packer and Support, in a browser without JavaScript."""
    Role.objects.all().delete()
    Group.objects.all().delete()
    make_roles()
    user = make_user("kim@example.org", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=["Packer", "Support"]))
    context = chromium.new_context(base_url=shop, java_script_enabled=False)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto("/admin/login/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()
    yield CountedPage(page)
    context.close()


@pytest.fixture
def order() -> Order:
    """Return a paid order with postal addresses, which waits to be shipped."""
    return make_intact_order()


def test_oldest_order_is_shipped_in_two_clicks_from_home_and_the_next_in_one(staff: CountedPage, order: Order) -> None:
    oldest = make_intact_order()
    Order.objects.filter(pk=oldest.pk).update(paid_at=timezone.now() - timedelta(days=2))
    staff.open("/admin/")
    staff.click_link("Ship the oldest")
    staff.type_into("Tracking number", "RM 1")
    staff.click_button("Ship and next")
    staff.wait_for(f"{oldest} has been shipped.")
    assert staff.clicks == 2
    staff.type_into("Tracking number", "RM 2")
    staff.click_button("Ship and next")
    staff.wait_for(f"{order} has been shipped.")
    assert staff.clicks == 3
    assert {row.order_id: row.tracking for row in Shipment.objects.all()} == {oldest.pk: "RM 1", order.pk: "RM 2"}


def test_unpaid_order_is_canceled_in_two_clicks(staff: CountedPage, client: Client) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    staff.open_order(order)
    staff.click_link("Cancel order")
    staff.click_button("Cancel order")
    staff.wait_for("has been cancelled.")
    assert staff.clicks == 2


def test_note_is_added_in_three_clicks(staff: CountedPage, order: Order) -> None:
    staff.open_order(order)
    staff.click_link("Add a note")
    staff.type_into("Note", "Leave it with the neighbors")
    staff.click_button("Add note")
    staff.wait_for("The note was added.")
    assert staff.clicks <= 3


def test_email_is_sent_again_in_two_clicks(staff: CountedPage, order: Order) -> None:
    sending.send(queue.queue(order, Mail.Kind.CONFIRMATION))
    staff.open_order(order)
    staff.click_link("Send emails again")
    staff.click_button("Send again: Order confirmed")
    staff.wait_for("will be sent to")
    assert staff.clicks == 2


@pytest.mark.parametrize("kind", ["Packing slip", "Delivery note"])
def test_sheet_to_print_opens_in_one_click(staff: CountedPage, order: Order, kind: str) -> None:
    staff.open_order(order)
    staff.click_link(kind)
    staff.page.get_by_role("heading", name=f"{kind} {order}").wait_for()
    assert staff.clicks == 1


@pytest.mark.parametrize(
    ("link", "field", "value", "corrected"),
    [
        ("Correct the shipping address", "Town or city", "Leeds", "Shipping address"),
        ("Correct the email address", "Email", "gia@example.com", "Email"),
    ],
)
def test_detail_is_corrected_in_three_clicks(
    staff: CountedPage, order: Order, link: str, field: str, value: str, corrected: str
) -> None:
    staff.open_order(order)
    staff.click_link(link)
    staff.type_into(field, value)
    staff.click_button("Correct")
    staff.wait_for(f"{order} was corrected: {corrected}")
    assert staff.clicks == 3


def test_tracking_number_is_corrected_in_three_clicks(staff: CountedPage, order: Order) -> None:
    ship(order, by="kim", tracking="RM 1")
    staff.open_order(order)
    staff.click_link(f"{order}-1")
    staff.click_link("Correct the tracking number")
    staff.type_into("Tracking number", "RM 2")
    staff.click_button("Correct")
    staff.wait_for("RM 2")
    assert staff.clicks == 3


def test_one_line_is_refunded_in_four_clicks(staff: CountedPage, client: Client) -> None:
    order = buy(client, make_product(title="Mug", price=Decimal(10)), quantity=2)
    staff.open_order(order)
    staff.click_link("Refund")
    staff.type_into("Units to refund: Mug", "1")
    staff.click_button("Continue")
    staff.click_button("Refund £10.00")
    staff.wait_for("Refund of £10.00: Refunded")
    assert staff.clicks == 4
    assert Refund.objects.get().amount == Decimal(10)
