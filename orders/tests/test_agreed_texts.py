"""Tests for the versions of terms, privacy and withdrawal text that a shopper agrees to."""

import re
from typing import Any

import pytest
from django.test import Client

from addresses.models import Address
from core.models import Page, PageText
from core.pages.publishing import publish, unpublish
from orders.bookkeeping.audit import frozen_orders
from orders.bookkeeping.checksum import is_intact
from orders.emails.messages import build
from orders.models import Mail, Order
from orders.workflow.placing import OrderRejected, place
from tests.makers import ADDRESS, add_to_cart, buy, make_open_order, make_product, shown_facts, submit_details
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
KINDS = ("terms", "privacy", "withdrawal")


def make_page(kind: str, language: str = "en-gb", draft: str = "") -> Page:
    slug = f"{kind}-{language}"
    text = draft or f"## Head\n\nFull **{kind}** text."
    page = Page.objects.create(kind=kind, language=language, slug=slug, title=f"The {kind}", draft=text)
    publish(page)
    return page


@pytest.fixture
def pages() -> dict[str, Page]:
    return {kind: make_page(kind) for kind in KINDS}


def make_ready_order() -> Order:
    """Return an open order that can be placed."""
    order = make_open_order()
    address = Address.objects.create(billing_profile=order.billing_profile, **ADDRESS)
    for kind in Address.Type:
        order.use_address(address, kind)
    return Order.objects.get(pk=order.pk)


def change(page: Page, draft: str = "New text.") -> PageText:
    page.draft = draft
    page.save()
    text = publish(page)
    assert text
    return text


def test_order_keeps_the_versions_that_its_shopper_saw(pages: dict[str, Page]) -> None:
    order = make_ready_order()
    agreed = {kind: page.latest_text() for kind, page in pages.items()}
    assert place(order, shown_facts(order))
    change(pages["terms"])
    order = Order.objects.get(pk=order.pk)
    assert {kind: getattr(order, f"{kind}_text") for kind in KINDS} == agreed
    assert order.checksum.startswith("v4:")
    assert is_intact(order)
    assert list(frozen_orders()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_order_is_rejected_if_a_text_was_replaced_meanwhile(pages: dict[str, Page], kind: str) -> None:
    order = make_ready_order()
    shown = shown_facts(order)
    change(pages[kind])
    with pytest.raises(OrderRejected) as rejected:
        place(order, shown)
    assert f"“The {kind}” has been changed" in rejected.value.problems[0]
    assert Order.objects.get(pk=order.pk).status == Order.Status.OPEN
    assert place(order, shown_facts(order))


def test_order_is_rejected_if_a_text_is_gone_or_new() -> None:
    order = make_ready_order()
    shown = shown_facts(order)
    page = make_page("terms")
    with pytest.raises(OrderRejected, match="The terms"):
        place(order, shown)
    shown = shown_facts(order)
    unpublish(page)
    with pytest.raises(OrderRejected, match="Terms"):
        place(order, shown)


def test_unpublished_draft_and_other_languages_do_not_reject_an_order(pages: dict[str, Page]) -> None:
    order = make_ready_order()
    shown = shown_facts(order)
    Page.objects.filter(kind="terms").update(draft="A draft.")
    make_page("terms", "de")
    make_page("imprint")
    assert place(order, shown)


def test_order_without_pages_has_no_texts() -> None:
    order = make_ready_order()
    assert place(order, shown_facts(order))
    assert [getattr(order, f"{kind}_text") for kind in KINDS] == [None, None, None]
    assert is_intact(Order.objects.get(pk=order.pk))


# Pages


def checkout(client: Client, **headers: str) -> str:
    add_to_cart(client, make_product())
    submit_details(client)
    return client.get("/cart/checkout/", headers=headers).text


def test_payment_step_links_to_the_versions_above_the_button(client: Client, pages: dict[str, Page]) -> None:
    form = checkout(client).split('name="action" value="place"')[1]
    links = [page.latest_text().get_absolute_url() for page in pages.values()]  # type: ignore[union-attr]
    assert re.findall(r'href="(/pages/versions/\d+/)"', form.split("btn-pay")[0]) == links


def test_payment_step_in_german_links_to_german_texts(client: Client, pages: dict[str, Page]) -> None:
    german = make_page("terms", "de").latest_text()
    assert german
    form = checkout(client, **{"Accept-Language": "de"}).split('name="action" value="place"')[1].split("btn-pay")[0]
    assert f'href="{german.get_absolute_url()}" target="_blank">' in form
    assert form.count('lang="en-gb" hreflang="en-gb"') == 2


def test_payment_step_without_pages_shows_no_links(client: Client) -> None:
    assert "legal-links" not in checkout(client)


def test_payment_step_takes_no_more_queries_with_pages(client: Client, pages: dict[str, Page]) -> None:
    checkout(client)
    client.get("/cart/checkout/")
    with count_queries() as queries:
        client.get("/cart/checkout/")
    assert not [sql for sql in queries if "core_page" in str(sql) and "core_pageversion" not in str(sql)]


@pytest.fixture
def paid(pages: dict[str, Page], client: Client, simulator: Any) -> Order:
    """Return an order that was paid for with these pages, after the terms were replaced."""
    order = buy(client, make_product())
    change(pages["terms"], "Later terms.")
    return order


def test_order_page_links_to_the_agreed_versions(client: Client, paid: Order) -> None:
    page = client.get(paid.get_absolute_url()).text
    texts: list[Any] = [getattr(paid, f"{kind}_text") for kind in KINDS]
    section = page.split('id="agreed-texts"')[1].split("</section>")[0]
    assert re.findall(r'href="([^"]+)"', section) == [text.get_absolute_url() for text in texts]
    shown = client.get(paid.terms_text.get_absolute_url()).text
    assert "Full <strong>terms</strong> text." in shown
    assert "Later terms." not in shown


def test_confirmation_contains_terms_and_withdrawal_text_in_full(paid: Order) -> None:
    message = build(Mail.objects.get(order=paid, kind=Mail.Kind.CONFIRMATION))
    assert message
    html = str(message.alternatives[0][0])
    for kind in ("terms", "withdrawal"):
        assert f"The {kind}\n\nHead\n\nFull {kind} text." in message.body
        assert f"<h2>The {kind}</h2><h3>Head</h3>\n<p>Full <strong>{kind}</strong> text.</p>" in html
    assert "Full privacy text" not in message.body
    privacy = f"/pages/versions/{paid.privacy_text_id}/"
    assert privacy in message.body
    assert privacy in html
    assert "Later terms." not in message.body + html


def test_placing_reads_the_texts_in_one_query(pages: dict[str, Page]) -> None:
    order = make_ready_order()
    shown = shown_facts(order)
    with count_queries() as queries:
        assert place(order, shown)
    assert len([sql for sql in queries if 'FROM "core_pagetext"' in str(sql)]) == 1
