"""Browser tests of the pages that staff write, the footer, the contact form, and the links above the order button."""

from collections.abc import Callable

import pytest
from django.test import Client
from playwright.sync_api import expect

from core.models import ContactMail, Page
from core.pages.publishing import publish
from core.pages.sample_pages import add_sample_pages
from orders.models import Order
from tests.browser import Shopper, go_to_payment_step
from tests.guests import paths_without_arguments
from tests.makers import add_to_cart, make_product, make_user
from tests.visitors import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SCREENS = [{"width": 390, "height": 800}, {"width": 1280, "height": 800}]
LANGUAGES = {"en-GB": ("Imprint", "Terms", "Returns"), "de-DE": ("Impressum", "Allgemeine", "Widerruf")}
OVERFLOWS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: str(screen["width"]))
@pytest.mark.parametrize("language", LANGUAGES)
def test_footer_leads_to_the_pages_in_the_visitors_language(
    new_shopper: Callable[..., Shopper], language: str, screen: dict[str, int]
) -> None:
    add_sample_pages()
    shopper = new_shopper(locale=language, viewport=screen)
    for title in LANGUAGES[language]:
        shopper.page.goto("/")
        assert not shopper.page.evaluate(OVERFLOWS)
        shopper.page.locator("footer nav").get_by_role("link", name=title).first.click()
        expect(shopper.page.locator("h1")).to_contain_text(title)
        expect(shopper.page.locator("footer address")).to_contain_text("Hearth & Clay")
        shopper.page.wait_for_load_state()  # the width depends on the stylesheet
        assert not shopper.page.evaluate(OVERFLOWS)


@pytest.mark.parametrize("width", [320, 390, 768])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("is_signed_in", [True, False])
def test_no_page_scrolls_sideways(
    new_shopper: Callable[..., Shopper], client: Client, language: str, width: int, is_signed_in: bool
) -> None:
    add_sample_pages()
    if is_signed_in:
        sign_in(client, make_user())
    add_to_cart(client, make_product())
    responses = {path: client.get(path) for path in paths_without_arguments()}
    paths = [
        path
        for path, response in responses.items()
        if response.status_code == 200 and response.headers["Content-Type"].startswith("text/html")
    ]
    assert len(paths) > 10
    shopper = new_shopper(locale=language, viewport={"width": width, "height": 800})
    shopper.use_session_of(client)
    wide = []
    for path in paths:
        shopper.go(path)
        wide += [path] * shopper.page.evaluate(OVERFLOWS)
    assert wide == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_contact_form_works_without_javascript(new_shopper: Callable[..., Shopper], language: str) -> None:
    shopper = new_shopper(locale=language, java_script_enabled=False)
    shopper.page.goto("/contact/")
    for name, value in {"name": "Gia", "email": "gia@example.org", "message": "Hello"}.items():
        shopper.page.locator(f"main [name={name}]").fill(value)
    shopper.page.locator("main form button").click()
    expect(shopper.page.locator(".notice-success")).to_have_count(1)
    assert ContactMail.objects.get().message == "Hello"


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: str(screen["width"]))
def test_text_that_was_replaced_is_shown_before_the_order_is_placed(
    new_shopper: Callable[..., Shopper], client: Client, screen: dict[str, int]
) -> None:
    add_sample_pages()
    shopper = new_shopper(locale="en-GB", viewport=screen)
    go_to_payment_step(shopper, client, make_product(), token="tok_visa")
    links, button = shopper.page.locator(".legal-links a"), shopper.page.locator(".btn-pay")
    expect(links).to_have_text(["Terms", "Privacy", "Returns and withdrawal"])
    assert links.last.bounding_box()["y"] < button.bounding_box()["y"]  # type: ignore[index]
    page = Page.objects.get(kind="terms", language="en-gb")
    page.draft = "New terms."
    page.save()
    publish(page)
    shopper.click_button("Place order")
    shopper.expect_text("“Terms” has been changed. Please read it again before you place your order.")
    assert not Order.objects.placed().exists()
    expect(links.first).to_have_attribute("target", "_blank")  # the card that was typed stays
    url = links.first.get_attribute("href") or ""
    assert "New terms." in client.get(url).text
    shopper.click_button("Place order")
    shopper.expect_text("Thank you, your order is paid")
    assert Order.objects.placed().get().terms_text == page.latest_text()
