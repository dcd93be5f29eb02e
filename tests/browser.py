"""Shopper, a page object for a real browser. Its methods find controls by the names that users see."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Locator, Request, Response, expect

from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import ADDRESS, PASSWORD, add_card, add_to_cart, submit_details

TIMEOUT = 10_000  # milliseconds; only failing tests wait this long
PAYMENT_PAGES = ("/cart/checkout/", "/billing/payment-method/", "/orders/")
DECLINED_FETCH = "the server responded with a status of 402"  # Chromium logs this for a declined card
LABELS = {"Full name": "name", "Address": "line_1", "Town or city": "city", "Postcode": "postal_code"}
FIELDS = "main :is(input, select, textarea):visible"
CARD_FIELD = "iframe[title='Secure card payment input frame']"
MAX_TAB_PRESSES = 60


class Shopper:
    """A visitor with a separate browser context, which records page views, requests and errors."""

    def __init__(self, browser: Browser, shop: str, simulator: Simulator, **options: Any) -> None:
        self.shop = shop
        self.hosts = {urlsplit(shop).netloc, urlsplit(simulator.url).netloc}
        self.stripe_js = f"{simulator.url}/endive/stripe.js"
        self.views: list[str] = []  # paths of the pages seen, without redirects
        self.stripe_pages: list[str] = []  # paths of the pages that loaded Stripe's script
        self.errors: list[str] = []
        self.expected_errors = [DECLINED_FETCH]
        self.context = browser.new_context(base_url=shop, **options)
        self.context.set_default_timeout(TIMEOUT)
        self.context.on("console", self._note_console)
        self.context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.context.on("request", self._note_request)
        self.context.on("response", self._note_response)
        self.page = self.context.new_page()

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(text in message.text for text in self.expected_errors):
            self.errors.append(message.text)

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.netloc not in self.hosts:
            self.errors.append(f"requested another host: {request.url}")
        if request.url == self.stripe_js:
            path = urlsplit(request.frame.url).path
            self.stripe_pages.append(path)
            if not path.startswith(PAYMENT_PAGES):
                self.errors.append(f"loaded Stripe on {path}")

    def _note_response(self, response: Response) -> None:
        if response.ok and response.request.is_navigation_request() and response.frame.parent_frame is None:
            self.views.append(urlsplit(response.url).path)

    def use_session_of(self, client: Client) -> None:
        """Continue the session of a test client, to skip steps that other tests cover."""
        self.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.shop}])

    def go(self, path: str) -> None:
        self.page.goto(path)

    def button(self, name: str, exact: bool = False) -> Locator:
        return self.page.get_by_role("button", name=name, exact=exact)

    def click_button(self, name: str) -> None:
        self.button(name).click()

    def click_link(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()

    def expect_text(self, text: str | re.Pattern[str]) -> None:
        """Wait until the main content contains the text."""
        expect(self.page.locator("main")).to_contain_text(text)

    def expect_badge(self, count: int) -> None:
        expect(self.page.locator("[data-cart-items]")).to_have_text(str(count))

    def wait_for_path(self, path: str | re.Pattern[str]) -> None:
        self.page.wait_for_url(path)

    def add(self, product: Product) -> None:
        """Open the product's page and add the product to the cart."""
        self.go(product.get_absolute_url())
        self.click_button("Add to cart")
        self.wait_for_path("/cart/")

    def field(self, label: str) -> Locator:
        """Return the visible text field with this label."""
        return self.page.get_by_role("textbox", name=label, exact=True)

    def tab_to(self, goal: Locator) -> None:
        """Press Tab until `goal` has the focus. Raise AssertionError after STOPS key presses."""
        for _press in range(MAX_TAB_PRESSES):
            self.page.keyboard.press("Tab")
            if goal.evaluate("element => element === element.ownerDocument.activeElement"):
                return
        raise AssertionError(f"{goal} cannot be reached by Tab")

    def tab_and_type(self, goal: Locator, text: str) -> None:
        self.tab_to(goal)
        self.page.keyboard.type(text)

    def tab_and_press(self, goal: Locator) -> None:
        self.tab_to(goal)
        self.page.keyboard.press("Enter")

    def visible_fields(self) -> int:
        """Count the visible form fields. The card field counts as one."""
        return self.page.locator(FIELDS).count() + self.page.locator(CARD_FIELD).count()

    def fill_details(self, email: str = "guest@example.org") -> None:
        """Fill in and submit the first step of the checkout. Pass an empty `email` if the shopper is signed in."""
        if email:
            self.field("Email").fill(email)
        for label, name in LABELS.items():
            self.field(label).fill(ADDRESS[name])
        self.click_button("Continue to payment")

    def check_out(self, *products: Product, email: str = "guest@example.org") -> None:
        """Add the products and go to the payment step."""
        for product in products:
            self.add(product)
        self.click_button("Checkout")
        self.fill_details(email)
        expect(self.button("Place order")).to_be_visible()

    def card_field(self) -> FrameLocator:
        return self.page.frame_locator(CARD_FIELD)

    def type_card(self, number: str) -> None:
        """Fill in Stripe's card field."""
        field = self.card_field()
        field.locator("[name=cardnumber]").fill(number)
        field.locator("[name=exp-date]").fill("12 / 40")
        field.locator("[name=cvc]").fill("123")

    def pay_again(self, number: str) -> None:
        """Pay on the order's page with a card that is not saved."""
        self.page.get_by_label("Another card").check()
        self.type_card(number)
        self.click_button("Pay £")

    def complete_3d_secure(self, succeed: bool) -> None:
        """Press a button in the 3-D Secure dialog."""
        dialog = self.page.frame_locator("iframe[title='Secure 3D authentication']")
        bank = dialog.frame_locator("iframe[name=stripe-challenge-frame]")
        bank.locator("#test-source-authorize-3ds" if succeed else "#test-source-fail-3ds").click()

    def log_in(self, email: str) -> None:
        """Fill in and submit the first login form on the page."""
        self.page.get_by_label("Email").first.fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.click_button("Log in")

    def save_card(self, number: str) -> None:
        """Save a card on the payment methods page."""
        self.go("/billing/payment-method/")
        self.type_card(number)
        self.click_button("Save card")
        expect(self.page.locator(".card-list")).to_contain_text(number[-4:])
        self.wait_for_path("/billing/payment-method/")


def go_to_payment_step(shopper: Shopper, client: Client, *products: Product, token: str = "") -> None:
    """Take the shopper to the payment step, with the card of `token` saved if `token` is given."""
    for product in products:
        add_to_cart(client, product)
    submit_details(client)
    if token:
        add_card(client, token)
    shopper.use_session_of(client)
    shopper.go("/cart/checkout/")


def charges(simulator: Simulator) -> list[int]:
    """Return the amounts of the successful charges."""
    return [charge["amount"] for charge in simulator.objects("charge") if charge["status"] == "succeeded"]
