"""The duties of consumer law as shoppers meet them, in a browser and in emails, in English and German.

docs/law.md names these tests. tests/test_lawful.py plants violations.
"""

import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from playwright.sync_api import Locator, expect

from core.models import ContactMail, Page, Shop
from core.pages.models import PageText
from orders.bookkeeping.reconcile import send_emails
from orders.models import Order, Withdrawal
from stripe_simulator.server import Simulator
from tests.browser import Shopper
from tests.lawful_shop import LONG, NOTICE, SELLER, make_lawful_shop, make_page
from tests.makers import PASSWORD, add_card, add_to_cart, make_product, make_user, place_order, submit_details

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.parametrize("language", ["en-gb", "de"])]
GERMANY = {"country": "DE", "postal_code": "28195", "city": "Bremen"}
SIZES = [pytest.param(390, id="390"), pytest.param(1280, id="1280")]
BUTTON = {"en-gb": "Place order and pay", "de": "Zahlungspflichtig bestellen"}
WITHDRAW = {"en-gb": "Withdraw from contract here", "de": "Vertrag widerrufen"}
CONFIRM = {"en-gb": "Confirm withdrawal", "de": "Widerruf bestätigen"}
COUNTRIES = {"en-gb": "We deliver to all countries.", "de": "Wir liefern in alle Länder."}
MAX_GAP = 160  # pixels between what has to stand directly above the button and the button
Visit = Callable[..., Shopper]


@pytest.fixture
def visit(new_shopper: Callable[..., Shopper], language: str, shop: str) -> Visit:
    """Return a function that opens a browser in this language, in a shop that lacks nothing."""
    make_lawful_shop()
    locale = {"en-gb": "en-GB", "de": "de-DE"}[language]

    def make(width: int = 1280) -> Shopper:
        return new_shopper(locale=locale, viewport={"width": width, "height": 900})

    return make


@pytest.fixture
def buyer(client: Client, language: str, simulator: Simulator, transactional_db: None) -> Client:
    """Return a client that asks for pages in this language. No webhook settles its order in another thread."""
    make_lawful_shop()
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    return client


def to_pay_step(shopper: Shopper, client: Client) -> None:
    """Go to the payment step for a delivery to Germany."""
    add_to_cart(client, make_product(title="Teal mug"), 2)
    submit_details(client, **GERMANY)
    shopper.use_session_of(client)
    shopper.go("/cart/checkout/")


def order_button(shopper: Shopper) -> Locator:
    return shopper.page.locator("button.btn-pay")


def top(locator: Locator) -> float:
    box = locator.bounding_box()
    assert box
    return box["y"]


def bottom(locator: Locator) -> float:
    box = locator.bounding_box()
    assert box
    return box["y"] + box["height"]


def confirmation(client: Client) -> str:
    """Place an order to Germany and return the text of its confirmation."""
    add_to_cart(client, make_product(title="Teal mug"), 2)
    submit_details(client, **GERMANY)
    place_order(client, add_card(client).json()["card"])
    send_emails()
    [message] = [one for one in mail.outbox if one.to == ["guest@example.org"]]
    return str(message.body)


# --- L1 ---


def test_footer_and_imprint_say_who_sells(visit: Visit, language: str) -> None:
    shopper = visit()
    shopper.go("/")
    footer = shopper.page.locator("footer")
    for text in (SELLER["legal_name"], SELLER["street"], SELLER["email"]):
        expect(footer).to_contain_text(text)
    footer.get_by_role("link", name=f"Imprint {language}".title()).click()
    for name in (
        "legal_name",
        "street",
        "city",
        "phone",
        "register",
        "register_number",
        "vat_id",
        "responsible_person",
    ):
        shopper.expect_text(SELLER[name])


def test_confirmation_says_who_sells(buyer: Client, language: str) -> None:
    end = confirmation(buyer).rpartition("\n-- \n")[2]
    for name in ("legal_name", "street", "register_number", "vat_id"):
        assert SELLER[name] in end


# --- L2 ---


@pytest.mark.parametrize("width", SIZES)
def test_terms_privacy_and_withdrawal_are_linked_directly_above_the_button(
    visit: Visit, client: Client, language: str, width: int
) -> None:
    shopper = visit(width)
    to_pay_step(shopper, client)
    links = shopper.page.locator(".legal-links")
    assert 0 <= top(order_button(shopper)) - bottom(links) < MAX_GAP
    for kind in ("terms", "privacy", "withdrawal"):
        text = PageText.objects.get(page__kind=kind, language=language)
        link = links.get_by_role("link", name=text.title)
        expect(link).to_have_attribute("href", text.get_absolute_url())


def test_confirmation_contains_terms_and_withdrawal_policy_in_full(buyer: Client, language: str) -> None:
    body = " ".join(confirmation(buyer).split())
    for kind in ("terms", "withdrawal"):
        text = PageText.objects.get(page__kind=kind, language=language).plain_text
        assert " ".join(text.split()) in body
    order = Order.objects.placed().get()
    assert order.terms_text
    assert order.terms_text.language == language


def test_delivery_and_all_other_policies_are_in_the_footer_of_every_page(visit: Visit, language: str) -> None:
    shopper = visit(390)
    shopper.go("/products/")
    for kind in ("delivery", "terms", "privacy", "withdrawal", "accessibility"):
        shopper.page.locator("footer").get_by_role("link", name=f"{kind} {language}".title()).click()
        shopper.expect_text(f"{kind} {language}.")


# --- L3 ---


@pytest.mark.parametrize("width", SIZES)
def test_items_delivery_and_total_stand_directly_above_a_button_that_obliges_to_pay(
    visit: Visit, client: Client, language: str, width: int
) -> None:
    shopper = visit(width)
    to_pay_step(shopper, client)
    button, summary = order_button(shopper), shopper.page.locator(".pay-step .summary")
    expect(button).to_have_text(re.compile(rf"^{BUTTON[language]} · £?\d[\d.,]*(\s£)?$"))
    for text in ("2 × Teal mug", "Standard delivery", "36"):
        expect(summary).to_contain_text(text)
    items, totals = summary.locator(".summary-lines"), summary.locator(".totals")
    assert bottom(items) <= top(totals) < bottom(totals) <= top(button)
    assert top(button) - bottom(totals) < MAX_GAP
    expect(shopper.page.locator(".totals")).to_have_count(1)


# --- L4 ---


def test_contract_is_withdrawn_in_two_steps_with_a_receipt(visit: Visit, language: str) -> None:
    shopper = visit(390)
    shopper.go("/products/")
    shopper.page.locator("footer").get_by_role("link", name=WITHDRAW[language]).click()
    for name, text in (("name", "Gia Guest"), ("order_number", "ABC"), ("email", "guest@example.org")):
        shopper.page.locator(f"main [name={name}]").fill(text)
    shopper.page.locator("main [name=scope]").select_option(index=1)
    shopper.page.locator("main form button").first.click()
    shopper.click_button(CONFIRM[language])
    row = Withdrawal.objects.get()
    time = re.compile(r"\d\d:\d\d:\d\d")
    shopper.expect_text(time)
    shopper.expect_text(row.number)
    send_emails()
    [message] = [one for one in mail.outbox if one.to == ["guest@example.org"]]
    for text in ("Gia Guest", "ABC", row.number, str(row.declared_at.year)):
        assert text in message.body
    assert time.search(str(message.body))


# --- L5 ---


@pytest.mark.parametrize("width", SIZES)
def test_notice_of_the_legal_guarantee_is_seen_before_the_button(
    visit: Visit, client: Client, language: str, width: int
) -> None:
    shopper = visit(width)
    to_pay_step(shopper, client)
    picture = shopper.page.get_by_role("img", name=NOTICE[language])
    expect(picture).to_be_visible()
    assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 400
    assert picture.evaluate("picture => picture.closest('a, details, dialog')") is None
    assert picture.evaluate(
        "(picture, button) => picture.compareDocumentPosition(button) & Node.DOCUMENT_POSITION_FOLLOWING",
        order_button(shopper).element_handle(),
    )


def test_confirmation_contains_the_words_of_the_notice(buyer: Client, language: str) -> None:
    assert NOTICE[language] in confirmation(buyer)


# --- L10 ---


@pytest.mark.parametrize("path", ["/cart/", "/cart/checkout/"])
def test_order_begins_with_countries_and_means_of_payment(
    visit: Visit, client: Client, language: str, path: str
) -> None:
    shopper = visit(390)
    add_to_cart(client, make_product())
    shopper.use_session_of(client)
    shopper.go(path)
    for text in (COUNTRIES[language], "Visa", "Mastercard", "American Express"):
        shopper.expect_text(text)


# --- L12 ---


def test_withdrawal_page_has_the_model_form_with_the_address_of_the_seller(visit: Visit, language: str) -> None:
    shopper = visit()
    shopper.go(Page.objects.get(kind="withdrawal", language=language).get_absolute_url())
    heading = {"en-gb": "Model withdrawal form", "de": "Muster-Widerrufsformular"}[language]
    expect(shopper.page.get_by_role("heading", name=heading)).to_be_visible()
    shopper.expect_text(SELLER["legal_name"])
    shopper.expect_text(SELLER["street"])


# --- L14 ---


def test_box_to_save_the_card_is_not_ticked(visit: Visit, client: Client, language: str) -> None:
    shopper = visit()
    client.force_login(make_user())
    to_pay_step(shopper, client)
    expect(shopper.page.locator("input[name=save]")).not_to_be_checked()


# --- L15 ---


def test_no_cookie_is_set_before_the_first_product_is_added(visit: Visit, language: str) -> None:
    shopper, product = visit(), make_product()
    for path in ("/", "/products/", product.get_absolute_url(), "/cart/", "/contact/", "/orders/withdraw/"):
        shopper.go(path)
        names = {cookie["name"] for cookie in shopper.context.cookies()}
        assert names <= {"csrftoken"}, path  # which protects the forms of the last two
    shopper.context.clear_cookies()
    shopper.go("/")
    shopper.go(product.get_absolute_url())
    assert shopper.context.cookies() == []


# --- L16 ---


def test_member_downloads_and_deletes_their_data(visit: Visit, client: Client, language: str) -> None:
    shopper = visit()
    client.force_login(make_user(name="Mia Member"))
    shopper.use_session_of(client)
    profile, download, deletion = (
        reverse(f"accounts:{name}") for name in ("profile", "data_download", "account_delete")
    )
    shopper.go(profile)
    with shopper.page.expect_download() as started:
        shopper.page.locator(f"main a[href='{download}']").click()
        shopper.page.locator("main input[type=password]").fill(PASSWORD)
        shopper.page.locator("main form button").first.click()
    assert "Mia Member" in started.value.path().read_text()
    shopper.go(profile)
    shopper.page.locator(f"main a[href='{deletion}']").click()
    expect(shopper.page.locator("main input[type=password]")).to_be_visible()


# --- L17 ---


def test_accessibility_statement_is_one_click_away(visit: Visit, language: str) -> None:
    shopper = visit()
    shopper.go("/")
    shopper.page.locator("footer").get_by_role("link", name=f"Accessibility {language}".title()).click()
    shopper.expect_text(f"accessibility {language}.")


# --- L18 ---


def test_product_page_shows_no_reviews(visit: Visit, language: str) -> None:
    shopper = visit()
    shopper.go(make_product().get_absolute_url())
    source = shopper.page.content().lower()
    assert not [word for word in ("review", "rating", "bewertung") if word in source]


# --- L19 ---


def test_imprint_shows_the_numbers_of_further_registers(visit: Visit, language: str) -> None:
    shopper = visit()
    Shop.objects.update(packaging_number="DE1234567890123", electrical_number="12345678")
    make_page("imprint", language, "{seller}\n\n{registrations}\n\n" + LONG)
    shopper.go(Page.objects.get(kind="imprint", language=language).get_absolute_url())
    shopper.expect_text("DE1234567890123")
    shopper.expect_text("12345678")


# --- L20 ---


def test_shopper_writes_to_the_shop_from_every_page(visit: Visit, language: str) -> None:
    shopper = visit()
    shopper.go("/products/")
    shopper.page.locator("footer a[href='/contact/']").first.click()
    for name, text in (("name", "Gia Guest"), ("email", "gia@example.org"), ("message", "Where is my order?")):
        shopper.page.locator(f"main [name={name}]").fill(text)
    shopper.page.locator("main form button").first.click()
    expect(shopper.page.locator(".notice-success")).to_be_visible()
    assert ContactMail.objects.get().to == SELLER["email"]


# --- L21 ---


def test_imprint_says_whether_the_shop_takes_part_in_dispute_resolution(visit: Visit, language: str) -> None:
    shopper = visit()
    shopper.go(Page.objects.get(kind="imprint", language=language).get_absolute_url())
    with translation.override(language):
        shopper.expect_text(_("We do not take part in dispute resolution before a consumer arbitration body."))
    expect(shopper.page.locator("a[href*='ec.europa.eu']")).to_have_count(0)
