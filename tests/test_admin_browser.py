"""Browser tests of the admin under the Content-Security-Policy: pages and scripts work without console errors."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image
from playwright.sync_api import expect

from orders.tests.test_order_page import make_full_order
from tests.makers import PASSWORD, make_category, make_paid_order, make_product, make_user

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PAGES = [
    "/admin/",
    "/admin/products/product/",
    "/admin/products/product/?attention=low",
    "/admin/products/product/add/",
    "/admin/products/product/stock/",
    "/admin/products/category/add/?_popup=1",
    "/admin/products/stockmovement/?at__day=1",
    "/admin/orders/order/",
    "/admin/orders/mail/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/password_change/",
    "/admin/products/product/999/change/",
    "/admin/nothing/",
]


@pytest.fixture
def staff(chromium: Any, live_server: Any) -> Iterator[Any]:
    """Return a browser page signed in as a superuser. Fail at the end if the browser logged errors."""
    make_user("boss@example.org", is_staff=True, is_superuser=True)
    errors: list[str] = []
    context = chromium.new_context(base_url=live_server.url)
    context.set_default_timeout(10_000)
    context.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = context.new_page()
    page.goto("/admin/login/")
    page.get_by_label("Email").fill("boss@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()
    yield page
    context.close()
    # Chromium also logs an error for a missing page itself. That is expected here.
    assert [text for text in errors if "status of 404" not in text] == []


def test_admin_pages_load_without_errors(staff: Any) -> None:
    product = make_product(category=make_category(), stock=3)
    rows = [f"/admin/products/product/{product.pk}/{page}/" for page in ("change", "history", "delete")]
    for path in [*PAGES, *rows]:
        staff.goto(path, wait_until="load")
        expect(staff.locator("h1").first, path).to_be_visible()


def test_refund_is_added_up_while_it_is_chosen_and_takes_four_clicks(staff: Any) -> None:
    """Three mugs for 10.00: their thirds are 3.33, 3.34 and 3.33."""
    order = make_paid_order(make_product(title="Mug"), total=Decimal("14.95"))
    order.items.update(quantity=3, total=Decimal(10))
    staff.goto(f"/admin/orders/order/{order.pk}/change/")
    staff.get_by_role("link", name="Refund", exact=True).click()
    staff.get_by_label("Units to refund: Mug").click()
    for units, total in (("1", "£3.33"), ("2", "£6.67"), ("3", "£10.00")):
        staff.get_by_label("Units to refund: Mug").fill(units)
        expect(staff.locator("#refund_sum")).to_have_text(f"Sum: {total}")
    staff.get_by_role("button", name="Continue").click()
    expect(staff.get_by_role("button", name="Refund £10.00")).to_be_visible()


def test_email_preview_is_shown_in_a_frame(staff: Any) -> None:
    make_paid_order()
    staff.goto("/admin/orders/mail/samples/confirmation/")
    heading = staff.frame_locator("iframe").get_by_role("heading", name="Thank you for your order")
    heading.wait_for()
    # The inline styles apply.
    assert heading.evaluate("heading => getComputedStyle(heading.closest('td')).borderRadius") == "10px"


@pytest.mark.parametrize("width", [390, 1280])
def test_home_page_does_not_scroll_sideways(staff: Any, width: int) -> None:
    make_paid_order(total=Decimal("123456.78"), paid_at=timezone.now())
    staff.set_viewport_size({"width": width, "height": 800})
    staff.goto("/admin/")
    staff.get_by_text("Table of the days in GBP").click()
    expect(staff.get_by_role("img", name="Sales by day in GBP")).to_be_visible()
    expect(staff.get_by_role("row", name="£123,456.78").first).to_be_visible()
    assert staff.evaluate("document.documentElement.scrollWidth") <= width


def test_admin_scripts_run(staff: Any) -> None:
    for _ in range(3):
        make_product()
    staff.goto("/admin/products/product/")
    staff.locator("#action-toggle").check()
    expect(staff.locator("input.action-select:checked")).to_have_count(3)
    staff.goto("/admin/products/product/add/")
    with staff.expect_popup() as popup:
        staff.locator("#add_id_category").click()
    popup.value.get_by_label("Title").fill("Jugs")
    popup.value.get_by_role("button", name="Save").click()
    staff.locator("#id_category option:checked", has_text="Jugs").wait_for(state="attached")


def test_uploaded_image_is_shown(staff: Any, client: Client, tmp_path: Path) -> None:
    product = make_product(title="Teal mug")
    Image.new("RGB", (60, 40), "teal").save(tmp_path / "mug.jpg")
    staff.goto(f"/admin/products/product/{product.pk}/change/")
    staff.locator("#id_image").set_input_files(tmp_path / "mug.jpg")
    staff.get_by_role("button", name="Save", exact=True).click()
    thumbnail = staff.locator("#result_list img").first
    thumbnail.wait_for()
    assert thumbnail.evaluate("image => image.decode().then(() => image.naturalWidth)") == 60


@pytest.mark.parametrize("width", [390, 1280])
def test_page_of_an_order_does_not_scroll_sideways(staff: Any, width: int) -> None:
    order = make_full_order(shipping_address_text="x" * 90, email=f"{'e' * 60}@example.org", attention="a" * 120)
    order.items.update(title="t" * 150, sku="S" * 40)
    staff.set_viewport_size({"width": width, "height": 800})
    staff.goto(f"/admin/orders/order/{order.pk}/change/")
    staff.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    assert staff.evaluate("document.documentElement.scrollWidth") == width
    assert staff.evaluate("[...document.styleSheets].some(sheet => sheet.href.includes('admin_order'))")


# The words of the headings of a list that are in two lines.
BROKEN_WORDS = """() => [...document.querySelectorAll("#result_list thead th .text")].flatMap(heading => {
    const text = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT), broken = [];
    while (text.nextNode()) {
        for (const word of text.currentNode.data.matchAll(/[\\p{L}\\p{N}]+/gu)) {
            const range = document.createRange();
            range.setStart(text.currentNode, word.index);
            range.setEnd(text.currentNode, word.index + word[0].length);
            if (new Set([...range.getClientRects()].map(part => Math.round(part.top))).size > 1) broken.push(word[0]);
        }
    }
    return broken;
})"""


@pytest.mark.parametrize("width", [390, 1024, 1280])
@pytest.mark.parametrize("path", ["orders/refund", "orders/shipment", "orders/mail", "products/stockmovement"])
def test_heading_of_a_list_does_not_break_inside_words(staff: Any, path: str, width: int) -> None:
    make_full_order()
    staff.set_viewport_size({"width": width, "height": 800})
    staff.goto(f"/admin/{path}/")
    assert staff.evaluate(BROKEN_WORDS) == []
    assert staff.evaluate("document.documentElement.scrollWidth") <= width
