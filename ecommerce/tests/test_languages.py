"""Languages: chosen by the browser or the visitor, on pages, in prices and dates, in mails; the catalogue is whole."""

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

from billing.simulator.server import Simulator
from conftest import skip_unless_ci
from ecommerce.tests.makers import (
    add_card,
    add_to_cart,
    buy,
    give_details,
    make_category,
    make_paid_order,
    make_product,
    make_tax,
    place_order,
)
from ecommerce.tests.markup import Element, read
from orders import alarms, cancelling, mails, payments
from orders.models import Mail, Order, OrderEvent

pytestmark = pytest.mark.django_db
ROOT = Path(settings.BASE_DIR)
CATALOGUES = sorted(ROOT.glob("locale/*/LC_MESSAGES/django.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}|</?\w+")


@pytest.fixture
def german() -> Client:
    """A visitor whose browser asks for German."""
    return Client(headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})


def choose(client: Client, language: str, **data: str) -> Any:
    """Press the button below a page; the browser says that a page of this site sent it."""
    return client.post(reverse("language"), {"language": language} | data, headers={"Sec-Fetch-Site": "same-origin"})


def language_of(answer: Any) -> str:
    found = re.search(r'<html lang="([\w-]+)"', answer.text)
    return found[1] if found else ""


# Which language


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
def test_browser_says_which_language(client: Client, asked: str, language: str) -> None:
    answer = client.get("/", headers={"Accept-Language": asked})
    assert (language_of(answer), answer.headers["Content-Language"]) == (language, language)
    assert "Accept-Language" in answer.headers["Vary"]


def test_browser_that_asks_gets_no_cookie(german: Client) -> None:
    assert not german.get("/").cookies


def test_choice_is_kept_over_what_the_browser_says(german: Client) -> None:
    answer = choose(german, "en-gb", next="/products/?sort=price")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/products/?sort=price")
    assert language_of(german.get("/")) == "en-gb"


def test_choice_is_a_cookie_that_no_script_reads(client: Client) -> None:
    cookie = choose(client, "de").cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("de", True, "Lax")
    assert int(cookie["max-age"]) == 365 * 24 * 60 * 60


@pytest.mark.parametrize("language", ["", "fr", "de-AT", "../de", "de\x00", "x" * 5000, "DE"])
def test_unknown_choice_changes_nothing(client: Client, language: str) -> None:
    answer = choose(client, language)
    assert answer.status_code in (302, 400)
    assert settings.LANGUAGE_COOKIE_NAME not in answer.cookies


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", ""])
def test_choice_leads_nowhere_else(client: Client, wanted: str) -> None:
    assert choose(client, "de", next=wanted).headers["Location"] == "/"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_site_cannot_choose(site: str) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(reverse("language"), {"language": "de"}, headers={"Sec-Fetch-Site": site})
    assert (answer.status_code, dict(answer.cookies)) == (403, {})


def test_page_offers_the_other_languages_by_their_own_names(client: Client) -> None:
    text = client.get("/products/?q=mug").text
    assert re.search(r'<button[^>]* name="language" value="de" lang="de">Deutsch</button>', text)
    assert '<span lang="en-gb" aria-current="true">English</span>' in text
    assert '<input type="hidden" name="next" value="/products/?q=mug">' in text


# Words, numbers, dates


def test_prices_are_written_as_the_language_does(german: Client) -> None:
    product = make_product(title="Cast-iron pan", price=Decimal("1234.50"))
    assert "1.234,50\xa0£" in german.get(product.get_absolute_url()).text


def test_price_for_search_engines_is_a_number_in_every_language(german: Client) -> None:
    product = make_product(price=Decimal("1234.50"))
    assert '"price": "1234.50"' in german.get(product.get_absolute_url()).text


def test_dates_are_written_as_the_language_does(german: Client, simulator: Simulator) -> None:
    order = buy(german, make_product())
    Order.objects.filter(pk=order.pk).update(placed_at=datetime(2026, 3, 7, 9, 5, tzinfo=UTC))
    assert "Bestellt am 7. März 2026" in german.get(order.get_absolute_url()).text


def test_words_of_the_catalogue_say_which_language_they_are_in(german: Client) -> None:
    product = make_product(title="Stoneware mug")
    assert '<h1 lang="en-gb">Stoneware mug</h1>' in german.get(product.get_absolute_url()).text
    assert "<h1>Stoneware mug</h1>" in Client().get(product.get_absolute_url()).text


def languages_of(words: str, element: Element, language: str = "") -> set[str]:
    """The languages that a page says these words are in, wherever they stand alone."""
    language = element.attrs.get("lang", language)
    found = {one for child in element.inside for one in languages_of(words, child, language)}
    return found or ({language} if element.text == words else set())


def test_whatever_staff_wrote_says_which_language_it_is_in(german: Client, simulator: Simulator) -> None:
    make_tax(title="Value tax")
    product = make_product(title="Stoneware mug", category=make_category("Mugs"))
    order = buy(german, product)
    add_to_cart(german, product)
    give_details(german)
    addresses = {
        "/": ["Stoneware mug", "Mugs"],
        "/products/": ["Stoneware mug", "Mugs"],
        "/products/?category=mugs": ["Stoneware mug", "Mugs"],
        product.get_absolute_url(): ["Stoneware mug", "Mugs"],
        "/cart/": ["Stoneware mug", "Standard delivery"],
        "/cart/checkout/": ["Stoneware mug", "Standard delivery"],
        "/orders/": ["Stoneware mug"],
        order.get_absolute_url(): ["Stoneware mug", "Standard delivery"],
    }
    pages = {address: read(german.get(address).text) for address in addresses}
    told = {(page, words): languages_of(words, pages[page]) for page, wanted in addresses.items() for words in wanted}
    assert told == {key: {"en-gb"} for key in told}


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/nothing/", "Seite nicht gefunden"),
        ("/accounts/login/", "Anmelden"),
        ("/cart/", "Ihr Warenkorb"),
        ("/products/?q=zzzzzzz", "Wir haben nichts zu „zzzzzzz“ gefunden."),
        ("/orders/", "Ihre Bestellungen"),
    ],
)
def test_pages_speak_german(german: Client, address: str, words: str) -> None:
    assert words in german.get(address).text


def test_mistake_is_told_in_german_with_a_title_that_says_so(german: Client) -> None:
    answer = german.post("/accounts/login/", {"email": "", "password": ""})
    assert "<title>Fehler: " in answer.text
    assert "Es gibt ein Problem" in answer.text


def test_german_decimal_comma_filters_by_price(german: Client) -> None:
    make_product(title="Dear vase", price=Decimal("1210.60"))
    make_product(title="Cheap cup", price=Decimal("1210.40"))
    text = german.get("/products/?price_to=1.210,50").text
    assert ("Cheap cup" in text, "Dear vase" in text) == (True, False)


def test_address_with_a_german_price_means_the_same_in_english(client: Client) -> None:
    make_product(title="Dear vase", price=Decimal("10.60"))
    make_product(title="Cheap cup", price=Decimal("10.40"))
    text = client.get("/products/?price_to=10,50").text
    assert ("Cheap cup" in text, "Dear vase" in text) == (True, False)


def test_bad_request_is_answered_in_the_language_of_who_sent_it(german: Client, client: Client) -> None:
    german.get("/")
    answer = client.get("/?a=%00")
    assert (answer.status_code, language_of(answer), answer.headers["Content-Language"]) == (400, "en-gb", "en-gb")


@pytest.mark.parametrize("path", ["/robots.txt", "/sitemap.xml"])
def test_what_holds_no_words_is_one_copy_in_every_cache(german: Client, path: str) -> None:
    headers = german.get(path).headers
    assert "Accept-Language" not in headers.get("Vary", "")
    assert "Content-Language" not in headers


def test_page_that_cannot_be_opened_again_leads_home_in_the_other_language(client: Client) -> None:
    text = client.get("/cart/update/", headers={"Accept": "text/html"}).text
    assert '<input type="hidden" name="next" value="/">' in text


def test_shop_may_be_german_from_the_ground(tmp_path: Path) -> None:
    """Neither do the migrations look stale, nor does a check complain."""
    environment = os.environ | {"LANGUAGE_CODE": "de", "VAR_DIR": str(tmp_path), "DATABASE_URL": ""}
    del environment["DATABASE_URL"]
    for command in (["check"], ["makemigrations", "--check", "--dry-run"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True)


# Orders and mails


def test_german_shopper_buys_in_german(german: Client, simulator: Simulator) -> None:
    add_to_cart(german, make_product(price=Decimal("12.50")))
    give_details(german)
    answer = place_order(german, add_card(german).json()["card"])
    order = Order.objects.get()
    assert "Vielen Dank" in german.get(answer.headers["Location"]).text
    assert (order.language, order.status) == ("de", Order.Status.PAID)
    assert mail.outbox[-1].subject == f"Ihre Bestellung {order.order_id} bei {settings.SITE_NAME}"
    assert "12,50\xa0£" in mail.outbox[-1].body


def test_mails_of_an_order_keep_its_language_whoever_causes_them() -> None:
    order = make_paid_order(language="de")
    mails.send(mails.queue(order, Mail.Kind.SHIPPED))
    assert mail.outbox[-1].subject == f"Ihre Bestellung {order.order_id} ist unterwegs"


def test_history_is_in_the_language_of_the_order(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), token="tok_chargeCustomerFail")
    Order.objects.filter(pk=order.pk).update(language="de")
    order.refresh_from_db()
    card = order.billing_profile.cards.get()
    payments.pay(order, card)
    cancelling.cancel(order, by="expiry")
    texts = dict(order.events.values_list("kind", "text"))
    assert texts[OrderEvent.Kind.DECLINED].startswith("Ihre Karte wurde abgelehnt.")
    assert texts[OrderEvent.Kind.CANCELED] == "Es wurde nichts abgebucht"


def test_declined_card_is_told_in_the_language_of_who_reads(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), token="tok_chargeCustomerFail")
    assert "Ihre Karte wurde abgelehnt." in client.get(order.get_absolute_url(), headers={"Accept-Language": "de"}).text


def test_staff_are_told_in_the_language_of_the_shop() -> None:
    order = make_paid_order(language="de")
    with translation.override("de"):
        alarms.alarm(order, gettext_lazy("Refund no. %(number)s failed: %(text)s"), number=7, text="why")
    order.refresh_from_db()
    assert order.attention == "Refund no. 7 failed: why"
    mails.send_waiting()
    assert mail.outbox[-1].subject == f"Order {order.order_id} needs attention"


# The catalogues


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_everything_is_translated(path: Path) -> None:
    catalogue = polib.pofile(str(path))
    assert [entry.msgid for entry in (*catalogue.untranslated_entries(), *catalogue.fuzzy_entries())] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_translations_keep_what_is_filled_in(path: Path) -> None:
    """Placeholders and tags: a lost one hides a number, a misspelt one breaks the page."""
    wrong = []
    for entry in polib.pofile(str(path)):
        forms = entry.msgstr_plural or {0: entry.msgstr}
        for number, words in forms.items():  # the first is the singular, in the languages we have
            source = entry.msgid_plural if number else entry.msgid
            if sorted(PLACEHOLDER.findall(words)) != sorted(PLACEHOLDER.findall(source)):
                wrong.append(words)
    assert wrong == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_compiled_catalogue_is_up_to_date(path: Path) -> None:
    """A bare machine cannot compile it, so it lies beside its source: `make words` makes it anew."""

    def words(catalogue: Any) -> dict[Any, Any]:
        return {(one.msgctxt, one.msgid): one.msgstr_plural or one.msgstr for one in catalogue}

    assert words(polib.mofile(str(path.with_suffix(".mo")))) == words(polib.pofile(str(path)))


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_catalogue_holds_every_word_of_the_shop(path: Path, tmp_path: Path) -> None:
    """What `make words` would find in the code and the templates is there, and nothing else."""
    if not shutil.which("xgettext"):
        skip_unless_ci("No xgettext: apt-get install gettext")
    copy = tmp_path / "shop"
    left_out = shutil.ignore_patterns(".*", "var", "static", "__pycache__", "docs", "tests")
    shutil.copytree(ROOT, copy, ignore=left_out)
    command = [sys.executable, "manage.py", "makemessages", "--locale", path.parts[-3], "--no-obsolete", "-v", "0"]
    subprocess.run(command, cwd=copy, check=True)
    found = polib.pofile(str(copy / path.relative_to(ROOT)))
    assert {(one.msgctxt, one.msgid) for one in found} == {(one.msgctxt, one.msgid) for one in polib.pofile(str(path))}
