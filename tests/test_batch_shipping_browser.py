"""Browser tests of shipping many orders: few steps with a scanner, and all of it without JavaScript."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from playwright.sync_api import expect

from orders.models import Carrier, Order, Shipment
from tests.makers import PASSWORD, make_paid_order, make_user

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
TO_SHIP = "/admin/orders/order/?to_ship=yes"


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def packer(request: Any, chromium: Any, live_server: Any) -> Iterator[Any]:
    """Return a page of a browser, with and without JavaScript, in which a packer is signed in."""
    user = make_user("packer@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_order", "ship_order"]))
    Carrier.objects.create(name="Parcel Mail")
    context = chromium.new_context(base_url=live_server.url, java_script_enabled=request.param)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.has_scripts = request.param
    page.goto("/admin/login/")
    page.get_by_label("Email").fill("packer@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()
    yield page
    context.close()


def make_orders(count: int) -> list[Order]:
    """Make orders, the one that was paid first at the beginning."""
    return [make_paid_order(placed_at=timezone.now(), paid_at=timezone.now()) for _number in range(count)]


def tick(page: Any, orders: list[Order]) -> int:
    """Tick these orders, which are all, and return the number of clicks."""
    if page.has_scripts:
        page.locator("#action-toggle").check()
        return 1
    for order in orders:
        page.locator(f"input[name=_selected_action][value='{order.pk}']").check()
    return len(orders)


def open_batch(page: Any, orders: list[Order]) -> int:
    """Open the page that ships these orders, and return the number of steps."""
    page.goto(TO_SHIP)
    steps = tick(page, orders)
    page.locator("select[name=action]").select_option(label="Ship selected orders")
    page.get_by_role("button", name="Go", exact=True).click()
    page.locator("#ship_many_form").wait_for()
    return steps + 3


def test_thirty_orders_are_shipped_in_thirty_five_steps(packer: Any) -> None:
    if not packer.has_scripts:
        pytest.skip("Without scripts, each order is ticked on its own.")
    orders = make_orders(30)
    steps = open_batch(packer, orders)
    for number, _order in enumerate(orders, start=1):
        packer.locator("input[name$=tracking]:focus").wait_for()
        packer.keyboard.type(f"RM {number}")  # like a scanner, which sends Enter at the end
        with packer.expect_navigation():
            packer.keyboard.press("Enter")
        steps += 1
    packer.get_by_role("button", name="Ship all ticked orders").click()
    packer.get_by_text("30 orders have been shipped:").wait_for()
    assert steps + 1 <= 35
    found = {shipment.order_id: shipment.tracking for shipment in Shipment.objects.all()}
    assert found == {order.pk: f"RM {number}" for number, order in enumerate(orders, start=1)}


def test_two_orders_are_shipped_and_one_is_named(packer: Any) -> None:
    orders = make_orders(3)
    Order.objects.filter(pk=orders[1].pk).update(attention="Look at this")
    open_batch(packer, orders)
    packer.get_by_label(f"Tracking number {orders[2]}").fill("RM 3")
    packer.get_by_role("button", name="Ship all ticked orders").click()
    packer.get_by_text("2 orders have been shipped:").wait_for()
    expect(packer.get_by_text(f"{orders[1]} needs attention: Look at this")).to_be_visible()
    assert sorted((shipment.order_id, shipment.tracking) for shipment in Shipment.objects.all()) == [
        (orders[0].pk, ""),
        (orders[2].pk, "RM 3"),
    ]


def test_back_button_and_second_press_ship_nothing_again(packer: Any) -> None:
    [order] = make_orders(1)
    open_batch(packer, [order])
    packer.get_by_role("button", name="Ship all ticked orders").click()
    packer.get_by_text("1 order has been shipped:").wait_for()
    packer.go_back()
    button = packer.get_by_role("button", name="Ship all ticked orders")
    if button.count():  # The browser can show the page as it was, or ask for it again.
        button.click()
        packer.get_by_text("was already shipped. Nothing was changed.").wait_for()
    assert Shipment.objects.count() == 1


@pytest.mark.parametrize("width", [390, 1280])
def test_pages_do_not_scroll_sideways(packer: Any, width: int) -> None:
    if not packer.has_scripts:
        pytest.skip("The width is measured by a script.")
    orders = make_orders(2)
    Order.objects.update(shipping_address_text="Gia Guest\n" + "Verylongstreetname" * 8)
    ids = ",".join(str(order.pk) for order in orders)
    packer.set_viewport_size({"width": width, "height": 844})
    for path in (f"ship/?ids={ids}", f"slips/?kind=slip&ids={ids}", f"slips/?kind=note&ids={ids}"):
        packer.goto(f"/admin/orders/order/{path}")
        assert packer.evaluate("document.documentElement.scrollWidth") <= width, path
