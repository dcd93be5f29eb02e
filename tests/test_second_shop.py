"""Tests that a second shop shows nothing of the sample shop: no page, no email, no structured data, no template."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.apps import apps
from django.conf import settings
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import translation

from accounts import emails as account_emails
from accounts.models import AccountMail, SecondFactor
from billing.abuse import emails as card_emails
from billing.models import CardMail
from core.contact import sending as contact
from core.emails.outbox import OutboxMail
from core.models import ContactMail
from core.shop.current import current_shop
from core.shop.models import PICTURES
from ecommerce.operations import proxy_files
from ecommerce.operations.maintenance import render_static_page
from orders.emails import order_links, previews, withdrawals
from orders.models import Mail, Order, OrderLinkMail, Withdrawal, WithdrawalMail
from products.management.commands.seed import CATALOG
from products.models import Product
from stripe_simulator.server import Simulator
from tests import second_shop
from tests.makers import add_to_cart, buy, make_shop, make_user
from tests.markup import parse_html
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
# Words of the sample that every shop may use. The guest of the tests lives in Bath.
COMMON = frozenset(
    "that make with lived like feel small large black white blue green grey round plain sample mon fri data things "
    "room rooms everyday sells here anything nobody within shipped days street house company limited private wales "
    "england companies refuses person two left side light mail post the and for from any new set box card table dark "
    "shop name text cover body wide tall long three pair clear bath".split()
)
# What else a template could say about homeware, in English and German.
HOMEWARE = (
    "homeware stoneware pottery ceramic ceramics tableware mug mugs vase vases hearth clay glaze keramik steinzeug "
    "steingut becher vasen messing wohnaccessoires töpferei kleinserien kleinserie"
)
SOURCES = [("templates", "*.html"), ("templates", "*.txt"), ("static/js", "*.js"), ("static/css", "*.css")]
PLACES = ["", "/products/?q=Roman", "/cart/", "/cart/checkout/", "/orders/", "/accounts/login/", "/nothing/"]


def words_of(text: str) -> set[str]:
    """Return the words of at least three letters. Letters next to digits are parts of random tokens, not words."""
    return set(re.findall(r"(?<![^\W_])[^\W\d_]{3,}(?![^\W_])", text.lower()))


def sample_words() -> set[str]:
    """Return the words that only the sample shop uses: of its name, texts, products and categories."""
    sample = json.loads((CATALOG / "shop.json").read_text(encoding="utf-8"))
    texts = [str(value) for name, value in sample.items() if name not in PICTURES]
    with (CATALOG / "products.csv").open(encoding="utf-8", newline="") as lines:
        texts += [f"{row['title']} {row['category']}" for row in csv.DictReader(lines)]
    with (CATALOG / "categories.csv").open(encoding="utf-8", newline="") as lines:
        texts += [row["title"] for row in csv.DictReader(lines)]
    return (words_of(" ".join(texts)) | words_of(HOMEWARE)) - COMMON


def found_in(text: str) -> set[str]:
    return words_of(text) & sample_words()


@pytest.fixture
def bookshop(settings: Any, simulator: Simulator) -> None:
    """Fill the database with the bookshop. Its settings are those of a shop in German.

    SITE_NAME and SUPPORT_EMAIL still name the sample, because only the row counts.
    """
    settings.DEFAULT_FROM_EMAIL, settings.STAFF_EMAIL = "shop@nordlicht.example", "post@nordlicht.example"
    settings.LANGUAGE_CODE, settings.SHOP_COUNTRY = "de", "DE"
    second_shop.fill()


def links_of(html: str) -> Iterator[str]:
    for link in parse_html(html).all("a"):
        url = urlsplit(link.attrs.get("href", ""))
        if url.path.startswith("/") and not url.netloc and not url.path.startswith(("/admin/", "/media/")):
            yield f"{url.path}?{url.query}" if url.query else url.path


def crawl(client: Client, start: list[str]) -> dict[str, str]:
    """Return all pages that these pages lead to, by URL."""
    pages: dict[str, str] = {}
    queue = [*start]
    for url in queue:  # The list grows during the loop.
        if url in pages:
            continue
        answer = client.get(url, follow=True)
        pages[url] = answer.text if answer.get("Content-Type", "").startswith("text/") else ""
        queue += sorted(set(links_of(pages[url])) - set(queue)) if answer.status_code == 200 else []
    return pages


def test_sample_words_are_those_of_the_sample() -> None:
    assert {"hearth", "clay", "stoneware", "homeware", "mug", "vases"} <= sample_words()
    assert found_in("<p>Our Mugs</p>") == {"mugs"}
    assert found_in('<img src="/oak_bowl.png"> <input value="x7Oak3">') == {"oak", "bowl"}


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "en-gb"])
def test_no_page_shows_a_word_of_the_sample(bookshop: None, client: Client, language: str) -> None:
    client.cookies["django_language"] = language
    sign_in(client, make_user())
    order = buy(client, Product.objects.get(sku="NB-1"))
    add_to_cart(client, Product.objects.get(sku="NB-2"))
    pages = crawl(client, ["/", "/sitemap.xml", "/sitemap-products-0.xml", order.get_absolute_url(), *PLACES[1:]])
    stranger = Client()
    stranger.cookies["django_language"] = language
    pages |= {f"stranger {url}": text for url, text in crawl(stranger, ["/", *PLACES[1:]]).items()}
    assert len(pages) > 30
    legal = [title for _kind, title, _draft in second_shop.PAGES] if second_shop.has_pages() else []
    assert [title for title in legal if not any(f"{title}</h1>" in text for text in pages.values())] == []
    assert {url: found for url, text in pages.items() if (found := found_in(text))} == {}
    assert {url for url, text in pages.items() if "<title>" in text and "Nordlicht" not in text} == set()


def test_structured_data_names_the_second_shop(bookshop: None, client: Client) -> None:
    page = client.get(Product.objects.get(sku="NB-1").get_absolute_url()).text
    [script] = parse_html(page).all("script", type="application/ld+json")
    text = "".join(script.strings)
    assert found_in(text) == set()
    offer = json.loads(text)["@graph"][0]["offers"]
    assert (offer["seller"]["name"], offer["seller"]["address"]["addressLocality"]) == ("Nordlicht Bücher", "Bremen")


def sample_withdrawal(kind: str) -> EmailMessage | None:
    row = Withdrawal(name="Gia", order_number="ABC2345678", email="gia@example.org", items="ein Buch", language="")
    return withdrawals.build(WithdrawalMail(pk=1, withdrawal=row, kind=kind, to=row.email))


def sample_link(kind: str) -> EmailMessage | None:
    order = Order.objects.placed().latest("pk")
    return order_links.build(OrderLinkMail.objects.create(to=order.email, order_number=order.order_id))


def sample_message(kind: str) -> EmailMessage | None:
    mail = ContactMail(to=current_shop().email, sender="gia@example.org", name="Gia", message="Guten Tag")
    return contact.build(mail)


SAMPLES: dict[type[OutboxMail], Callable[[str], EmailMessage | None]] = {
    Mail: previews.preview_kind,
    AccountMail: account_emails.build_sample_preview,
    CardMail: card_emails.build_sample_preview,
    WithdrawalMail: sample_withdrawal,
    OrderLinkMail: sample_link,
    ContactMail: sample_message,
}


def emails() -> Iterator[tuple[str, Any]]:
    """Yield an example of each kind of each model of emails."""
    for model in apps.get_models():
        if issubclass(model, OutboxMail):
            kinds: list[str] = model.Kind.values if hasattr(model, "Kind") else [""]
            yield from ((f"{model.__name__} {kind}", SAMPLES[model](kind)) for kind in kinds)


@pytest.mark.parametrize("language", ["de", "en-gb"])
def test_no_email_shows_a_word_of_the_sample(bookshop: None, client: Client, language: str) -> None:
    client.cookies["django_language"] = language
    order = buy(client, Product.objects.get(sku="NB-1"))
    type(order).objects.filter(pk=order.pk).update(language=language)
    with translation.override(language):
        for kind, message in emails():
            parts = [message.subject, message.body, *(str(content) for content, _type in message.alternatives)]
            assert found_in(" ".join([*parts, message.from_email, *message.reply_to])) == set(), kind
            # The receipt of a withdrawal goes to a typed email address and says only what was typed.
            seller = "Nordlicht Bücher" if kind == "WithdrawalMail receipt" else "Nordlicht Bücher GmbH"
            assert all(seller in part for part in parts[1:]), kind


def test_no_error_page_shows_a_word_of_the_sample(bookshop: None, client: Client, tmp_path: Path) -> None:
    client.get("/")  # the process reads the shop
    make_shop(is_open=False)
    pages = {"closed": client.get("/").text}
    pages |= {name: render_static_page(name) for name in ("500.html", "503.html", "busy.html")}
    texts = proxy_files.error_texts()
    pages |= {str(status): proxy_files._page(current_shop(), *parts) for status, parts in texts.items()}
    for name, text in pages.items():
        assert (found_in(text), "Nordlicht" in text) == (set(), True), name


def test_app_for_codes_shows_the_second_shop(bookshop: None) -> None:
    url = SecondFactor(user=make_user("sam@nordlicht.example"), key="00" * 20).url
    assert url.startswith(f"otpauth://totp/{quote('Nordlicht Bücher')}:sam")


def test_admin_shows_the_second_shop(bookshop: None, admin_client: Client) -> None:
    page = admin_client.get("/admin/").text
    assert (found_in(page), "Nordlicht" in page) == (set(), True)


@pytest.mark.parametrize(("folder", "names"), SOURCES)
def test_no_source_contains_a_word_of_the_sample(folder: str, names: str) -> None:
    files = list((settings.BASE_DIR / folder).rglob(names))
    assert files
    assert {str(file): found for file in files if (found := found_in(file.read_text(encoding="utf-8")))} == {}
