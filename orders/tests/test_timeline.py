"""Tests for the timeline of an order in the admin: it speaks the language of staff, whatever that of the order is."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from orders.admin.order_page.timeline import FOR_STAFF
from orders.models import Correction, Dispute, Order, OrderEvent
from orders.workflow import disputes, payments
from orders.workflow.alerts import alert_staff
from orders.workflow.corrections.rules import record
from orders.workflow.erasure import erase_order
from orders.workflow.refunds.mismatch import create_mismatch_refund
from tests.makers import make_paid_order
from tests.markup import parse_html

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
Kind = OrderEvent.Kind


@pytest.fixture
def german() -> Order:
    """Return an order of a German shopper. Staff read English."""
    return make_paid_order(language="de")


def timeline(client: Client, order: Order, language: str = "en") -> str:
    url = reverse("admin:orders_order_change", args=[order.pk])
    page = client.get(url, headers={"accept-language": language}).text
    return parse_html(page).one("section", aria_labelledby="timeline").text


def test_money_is_written_as_staff_read_it(german: Order, admin_client: Client) -> None:
    refund = german.payments.get().refunds.create(amount=Decimal("273.50"), currency="gbp")
    german.record(Kind.REFUNDED, text=refund)
    assert "Refunded: £273.50" in timeline(admin_client, german)


def test_correction_is_named_in_the_language_of_staff(german: Order, admin_client: Client) -> None:
    record(german, Correction.Kind.SHIPPING, "old", "new", by="ben")
    assert "Staff corrected this order: Shipping address ben" in timeline(admin_client, german)


def test_declined_payment_is_explained_in_the_language_of_staff(german: Order, admin_client: Client) -> None:
    payment = german.payments.get()
    payments._fail(payment, "card_declined", "insufficient_funds", [payment.status])
    assert "Payment failed: Your card has insufficient funds." in timeline(admin_client, german)
    page = admin_client.get(reverse("admin:orders_order_change", args=[german.pk]))
    assert "Failed: Your card has insufficient funds." in parse_html(page.text).one(aria_labelledby="payments").text


def test_alert_is_told_in_the_language_of_staff(german: Order, admin_client: Client) -> None:
    alert_staff(german, gettext_lazy("Refund no. %(number)s failed: %(text)s"), number=3, text="expired")
    assert "Erstattung Nr. 3" in timeline(admin_client, german, "de")
    assert "Refund no. 3 failed: expired" in timeline(admin_client, german)


def test_mismatch_is_told_in_the_language_of_staff(admin_client: Client) -> None:
    order = make_paid_order()
    text = gettext_lazy("Only a paid order with units left to ship can be corrected.")
    create_mismatch_refund(order, order.payments.get(), Decimal(5), "gbp", text)
    with translation.override("de"):
        translated = str(text)
    assert translated in timeline(admin_client, order, "de")


def test_dispute_is_told_in_the_language_of_staff(german: Order, admin_client: Client) -> None:
    row = Dispute(order=german, stripe_id="du_1", amount=Decimal("5.50"), currency="gbp", status="needs_response")
    row.opened = timezone.now()
    row.save()
    disputes._report(german, row, None)
    assert "5,50" in timeline(admin_client, german, "de")


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("word", ["our ", "your ", "we "])
def test_labels_for_staff_do_not_speak_to_the_shopper(kind: Any, word: str) -> None:
    assert word not in f" {FOR_STAFF.get(kind, kind.label)} ".lower().replace("hour ", "")


def test_shopper_reads_the_history_in_their_own_language(german: Order) -> None:
    german.record(Kind.CANCELED, text=gettext_lazy("nothing was charged"))
    event = german.events.get()
    assert event.display_text == "Order cancelled: nothing was charged"
    with translation.override("de"):
        assert event.display_text.endswith(f": {event.text}")


def test_event_that_was_stored_in_one_language_stays_readable(german: Order, admin_client: Client) -> None:
    german.events.create(kind=Kind.CORRECTED, text="Lieferadresse")
    assert "Staff corrected this order: Lieferadresse" in timeline(admin_client, german)


def test_text_that_is_the_same_in_all_languages_is_stored_once(german: Order) -> None:
    german.record(Kind.SHIPPED, text="DHL 123")
    german.record(Kind.REFUNDED, text=gettext_lazy("DHL 123"))
    assert [event.translations for event in german.events.all()] == [{}, {}]


def test_erasure_removes_the_text_in_all_languages(german: Order) -> None:
    german.record(Kind.DECLINED, text=gettext_lazy("nothing was charged"))
    assert german.events.get().translations
    assert erase_order(german)
    assert [(event.text, event.translations) for event in german.events.all()] == [("", {})] * 2
