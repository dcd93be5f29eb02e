"""Tests for the simulator's stripe.js in a browser, on a shop page with a strict content security policy."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stripe
from playwright.sync_api import expect

from stripe_simulator.server import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGE = """<!doctype html><html lang="en"><head><title>Shop</title><link rel="stylesheet" href="/shop.css">
<script src="{origin}/endive/stripe.js"></script><script src="/shop.js" defer></script></head>
<body><main><h1>Pay</h1><form><label for="card">Card</label><div id="card"></div>
<p id="error" role="alert"></p><button>Pay</button></form></main></body></html>"""
STYLE = """:root { color-scheme: light dark } body { font: 16px sans-serif; margin: 16px; max-width: 40em }
#card { border: 1px solid gray; border-radius: 6px; padding: 12px } #card.StripeElement--focus { outline: 2px solid }"""
SCRIPT = """
const client = Stripe("pk_test_shop");
window.client = client; window.changes = [];
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
window.card = client.elements().create("card", {
  hidePostalCode: true,
  style: { base: { color: dark ? "#eee" : "#111", iconColor: dark ? "#bbb" : "#555",
    "::placeholder": { color: dark ? "#aaa" : "#666" } }, invalid: { color: dark ? "#ff9b93" : "#b00020" } },
});
window.ready = new Promise((resolve) => card.on("ready", resolve));
card.on("change", (event) => {
  changes.push(event);
  document.getElementById("error").textContent = event.error ? event.error.message : "";
});
card.mount("#card");
"""


class ShopPage(BaseHTTPRequestHandler):
    """A page with a content security policy as strict as the shop's."""

    origin = ""

    def do_GET(self) -> None:
        """Serve the page, its style sheet or its script."""
        files = {"/shop.css": (STYLE, "text/css"), "/shop.js": (SCRIPT, "text/javascript")}
        text, kind = files.get(self.path, (PAGE.format(origin=self.origin), "text/html"))
        policy = (
            f"default-src 'none'; script-src 'self' {self.origin}; frame-src {self.origin}; "
            f"connect-src {self.origin}; style-src 'self'; form-action 'self'"
        )
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Do not log requests."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    simulator = Simulator()
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture(scope="module")
def shop(simulator):
    handler = type("Page", (ShopPage,), {"origin": simulator.url})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(chromium, shop):
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.errors = []
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(shop)
    page.evaluate("ready.then(() => null)")
    yield page
    context.close()


def card_frame(page):
    return page.frame_locator("iframe[title='Secure card payment input frame']")


def type_card(page, number="4242424242424242"):
    """Type a whole card into the first field. Each complete field moves the focus to the next one."""
    card_frame(page).locator("[name=cardnumber]").click()
    page.keyboard.type(number)
    page.keyboard.type("1230")
    page.keyboard.type("123")


def challenge_frame(page):
    """Return the bank's frame, located in the same way as in a test against Stripe."""
    page.wait_for_selector("iframe[title='Secure 3D authentication']")
    outer = page.frame_locator("iframe[title='Secure 3D authentication']")
    outer.frame_locator("iframe[name=stripe-challenge-frame]").locator("#test-source-authorize-3ds").wait_for()
    return next(frame for frame in page.frames if frame.name == "stripe-challenge-frame")


def create_intent_with_3d_secure(simulator):
    """Create a payment intent that requires 3-D Secure."""
    client = stripe.StripeClient("sk_test_x", base_addresses={"api": simulator.url}, max_network_retries=0)
    intent = client.v1.payment_intents.create({"amount": 1999, "currency": "gbp"})
    method = "pm_card_threeDSecure2Required"
    return client.v1.payment_intents.confirm(intent.id, {"payment_method": method, "use_stripe_sdk": True})


def test_typed_card_becomes_a_token_and_never_reaches_the_page(page, simulator):
    type_card(page)

    result = page.evaluate("client.createToken(card, {name: 'Ada'})")

    assert result["token"]["card"]["last4"] == "4242"
    assert result["token"]["card"]["name"] == "Ada"
    assert "4242424242424242" not in json.dumps([result, page.evaluate("changes"), page.content()])
    assert page.evaluate("changes.at(-1).complete") is True
    expect(page.locator("#card")).to_contain_class("StripeElement--complete")
    assert page.errors == []


@pytest.mark.parametrize(
    ("number", "code"), [("4242424242424241", "invalid_number"), ("42424242", "incomplete_number")]
)
def test_card_field_reports_a_wrong_number(page, number, code):
    card_frame(page).locator("[name=cardnumber]").fill(number)

    result = page.evaluate("client.createToken(card)")

    assert result["error"]["code"] == code
    assert page.evaluate("changes.at(-1).error.code") == code
    expect(page.locator("#error")).to_have_text(result["error"]["message"])
    expect(page.locator("#card")).to_contain_class("StripeElement--invalid")


def test_amex_number_is_grouped_and_its_cvc_has_four_digits(page):
    type_card(page, "378282246310005")
    page.keyboard.type("4")

    frame = card_frame(page)

    expect(frame.locator("[name=cardnumber]")).to_have_value("3782 822463 10005")
    expect(frame.locator("[name=exp-date]")).to_have_value("12 / 30")
    expect(frame.locator("[name=cvc]")).to_have_value("1234")
    assert page.evaluate("changes.at(-1)")["brand"] == "amex"


def test_shopper_can_complete_3d_secure_after_a_reload(page, simulator):
    intent = create_intent_with_3d_secure(simulator)
    page.evaluate("secret => { client.handleNextAction({clientSecret: secret}); }", intent.client_secret)
    challenge_frame(page)
    page.reload()
    page.evaluate("secret => { window.done = client.handleNextAction({clientSecret: secret}) }", intent.client_secret)
    frame = challenge_frame(page)
    page.keyboard.press("Escape")

    frame.click("#test-source-authorize-3ds")

    assert page.evaluate("done")["paymentIntent"]["status"] == "succeeded"
    expect(page.locator("iframe[title='Secure 3D authentication']")).to_have_count(0)
    assert page.evaluate("document.querySelector('main').inert") is False
    assert page.errors == []


def test_shopper_can_fail_3d_secure_by_keyboard(page, simulator):
    card_frame(page).locator("[name=cvc]").click()
    intent = create_intent_with_3d_secure(simulator)
    page.evaluate("secret => { window.done = client.handleNextAction({clientSecret: secret}) }", intent.client_secret)

    frame = challenge_frame(page)
    frame.wait_for_function("document.hasFocus()")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    error = page.evaluate("done")["error"]
    assert error["code"] == "payment_intent_authentication_failure"
    assert error["payment_intent"]["status"] == "requires_payment_method"


def test_card_is_set_up_with_3d_secure(page, simulator):
    client = stripe.StripeClient("sk_test_x", base_addresses={"api": simulator.url}, max_network_retries=0)
    customer = client.v1.customers.create()
    setup = client.v1.setup_intents.create({"customer": customer.id})
    type_card(page, "4000002500003155")
    page.evaluate(
        "secret => { window.done = client.confirmCardSetup(secret, {payment_method: {card}}) }", setup.client_secret
    )

    challenge_frame(page).click("#test-source-authorize-3ds")

    result = page.evaluate("done")["setupIntent"]
    assert result["status"] == "succeeded"
    assert client.v1.payment_methods.retrieve(result["payment_method"]).customer == customer.id
