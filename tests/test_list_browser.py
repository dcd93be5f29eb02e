"""Browser tests of lists: adding far down a list, filters by keyboard, sorting, and every width."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from carts.models import CartItem
from products.models import Product
from tests.browser import Shopper
from tests.makers import make_category, make_product

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = [320, 390, 768, 992, 1280, 1920]
OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll(".list-layout :is(label, input, select, button, summary, .list-bar p)")]
    .filter((element) => element.checkVisibility() && !element.closest(".product-cards, dialog"))
    .map((element) => [element.outerHTML.slice(0, 60), element.getBoundingClientRect()]);
  const found = [];
  boxes.forEach(([name, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
    const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (width > 1 && height > 1) found.push(`${name} / ${other}`);
  }));
  return found;
}"""


@pytest.fixture
def products(transactional_db: Any) -> list[Product]:
    kitchen = make_category("Kitchen")
    return [make_product(title=f"Mug {number}", category=kitchen, price=number + 1) for number in range(20)]


def scroll_position(shopper: Shopper) -> int:
    return int(shopper.page.evaluate("Math.round(scrollY)"))


def test_adding_far_down_a_list_stays_there_and_shows_a_panel(
    new_shopper: Callable[..., Shopper], products: list[Product]
) -> None:
    shopper = new_shopper(reduced_motion="reduce")
    shopper.go("/products/")
    button = shopper.button("Add to cart: Mug 2", exact=True)
    button.focus()
    before = scroll_position(shopper)
    shopper.page.keyboard.press("Enter")
    panel = shopper.page.locator("dialog[open]")
    expect(panel.get_by_role("status")).to_have_text("Now in your cart: 1 × Mug 2.")
    assert (scroll_position(shopper), shopper.views) == (before, ["/products/"])
    assert before > 500
    shopper.expect_badge(1)
    expect(panel.get_by_role("link", name="View cart")).to_be_focused()
    shopper.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(button).to_be_focused()
    assert CartItem.objects.get().product == products[2]


def test_adding_far_down_a_list_stays_there_without_javascript(
    new_shopper: Callable[..., Shopper], products: list[Product]
) -> None:
    shopper = new_shopper(java_script_enabled=False)
    shopper.go("/products/?price_from=2")
    shopper.click_button("Add to cart: Mug 2")
    shopper.expect_text("Now in your cart: 1 × Mug 2.")
    expect(shopper.page).to_have_url(f"{shopper.shop}/products/?price_from=2#product-{products[2].pk}")
    expect(shopper.page.locator(f"#product-{products[2].pk}")).to_be_in_viewport()
    expect(shopper.page.get_by_role("status").first).to_be_in_viewport()


def test_form_is_sent_as_usual_if_the_script_gets_no_answer(
    new_shopper: Callable[..., Shopper], products: list[Product]
) -> None:
    shopper = new_shopper()
    shopper.go("/products/")
    shopper.page.evaluate("void (window.fetch = () => Promise.reject(new Error('offline')))")
    shopper.click_button("Add to cart: Mug 3")
    shopper.expect_text("Now in your cart: 1 × Mug 3.")


def test_list_is_filtered_by_keyboard_and_sorted_at_once(
    new_shopper: Callable[..., Shopper], products: list[Product]
) -> None:
    shopper = new_shopper(viewport={"width": 390, "height": 800})
    shopper.go("/products/?q=mug")
    shopper.tab_and_press(shopper.page.locator(".filters summary"))
    shopper.tab_and_type(shopper.page.get_by_label("Price from"), "5")
    shopper.tab_and_press(shopper.button("Show products"))
    shopper.page.wait_for_url("**price_from=5*")
    expect(shopper.button("Sort", exact=True)).to_be_hidden()
    shopper.page.get_by_label("Sort by").select_option("price")
    shopper.page.wait_for_url("**sort=price*")
    expect(shopper.page).to_have_url(re.compile("q=mug"))
    expect(shopper.page).to_have_url(re.compile("price_from=5"))
    expect(shopper.page.locator(".product-card h3").first).to_have_text("Mug 4")


def test_list_is_sorted_without_javascript(new_shopper: Callable[..., Shopper], products: list[Product]) -> None:
    shopper = new_shopper(java_script_enabled=False)
    shopper.go("/products/?in_stock=1")
    shopper.page.get_by_label("Sort by").select_option("price")
    shopper.click_button("Sort")
    expect(shopper.page.locator(".product-card h3").first).to_have_text("Mug 0")
    expect(shopper.page).to_have_url(re.compile("in_stock=1"))


@pytest.mark.parametrize("language", ["en-GB", "de"])
@pytest.mark.parametrize("script", [True, False])
def test_fields_of_lists_are_readable_at_every_width(
    new_shopper: Callable[..., Shopper], products: list[Product], language: str, script: bool
) -> None:
    shopper = new_shopper(locale=language, java_script_enabled=script)
    for width in WIDTHS:
        shopper.page.set_viewport_size({"width": width, "height": 900})
        shopper.go("/products/?price_from=x")  # with an error message, so the drawer is open
        assert shopper.page.evaluate(OVERLAPS) == [], width
        assert shopper.page.evaluate("document.documentElement.scrollWidth") == width
        for name in ("price_from", "price_to"):
            box = shopper.page.locator(f"[name={name}]:visible").bounding_box()
            assert box, width
            assert box["width"] >= 90, width
            assert box["height"] >= 44, width


def test_filters_are_beside_the_list_on_wide_screens(
    new_shopper: Callable[..., Shopper], products: list[Product]
) -> None:
    shopper = new_shopper()
    beside = {}
    for width in WIDTHS:
        shopper.page.set_viewport_size({"width": width, "height": 900})
        shopper.go("/products/")
        aside = shopper.page.locator(".list-filters").bounding_box()
        cards = shopper.page.locator(".product-cards").bounding_box()
        assert aside
        assert cards
        beside[width] = aside["x"] + aside["width"] <= cards["x"]
    assert beside == {width: width >= 992 for width in WIDTHS}


def test_second_picture_is_loaded_only_when_the_pointer_is_on_the_card(
    new_shopper: Callable[..., Shopper], products: list[Product]
) -> None:
    row = products[-1]
    size = {"image_width": 800, "image_height": 800}
    Product.objects.filter(pk=row.pk).update(image="products/1.webp", **size)
    row.pictures.create(image="products/2.webp")
    row.pictures.update(**size)
    shopper = new_shopper()
    requested: list[str] = []
    shopper.page.on("request", lambda request: requested.append(request.url))
    shopper.page.route("**/media/**", lambda route: route.fulfill(body=""))
    shopper.go("/products/")
    second = shopper.page.locator(".second")
    assert not [url for url in requested if "/2-" in url]
    with shopper.page.expect_request("**/2-640.webp"):
        shopper.page.locator(f"#product-{row.pk} .product-picture").hover()
    expect(second).to_be_visible()
