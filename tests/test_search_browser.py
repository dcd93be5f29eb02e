"""Browser tests of the suggestions of the search field."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from products.models import Product
from tests.browser import Shopper
from tests.makers import make_product

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RESULTS = re.compile(r"/products/\?q=\w+$")


@pytest.fixture
def mug() -> Product:
    make_product(title="Lamp")
    make_product(title="Matte mug")
    return make_product(title="Teal mug")


def test_arrow_keys_and_enter_open_a_suggestion(new_shopper: Callable[..., Shopper], mug: Product) -> None:
    shopper = new_shopper()
    shopper.go("/")
    field = shopper.page.locator("#site-search")
    field.focus()
    field.press_sequentially("mu")
    options = shopper.page.get_by_role("option")
    expect(options).to_have_count(2)
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    shopper.wait_for_path(mug.get_absolute_url())


def test_escape_closes_the_suggestions_and_enter_searches(new_shopper: Callable[..., Shopper], mug: Product) -> None:
    shopper = new_shopper()
    shopper.go("/")
    field = shopper.page.locator("#site-search")
    field.focus()
    field.press_sequentially("mug")
    expect(shopper.page.get_by_role("option")).to_have_count(2)
    field.press("Escape")
    expect(shopper.page.get_by_role("listbox")).to_have_count(0)
    expect(field).to_have_value("mug")
    field.press("Enter")
    shopper.wait_for_path(RESULTS)
    expect(shopper.page.get_by_role("heading", level=1)).to_contain_text("mug")


def test_field_searches_without_javascript(new_shopper: Callable[..., Shopper], mug: Product) -> None:
    shopper = new_shopper(java_script_enabled=False)
    shopper.go("/")
    field = shopper.page.locator("#site-search")
    field.fill("teal")
    field.press("Enter")
    shopper.wait_for_path(RESULTS)
    expect(shopper.page.get_by_role("link", name="Teal mug").first).to_be_visible()


def test_search_goes_on_if_suggestions_cannot_be_loaded(new_shopper: Callable[..., Shopper], mug: Product) -> None:
    shopper = new_shopper()
    shopper.page.route("**/search/suggestions/**", lambda route: route.abort())
    shopper.expected_errors.append("net::ERR_FAILED")  # Chromium logs it
    shopper.go("/")
    field = shopper.page.locator("#site-search")
    field.focus()
    with shopper.page.expect_event("requestfailed"):
        field.press_sequentially("teal")
    field.press("Enter")
    shopper.wait_for_path(RESULTS)
