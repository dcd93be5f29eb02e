"""Browser tests of the product page: pictures, quantity, and what fits on the screens of phones."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from playwright.sync_api import Locator, expect

from core.pages.sample_pages import add_sample_pages
from products.models import Product
from products.tests.test_uploads import make_image
from tests.browser import Shopper
from tests.makers import make_category, make_product

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OVERFLOWS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
PHONE = {"width": 390, "height": 844}
# The bar appears a frame after the page has scrolled.
COVERED = """async () => {
  for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
  const bar = document.querySelector("[data-bar]");
  const {top} = bar.getBoundingClientRect();
  const {bottom} = document.activeElement.getBoundingClientRect();
  return !bar.hidden && !bar.contains(document.activeElement) && bottom > top;
}"""


def picture(size: tuple[int, int] = (1600, 1600)) -> ContentFile:
    return ContentFile(make_image("WEBP", size), "mug.webp")


@pytest.fixture
def mug(shop: str) -> Product:
    """Return a product with two pictures, a long title, three choices with pictures and related products."""
    category = make_category()
    for number in range(4):
        make_product(title=f"Bowl {number}", category=category)
    variants = [
        make_product(
            title=f"Terracotta planter with saucer, {choice}",
            category=category,
            stock=3,
            description="A classic clay pot.\n\nCare:\nWipe it.",
            group="planter",
            option="Size",
            choice=choice,
            image=picture(),
        )
        for choice in ("small", "large", "very large indeed")
    ]
    variants[0].pictures.create(image=picture((1600, 1200)), image_alt="From above")
    add_sample_pages()
    return variants[0]


@pytest.fixture
def visit(new_shopper: Callable[..., Shopper], mug: Product) -> Callable[..., Shopper]:
    """Return a function that opens the page of the product."""

    def visit(width: int = 1280, height: int = 800, **options: Any) -> Shopper:
        shopper = new_shopper(locale="en-GB", viewport={"width": width, "height": height}, **options)
        shopper.go(mug.get_absolute_url())
        return shopper

    return visit


def is_in_view(target: Locator) -> bool:
    box, screen = target.bounding_box(), target.page.viewport_size
    assert box
    assert screen
    return box["y"] >= 0 and box["y"] + box["height"] <= screen["height"]


def test_pictures_are_enlarged_and_left_by_keyboard(visit: Callable[..., Shopper]) -> None:
    page = visit().page
    first, second = page.locator("#picture-1"), page.locator("#picture-2")
    first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Pictures")
    large = dialog.locator("img")
    expect(large).to_have_js_property("naturalWidth", 1600)
    expect(large).to_have_js_property("src", first.evaluate("link => link.href"))
    page.keyboard.press("ArrowRight")
    expect(large).to_have_attribute("alt", "From above")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    expect(large).to_have_js_property("src", first.evaluate("link => link.href"))
    page.get_by_role("button", name="Close").press("Enter")
    expect(first).to_be_focused()


def test_large_picture_is_shown_in_full_size_and_back(visit: Callable[..., Shopper]) -> None:
    page = visit().page
    page.locator("#picture-1").click()
    large = page.locator(".zoom img")
    expect(large).to_have_css("width", "800px")  # the height of the screen
    large.click()
    expect(large).to_have_css("width", "1600px")
    large.click()
    expect(large).to_have_css("width", "800px")


def test_without_a_script_the_pictures_are_links(visit: Callable[..., Shopper]) -> None:
    page = visit(java_script_enabled=False).page
    url = page.locator("#picture-1").get_attribute("href") or ""
    expect(page.locator("[data-step]").first).to_be_hidden()
    page.locator("#picture-1").click()
    page.wait_for_url(f"**{url}")


@pytest.mark.parametrize("width", [768, 1280])
def test_thumbnail_leads_to_its_picture(visit: Callable[..., Shopper], width: int) -> None:
    page = visit(width).page
    page.get_by_role("link", name="Picture 2: From above").click()
    expect(page.locator("#picture-2")).to_be_in_viewport(ratio=0.9)


def test_quantity_is_stepped_within_its_limits(visit: Callable[..., Shopper]) -> None:
    shopper = visit()
    field, more, less = shopper.page.locator("#quantity"), shopper.button("One more"), shopper.button("One less")
    for _press in range(4):
        more.click()
    expect(field).to_have_value("3")  # the stock
    less.press("Enter")
    expect(field).to_have_value("2")
    box = more.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 44
    shopper.click_button("Add to cart")
    shopper.wait_for_path("/cart/")
    shopper.expect_badge(2)


def test_price_and_button_are_on_the_first_screen_of_a_phone(visit: Callable[..., Shopper]) -> None:
    page = visit(**PHONE).page
    assert is_in_view(page.locator(".price-large"))
    assert is_in_view(page.get_by_role("button", name="Add to cart"))
    header = page.locator(".site-header").bounding_box()
    assert header
    assert header["height"] <= PHONE["height"] / 10


def test_bar_with_price_and_button_stands_in_for_the_buy_box(visit: Callable[..., Shopper]) -> None:
    shopper = visit(**PHONE)
    bar = shopper.page.locator("[data-bar]")
    expect(bar).to_be_hidden()
    shopper.page.locator(".product-folds").evaluate("folds => folds.scrollIntoView()")
    expect(bar).to_be_visible()
    shopper.page.locator(".site-footer").scroll_into_view_if_needed()
    expect(bar).to_be_hidden()
    shopper.page.locator(".product-folds").evaluate("folds => folds.scrollIntoView()")
    bar.get_by_role("button", name="Add to cart").click()
    shopper.wait_for_path("/cart/")
    shopper.expect_badge(1)


def test_bar_covers_nothing_that_has_the_focus(visit: Callable[..., Shopper]) -> None:
    page = visit(390, 600, reduced_motion="reduce").page  # so that the page does not scroll slowly
    link = page.locator(".related h3 a").nth(2)
    link.evaluate("link => scrollBy(0, link.getBoundingClientRect().bottom - innerHeight + 5)")
    expect(page.locator("[data-bar]")).to_be_visible()
    link.focus()
    assert not page.evaluate(COVERED)


def test_buy_box_stays_in_view_beside_the_pictures(visit: Callable[..., Shopper]) -> None:
    page = visit(992, 700).page
    page.evaluate("scrollTo(0, 700)")
    assert is_in_view(page.get_by_role("button", name="Add to cart"))
    expect(page.locator("[data-bar]")).to_be_hidden()


@pytest.mark.parametrize("language", ["en-GB", "de-DE"])
def test_page_never_scrolls_sideways(new_shopper: Callable[..., Shopper], mug: Product, language: str) -> None:
    shopper = new_shopper(locale=language)
    wide = {}
    for width in (320, 390, 768, 992, 1280, 1920):
        shopper.page.set_viewport_size({"width": width, "height": 800})
        shopper.go(mug.get_absolute_url())
        shopper.page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
        wide[width] = shopper.page.evaluate(OVERFLOWS)
    assert wide == dict.fromkeys(wide, False)
