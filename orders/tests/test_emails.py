"""Tests for order email: recipients, content and format."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone

from core.emails.messages import build_email
from orders.emails import queue, sending
from orders.models import Mail, Order, OrderEvent, Refund
from orders.workflow import payments
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import buy, make_paid_order, make_product, make_shipment

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
Kind = Mail.Kind


def kinds(order: Order) -> list[str]:
    return sorted(order.mails.values_list("kind", flat=True))


def sent(order: Order, kind: str, about: str = "") -> tuple[str, str, str]:
    """Queue and send the order's email message of this kind. Return its subject, text and HTML."""
    if kind == Kind.SHIPPED and not order.shipments.exists():
        make_shipment(order)
    assert sending.send(queue.queue(order, kind, about))
    message = mail.outbox[-1]
    assert isinstance(message, EmailMultiAlternatives)
    return message.subject, message.body, str(message.alternatives[0][0])


def cancel(order: Order, by: str) -> None:
    order.record(OrderEvent.Kind.CANCELING, by=by)
    queue.queue_cancellation_email(order)


def make_refund(order: Order, amount: str, **fields: Any) -> Refund:
    fields = {"amount": Decimal(amount), "currency": "gbp", "status": Refund.Status.DONE} | fields
    return Refund.objects.create(payment=order.payments.get(), **fields)


# Recipients


@pytest.mark.slow
def test_paid_order_notifies_shopper_and_staff_once(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(stock=6))
    payments.settle(order)
    assert kinds(order) == ["confirmation", "low_stock", "new_order"]
    assert [message.to for message in mail.outbox] == [["guest@example.org"]]  # reconcile sends the others.
    assert sending.send_waiting() == 2
    assert [message.to for message in mail.outbox[1:]] == [["help@shop.example"]] * 2


def test_staff_without_an_email_address_get_no_email(settings: Any) -> None:
    settings.STAFF_EMAIL = ""
    order = make_paid_order(make_product(stock=1))
    queue.queue_paid_emails(order)
    assert kinds(order) == ["confirmation"]


def test_order_without_an_email_address_gets_no_email() -> None:
    order = make_paid_order(email="")
    assert queue.queue(order, Kind.SHIPPED) is None
    assert not sending.send(None)


@pytest.mark.parametrize("fields", [{"stock": None}, {"stock": 6}, {"stock": 2, "active": False}])
def test_product_not_running_out_sends_no_low_stock_email(fields: dict[str, Any]) -> None:
    order = make_paid_order(make_product(**fields))
    queue.queue_paid_emails(order)
    assert Kind.LOW_STOCK not in kinds(order)


def test_low_stock_email_is_sent_once_until_the_next_restock() -> None:
    product = make_product(stock=4)
    orders = [make_paid_order(product) for _ in range(3)]
    queue.queue_paid_emails(orders[0])
    product.reserve(1, orders[1].order_id)
    product.release(orders[1].order_id)  # Stock released by an order is not a restock.
    queue.queue_paid_emails(orders[1])
    assert Mail.objects.filter(kind=Kind.LOW_STOCK).count() == 1
    product.adjust_stock(1, by="staff")
    queue.queue_paid_emails(orders[2])
    assert [Kind.LOW_STOCK in kinds(order) for order in orders] == [True, False, True]


@pytest.mark.parametrize(("by", "is_notified"), [("shopper", False), ("expiry", True), ("staff@shop.example", True)])
def test_shopper_is_notified_of_a_cancellation_by_others(by: str, is_notified: bool) -> None:
    order = make_paid_order(status=Order.Status.CANCELED)
    cancel(order, by)
    assert kinds(order) == [Kind.CANCELED] * is_notified


def test_shopper_is_notified_of_an_order_canceled_at_stripe() -> None:
    order = make_paid_order(status=Order.Status.CANCELED)
    queue.queue_cancellation_email(order)
    assert kinds(order) == ["canceled"]


def test_email_address_gets_at_most_five_cancellations_per_hour() -> None:
    for _ in range(7):
        cancel(make_paid_order(status=Order.Status.CANCELED), by="expiry")
    assert Mail.objects.count() == 5
    Mail.objects.update(timestamp=timezone.now() - timedelta(minutes=61))
    cancel(make_paid_order(status=Order.Status.CANCELED), by="expiry")
    assert Mail.objects.count() == 6


# Content


def test_confirmation_contains_the_order_in_text_and_html() -> None:
    order = make_paid_order(make_product(title="Teal mug"))
    subject, text, html = sent(order, Kind.CONFIRMATION)
    assert subject == f"Your order {order.order_id} at Hearth & Clay"
    for expected in (order.order_id, "Teal mug", "£16.00", "Standard delivery", "£4.95", "£20.95", "1 High Street"):
        assert expected in text, expected
        assert expected in html, expected
    assert "Bo Payer" in text


def test_shipping_email_contains_the_tracking_number() -> None:
    order = make_paid_order()
    make_shipment(order, tracking="AB 123 GB")
    subject, text, html = sent(order, Kind.SHIPPED)
    assert "is on its way" in subject
    assert ("AB 123 GB" in text, "AB 123 GB" in html, "1 High Street" in text) == (True, True, True)


def test_shipping_email_without_a_tracking_number_does_not_mention_it() -> None:
    _subject, text, html = sent(make_paid_order(), Kind.SHIPPED)
    assert "Tracking" not in text + html


def test_partial_refund_email_states_the_amount_and_the_total_refunded() -> None:
    order = make_paid_order()
    make_refund(order, "5.00")
    _subject, text, html = sent(order, Kind.REFUNDED, str(make_refund(order, "2.50").pk))
    for expected in ("We have refunded £2.50 of your order", "five to ten working days", "£20.95", "£7.50"):
        assert expected in text, expected
        assert expected in html, expected


def test_full_refund_email_says_that_everything_was_refunded() -> None:
    order = make_paid_order()
    _subject, text, _html = sent(order, Kind.REFUNDED, str(make_refund(order, "20.95").pk))
    assert "£20.95, the full amount you paid" in text


def test_mismatch_refund_email_mentions_the_mismatched_payment() -> None:
    order = make_paid_order(status=Order.Status.CANCELED)
    _subject, text, _html = sent(order, Kind.REFUNDED, str(make_refund(order, "9.00", is_mismatch=True).pk))
    assert "We received a payment of £9.00 that does not match your order" in text


def test_refund_email_is_dropped_if_the_refund_failed() -> None:
    order = make_paid_order()
    row = make_refund(order, "5.00")
    queued = queue.queue(order, Kind.REFUNDED, str(row.pk))
    Refund.objects.update(status=Refund.Status.FAILED)
    assert not sending.send(queued)
    assert order.mails.get().dropped


@pytest.mark.parametrize(
    ("by", "reason"), [("expiry", "was not paid in time"), ("staff@shop.example", "will not be shipped")]
)
def test_cancellation_email_states_the_reason_and_that_nothing_was_charged(by: str, reason: str) -> None:
    order = make_paid_order(status=Order.Status.CANCELED)
    order.payments.update(status="failed")
    order.record(OrderEvent.Kind.CANCELING, by=by)
    _subject, text, html = sent(order, Kind.CANCELED)
    assert (reason in text, "Nothing was charged." in text, reason in html) == (True, True, True)
    assert "High Street" not in text + html  # The mailbox might not belong to the shopper.


def test_cancellation_email_of_a_charged_order_announces_the_refund() -> None:
    order = make_paid_order(status=Order.Status.CANCELED)
    _subject, text, _html = sent(order, Kind.CANCELED)
    assert "We will refund the payment we received to your card in full" in text
    assert "Nothing was charged" not in text


@pytest.mark.slow
def test_new_order_email_links_to_the_order_in_the_admin() -> None:
    order = make_paid_order()
    subject, text, html = sent(order, Kind.NEW_ORDER)
    assert subject == f"New order {order.order_id}"
    for expected in ("guest@example.org has paid £20.95", f"/admin/orders/order/{order.pk}/"):
        assert expected in text, expected
        assert expected in html, expected
    assert "?key=" not in text + html


def test_low_stock_email_states_the_current_stock() -> None:
    product = make_product(title="Teal mug", sku="TM-1", stock=3)
    order = make_paid_order(product)
    queue.queue_paid_emails(order)
    Product.objects.update(stock=2)
    assert sending.send(order.mails.get(kind=Kind.LOW_STOCK))
    assert mail.outbox[0].subject == "Low stock: Teal mug"
    assert "Teal mug (TM-1): 2 left." in mail.outbox[0].body


def test_low_stock_email_is_not_sent_after_a_restock() -> None:
    product = make_product(stock=3)
    order = make_paid_order(product)
    queue.queue_paid_emails(order)
    product.adjust_stock(20, by="staff")
    assert not sending.send(order.mails.get(kind=Kind.LOW_STOCK))
    assert mail.outbox == []


# Format


@pytest.mark.parametrize("kind", [Kind.CONFIRMATION, Kind.NEW_ORDER])
def test_email_escapes_markup_in_html_but_not_in_text(kind: str) -> None:
    order = make_paid_order(make_product(title="<b>Mug & co</b>"), shipping_address_text="<script>x</script>")
    _subject, text, html = sent(order, kind)
    assert ("<b>Mug & co</b>" in text, "<script>x</script>" in text) == (True, True)
    assert ("&lt;b&gt;Mug &amp; co&lt;/b&gt;" in html, "<b>Mug" in html, "<script>" in html) == (True, False, False)


def test_subject_has_no_line_break() -> None:
    order = make_paid_order(make_product(title="Mug\r\nBcc: all@example.org", stock=1))
    queue.queue_paid_emails(order)
    assert sending.send(order.mails.get(kind=Kind.LOW_STOCK))
    assert mail.outbox[0].subject == "Low stock: Mug Bcc: all@example.org"


def test_email_uses_the_order_language_for_shoppers_and_the_shop_language_for_staff() -> None:
    order = make_paid_order(language="ar")
    assert '<html lang="ar">' in sent(order, Kind.SHIPPED)[2]
    assert '<html lang="en-gb">' in sent(order, Kind.NEW_ORDER)[2]


@pytest.mark.parametrize("kind", sorted({*Kind.values} - {Kind.LOW_STOCK, Kind.REFUNDED}))
def test_email_loads_no_resources_and_its_text_contains_no_html(kind: str) -> None:
    _subject, text, html = sent(make_paid_order(attention="Look"), kind)
    assert not [word for word in ("src=", "url(", "<link", "@import", "<form") if word in html]
    assert "<" not in text
    assert "\n\n\n" not in text


def test_email_has_reply_to_and_auto_submitted_headers() -> None:
    sent(make_paid_order(), Kind.SHIPPED)
    headers = mail.outbox[0].message()
    assert (headers["Reply-To"], headers["Auto-Submitted"]) == ("help@shop.example", "auto-generated")


def test_email_text_keeps_typed_text_without_repeated_blank_lines() -> None:
    order = make_paid_order(attention="One\n\n\n\nTwo")
    context = {"order": order, "admin_url": "/"}
    assert "One\n\nTwo" in build_email("orders/emails/attention", "Hello", "a@example.org", "<1@x>", context).body
