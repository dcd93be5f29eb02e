"""Tests for languages: their selection, localized pages, prices, dates and emails, and complete message catalogs."""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polib
import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy

from conftest import skip_unless_ci
from orders.emails import sending
from orders.models import Mail, Order, OrderEvent
from orders.workflow import alerts, cancellation, payments
from stripe_simulator.server import Simulator
from tests.makers import (
    add_card,
    add_to_cart,
    buy,
    make_category,
    make_paid_order,
    make_product,
    make_tax,
    place_order,
    ship,
    submit_details,
)
from tests.markup import Element, parse_html

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
ROOT = Path(settings.BASE_DIR)
CATALOGS = sorted(ROOT.glob("locale/*/LC_MESSAGES/django.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}|</?\w+")


@pytest.fixture
def german() -> Client:
    """Return a visitor whose browser prefers German."""
    return Client(headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})


def choose(client: Client, language: str, **data: str) -> Any:
    """Choose a language with the form in the footer, as a browser on this site does."""
    return client.post(reverse("language"), {"language": language} | data, headers={"Sec-Fetch-Site": "same-origin"})


def language_of(answer: Any) -> str:
    found = re.search(r'<html lang="([\w-]+)"', answer.text)
    return found[1] if found else ""


# Language selection


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", "en-gb"),
        ("de", "de"),
        ("de-CH,fr;q=0.9", "de"),
        ("fr,it;q=0.5", "en-gb"),
        ("fr;q=0.9,de;q=0.8,en;q=0.7", "de"),
        ("en-US,de;q=0.9", "en-gb"),
        ("xx\x01;;;q=,,", "en-gb"),
        ("de," * 2000, "de"),
    ],
)
def test_language_follows_accept_language(client: Client, asked: str, language: str) -> None:
    response = client.get("/", headers={"Accept-Language": asked})
    assert (language_of(response), response.headers["Content-Language"]) == (language, language)
    assert "Accept-Language" in response.headers["Vary"]


def test_accept_language_sets_no_cookie(german: Client) -> None:
    assert not german.get("/").cookies


def test_chosen_language_overrides_accept_language(german: Client) -> None:
    response = choose(german, "en-gb", next="/products/?sort=price")
    assert (response.status_code, response.headers["Location"]) == (302, "/products/?sort=price")
    assert language_of(german.get("/")) == "en-gb"


def test_chosen_language_is_stored_in_an_httponly_cookie(client: Client) -> None:
    cookie = choose(client, "de").cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("de", True, "Lax")
    assert int(cookie["max-age"]) == 365 * 24 * 60 * 60


@pytest.mark.sampled(3)
@pytest.mark.parametrize("language", ["", "fr", "de-AT", "../de", "de\x00", "x" * 5000, "DE"])
def test_unknown_language_sets_no_cookie(client: Client, language: str) -> None:
    response = choose(client, language)
    assert response.status_code in (302, 400)
    assert settings.LANGUAGE_COOKIE_NAME not in response.cookies


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", ""])
def test_language_choice_does_not_redirect_to_other_sites(client: Client, wanted: str) -> None:
    assert choose(client, "de", next=wanted).headers["Location"] == "/"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_language_choice_from_another_site_is_rejected(site: str) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(reverse("language"), {"language": "de"}, headers={"Sec-Fetch-Site": site})
    assert (response.status_code, dict(response.cookies)) == (403, {})


def test_page_lists_languages_in_their_own_names(client: Client) -> None:
    text = client.get("/products/?q=mug").text
    assert re.search(r'<button[^>]* name="language" value="de" lang="de">Deutsch</button>', text)
    assert '<span lang="en-gb" aria-current="true">English</span>' in text
    assert '<input type="hidden" name="next" value="/products/?q=mug">' in text


# Text, numbers and dates


def test_prices_are_localized(german: Client) -> None:
    product = make_product(title="Cast-iron pan", price=Decimal("1234.50"))
    assert "1.234,50\xa0£" in german.get(product.get_absolute_url()).text


def test_structured_data_price_is_not_localized(german: Client) -> None:
    product = make_product(price=Decimal("1234.50"))
    assert '"price": "1234.50"' in german.get(product.get_absolute_url()).text


@pytest.mark.slow
def test_dates_are_localized(german: Client, simulator: Simulator) -> None:
    order = buy(german, make_product())
    Order.objects.filter(pk=order.pk).update(placed_at=datetime(2026, 3, 7, 9, 5, tzinfo=UTC))
    assert "Bestellt am 7. März 2026" in german.get(order.get_absolute_url()).text


def test_catalog_text_has_a_lang_attribute_on_pages_in_another_language(german: Client) -> None:
    product = make_product(title="Stoneware mug")
    assert '<h1 lang="en-gb">Stoneware mug</h1>' in german.get(product.get_absolute_url()).text
    assert "<h1>Stoneware mug</h1>" in Client().get(product.get_absolute_url()).text


def languages_of(text: str, element: Element, language: str = "") -> set[str]:
    """Return the languages declared for the innermost elements whose text is exactly `text`."""
    language = element.attrs.get("lang", language)
    found = {one for child in element.children for one in languages_of(text, child, language)}
    return found or ({language} if element.text == text else set())


@pytest.mark.slow
def test_text_by_staff_has_a_lang_attribute_on_all_pages(german: Client, simulator: Simulator) -> None:
    make_tax(title="Value tax")
    product = make_product(title="Stoneware mug", category=make_category("Mugs"))
    order = buy(german, product)
    add_to_cart(german, product)
    submit_details(german)
    texts = {
        "/": ["Stoneware mug", "Mugs"],
        "/products/": ["Stoneware mug", "Mugs"],
        "/products/?category=mugs": ["Stoneware mug", "Mugs"],
        product.get_absolute_url(): ["Stoneware mug", "Mugs"],
        "/cart/": ["Stoneware mug", "Standard delivery"],
        "/cart/checkout/": ["Stoneware mug", "Standard delivery"],
        "/orders/": ["Stoneware mug"],
        order.get_absolute_url(): ["Stoneware mug", "Standard delivery"],
    }
    pages = {path: parse_html(german.get(path).text) for path in texts}
    languages = {(path, text): languages_of(text, pages[path]) for path, expected in texts.items() for text in expected}
    assert languages == {key: {"en-gb"} for key in languages}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/nothing/", "Seite nicht gefunden"),
        ("/accounts/login/", "Anmelden"),
        ("/cart/", "Ihr Warenkorb"),
        ("/products/?q=zzzzzzz", "Wir haben nichts zu „zzzzzzz“ gefunden."),
        ("/orders/", "Ihre Bestellungen"),
    ],
)
def test_pages_are_translated(german: Client, path: str, text: str) -> None:
    assert text in german.get(path).text


def test_form_errors_and_page_title_are_translated(german: Client) -> None:
    response = german.post("/accounts/login/", {"email": "", "password": ""})
    assert "<title>Fehler: " in response.text
    assert "Es gibt ein Problem" in response.text


def test_german_decimal_comma_filters_by_price(german: Client) -> None:
    make_product(title="Dear vase", price=Decimal("1210.60"))
    make_product(title="Cheap cup", price=Decimal("1210.40"))
    text = german.get("/products/?price_to=1.210,50").text
    assert ("Cheap cup" in text, "Dear vase" in text) == (True, False)


def test_decimal_comma_in_a_url_works_in_english(client: Client) -> None:
    make_product(title="Dear vase", price=Decimal("10.60"))
    make_product(title="Cheap cup", price=Decimal("10.40"))
    text = client.get("/products/?price_to=10,50").text
    assert ("Cheap cup" in text, "Dear vase" in text) == (True, False)


def test_bad_request_page_uses_the_language_of_the_request(german: Client, client: Client) -> None:
    german.get("/")
    response = client.get("/?a=%00")
    assert (response.status_code, language_of(response), response.headers["Content-Language"]) == (
        400,
        "en-gb",
        "en-gb",
    )


@pytest.mark.parametrize("path", ["/robots.txt", "/sitemap.xml"])
def test_responses_without_text_do_not_vary_by_language(german: Client, path: str) -> None:
    headers = german.get(path).headers
    assert "Accept-Language" not in headers.get("Vary", "")
    assert "Content-Language" not in headers


def test_language_choice_on_a_405_page_leads_to_the_home_page(client: Client) -> None:
    text = client.get("/cart/update/", headers={"Accept": "text/html"}).text
    assert '<input type="hidden" name="next" value="/">' in text


@pytest.mark.slow
def test_default_language_can_be_german(tmp_path: Path) -> None:
    """Check that a German shop needs no new migrations and passes the system checks."""
    environment = os.environ | {"LANGUAGE_CODE": "de", "VAR_DIR": str(tmp_path), "DATABASE_URL": ""}
    del environment["DATABASE_URL"]
    for command in (["check"], ["makemigrations", "--check", "--dry-run"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True)


# Orders and emails


@pytest.mark.slow
def test_order_and_confirmation_email_use_the_language_of_the_shopper(german: Client, simulator: Simulator) -> None:
    add_to_cart(german, make_product(price=Decimal("12.50")))
    submit_details(german)
    response = place_order(german, add_card(german).json()["card"])
    order = Order.objects.get()
    assert "Vielen Dank" in german.get(response.headers["Location"]).text
    assert (order.language, order.status) == ("de", Order.Status.PAID)
    assert mail.outbox[-1].subject == f"Ihre Bestellung {order.order_id} bei {settings.SITE_NAME}"
    assert "12,50\xa0£" in mail.outbox[-1].body


def test_order_emails_use_the_language_of_the_order() -> None:
    order = make_paid_order(language="de")
    ship(order, by="packer")
    sending.send(order.mails.get(kind=Mail.Kind.SHIPPED))
    assert mail.outbox[-1].subject == f"Ihre Bestellung {order.order_id} ist unterwegs"


@pytest.mark.slow
def test_order_history_uses_the_language_of_the_order(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), token="tok_chargeCustomerFail")
    Order.objects.filter(pk=order.pk).update(language="de")
    order.refresh_from_db()
    card = order.billing_profile.cards.get()
    payments.pay(order, card)
    cancellation.cancel(order, by="expiry")
    texts = dict(order.events.values_list("kind", "text"))
    assert texts[OrderEvent.Kind.DECLINED].startswith("Ihre Karte wurde abgelehnt.")
    assert texts[OrderEvent.Kind.CANCELED] == "Es wurde nichts abgebucht"


@pytest.mark.slow
def test_decline_message_uses_the_language_of_the_reader(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), token="tok_chargeCustomerFail")
    assert "Ihre Karte wurde abgelehnt." in client.get(order.get_absolute_url(), headers={"Accept-Language": "de"}).text


def test_alerts_to_staff_use_the_language_of_the_shop() -> None:
    order = make_paid_order(language="de")
    with translation.override("de"):
        alerts.alert_staff(order, gettext_lazy("Refund no. %(number)s failed: %(text)s"), number=7, text="why")
    order.refresh_from_db()
    assert order.attention == "Refund no. 7 failed: why"
    sending.send_waiting()
    assert mail.outbox[-1].subject == f"Order {order.order_id} needs attention"


# Message catalogs


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_catalog_has_no_untranslated_or_fuzzy_messages(path: Path) -> None:
    catalogue = polib.pofile(str(path))
    assert [entry.msgid for entry in (*catalogue.untranslated_entries(), *catalogue.fuzzy_entries())] == []


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_translations_keep_placeholders_and_tags(path: Path) -> None:
    """Compare placeholders and tags. A missing one hides a value, and a misspelled one breaks the page."""
    wrong = []
    for entry in polib.pofile(str(path)):
        forms = entry.msgstr_plural or {0: entry.msgstr}
        for number, text in forms.items():  # form 0 is the singular in the current languages
            source = entry.msgid_plural if number else entry.msgid
            if sorted(PLACEHOLDER.findall(text)) != sorted(PLACEHOLDER.findall(source)):
                wrong.append(text)
    assert wrong == []


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_compiled_catalog_is_up_to_date(path: Path) -> None:
    """Compare the committed .mo file with its source. `make words` compiles it again."""

    def messages(catalogue: Any) -> dict[Any, Any]:
        return {(one.msgctxt, one.msgid): one.msgstr_plural or one.msgstr for one in catalogue}

    assert messages(polib.mofile(str(path.with_suffix(".mo")))) == messages(polib.pofile(str(path)))


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_catalog_has_all_messages_and_no_others(path: Path, tmp_path: Path) -> None:
    """Check that the catalog has exactly the messages that `make words` finds in the code and the templates."""
    if not shutil.which("xgettext"):
        skip_unless_ci("No xgettext. Install it: `apt-get install gettext`.")
    copy = tmp_path / "shop"
    ignored = shutil.ignore_patterns(".*", "var", "static", "__pycache__", "docs", "tests")
    shutil.copytree(ROOT, copy, ignore=ignored)
    command = [sys.executable, "manage.py", "makemessages", "--locale", path.parts[-3], "--no-obsolete", "-v", "0"]
    subprocess.run(command, cwd=copy, check=True)
    found = polib.pofile(str(copy / path.relative_to(ROOT)))
    assert {(one.msgctxt, one.msgid) for one in found} == {(one.msgctxt, one.msgid) for one in polib.pofile(str(path))}
