"""Mails about orders: who is told what, once, in which words."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone

from billing.simulator.server import Simulator
from ecommerce.letters import letter
from ecommerce.tests.makers import buy, make_paid_order, make_product
from orders import mails, payments
from orders.models import Mail, Order, OrderEvent, Refund
from products.models import Product

pytestmark = pytest.mark.django_db
Kind = Mail.Kind


def kinds(order: Order) -> list[str]:
    return sorted(order.mails.values_list("kind", flat=True))


def sent(order: Order, kind: str, about: str = "") -> tuple[str, str, str]:
    """Subject, text and HTML of the order's mail of this kind, written and sent now."""
    assert mails.send(mails.queue(order, kind, about))
    message = mail.outbox[-1]
    assert isinstance(message, EmailMultiAlternatives)
    return message.subject, message.body, str(message.alternatives[0][0])


def cancel(order: Order, by: str) -> None:
    order.record(OrderEvent.Kind.CANCELING, by=by)
    mails.tell_canceled(order)


def make_refund(order: Order, amount: str, **fields: Any) -> Refund:
    fields = {"amount": Decimal(amount), "currency": "gbp", "status": Refund.Status.DONE} | fields
    return Refund.objects.create(payment=order.payments.get(), **fields)


# Who is told


def test_paid_order_tells_shopper_and_staff_once(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(stock=6))
    payments.settle(order)
    assert kinds(order) == ["confirmation", "low_stock", "new_order"]
    assert [message.to for message in mail.outbox] == [["guest@example.org"]]  # the others go by reconcile
    assert mails.send_waiting() == 2
    assert [message.to for message in mail.outbox[1:]] == [["help@shop.example"]] * 2


def test_staff_without_an_address_get_no_mail(settings: Any) -> None:
    settings.STAFF_EMAIL = ""
    order = make_paid_order(make_product(stock=1))
    mails.tell_paid(order)
    assert kinds(order) == ["confirmation"]


def test_order_without_an_address_gets_no_mail() -> None:
    order = make_paid_order(email="")
    assert mails.queue(order, Kind.SHIPPED) is None
    assert not mails.send(None)


@pytest.mark.parametrize("fields", [{"stock": None}, {"stock": 6}, {"stock": 2, "active": False}])
def test_product_that_is_not_running_out_is_no_news(fields: dict[str, Any]) -> None:
    order = make_paid_order(make_product(**fields))
    mails.tell_paid(order)
    assert Kind.LOW_STOCK not in kinds(order)


def test_product_running_out_is_told_once_until_it_is_filled_up() -> None:
    product = make_product(stock=4)
    told = [make_paid_order(product) for _ in range(3)]
    mails.tell_paid(told[0])
    product.take(1, told[1].order_id)
    product.give_back(told[1].order_id)  # an order that ended fills no shelf
    mails.tell_paid(told[1])
    assert Mail.objects.filter(kind=Kind.LOW_STOCK).count() == 1
    product.adjust_stock(1, by="staff")
    mails.tell_paid(told[2])
    assert [Kind.LOW_STOCK in kinds(order) for order in told] == [True, False, True]


@pytest.mark.parametrize(("by", "is_told"), [("shopper", False), ("expiry", True), ("staff@shop.example", True)])
def test_shopper_is_told_of_a_cancellation_by_others(by: str, is_told: bool) -> None:
    order = make_paid_order(status=Order.Status.CANCELED)
    cancel(order, by)
    assert kinds(order) == [Kind.CANCELED] * is_told


def test_order_cancelled_at_stripe_is_told() -> None:
    order = make_paid_order(status=Order.Status.CANCELED)
    mails.tell_canceled(order)
    assert kinds(order) == ["canceled"]


def test_address_gets_five_mails_an_hour_about_orders_never_paid() -> None:
    for _ in range(7):
        cancel(make_paid_order(status=Order.Status.CANCELED), by="expiry")
    assert Mail.objects.count() == 5
    Mail.objects.update(timestamp=timezone.now() - timedelta(minutes=61))
    cancel(make_paid_order(status=Order.Status.CANCELED), by="expiry")
    assert Mail.objects.count() == 6


# What they say


def test_confirmation_says_in_text_and_html_what_the_page_says() -> None:
    order = make_paid_order(make_product(title="Teal mug"))
    subject, text, html = sent(order, Kind.CONFIRMATION)
    assert subject == f"Your order {order.order_id} at Hearth & Clay"
    for words in (order.order_id, "Teal mug", "£16.00", "Standard delivery", "£4.95", "£20.95", "1 High Street"):
        assert words in text, words
        assert words in html, words
    assert "Bo Payer" in text


def test_mail_of_a_sent_order_has_the_tracking_number() -> None:
    order = make_paid_order(tracking="AB 123 GB")
    subject, text, html = sent(order, Kind.SHIPPED)
    assert "is on its way" in subject
    assert ("AB 123 GB" in text, "AB 123 GB" in html, "1 High Street" in text) == (True, True, True)


def test_mail_of_a_sent_order_without_a_number_names_none() -> None:
    _subject, text, html = sent(make_paid_order(), Kind.SHIPPED)
    assert "Tracking" not in text + html


def test_mail_of_a_part_refund_says_how_much_and_how_much_in_all() -> None:
    order = make_paid_order()
    make_refund(order, "5.00")
    _subject, text, html = sent(order, Kind.REFUNDED, str(make_refund(order, "2.50").pk))
    for words in ("We have refunded £2.50 of your order", "five to ten working days", "£20.95", "£7.50"):
        assert words in text, words
        assert words in html, words


def test_mail_of_a_whole_refund_says_that_it_is_all() -> None:
    order = make_paid_order()
    _subject, text, _html = sent(order, Kind.REFUNDED, str(make_refund(order, "20.95").pk))
    assert "£20.95, the full amount you paid" in text


def test_mail_of_an_unwanted_charge_says_that_nobody_asked_for_it() -> None:
    order = make_paid_order(status=Order.Status.CANCELED)
    _subject, text, _html = sent(order, Kind.REFUNDED, str(make_refund(order, "9.00", is_mismatch=True).pk))
    assert "We received a payment of £9.00 that does not match your order" in text


def test_mail_of_a_refund_that_failed_after_all_is_not_sent() -> None:
    order = make_paid_order()
    row = make_refund(order, "5.00")
    queued = mails.queue(order, Kind.REFUNDED, str(row.pk))
    Refund.objects.update(status=Refund.Status.FAILED)
    assert not mails.send(queued)
    assert order.mails.get().dropped


@pytest.mark.parametrize(
    ("by", "words"), [("expiry", "was not paid in time"), ("staff@shop.example", "will not be shipped")]
)
def test_mail_of_a_cancelled_order_says_why_and_that_nothing_was_charged(by: str, words: str) -> None:
    order = make_paid_order(status=Order.Status.CANCELED)
    order.payments.update(status="failed")
    order.record(OrderEvent.Kind.CANCELING, by=by)
    _subject, text, html = sent(order, Kind.CANCELED)
    assert (words in text, "Nothing was charged." in text, words in html) == (True, True, True)
    assert "High Street" not in text + html  # whoever typed it may be a stranger to this mailbox


def test_mail_of_a_cancelled_order_that_was_charged_says_that_it_goes_back() -> None:
    order = make_paid_order(status=Order.Status.CANCELED)
    _subject, text, _html = sent(order, Kind.CANCELED)
    assert "We will refund the payment we received to your card in full" in text
    assert "Nothing was charged" not in text


def test_mail_of_a_new_order_leads_staff_to_it() -> None:
    order = make_paid_order()
    subject, text, html = sent(order, Kind.NEW_ORDER)
    assert subject == f"New order {order.order_id}"
    for words in ("guest@example.org has paid £20.95", f"/admin/orders/order/{order.pk}/"):
        assert words in text, words
        assert words in html, words
    assert "?key=" not in text + html


def test_mail_of_low_stock_says_what_is_left_now() -> None:
    product = make_product(title="Teal mug", sku="TM-1", stock=3)
    order = make_paid_order(product)
    mails.tell_paid(order)
    Product.objects.update(stock=2)
    assert mails.send(order.mails.get(kind=Kind.LOW_STOCK))
    assert mail.outbox[0].subject == "Low stock: Teal mug"
    assert "Teal mug (TM-1): 2 left." in mail.outbox[0].body


def test_mail_of_low_stock_is_not_sent_where_the_shelf_was_filled() -> None:
    product = make_product(stock=3)
    order = make_paid_order(product)
    mails.tell_paid(order)
    product.adjust_stock(20, by="staff")
    assert not mails.send(order.mails.get(kind=Kind.LOW_STOCK))
    assert mail.outbox == []


# How they say it


@pytest.mark.parametrize("kind", [Kind.CONFIRMATION, Kind.NEW_ORDER])
def test_mail_escapes_markup_in_html_and_leaves_text_alone(kind: str) -> None:
    order = make_paid_order(make_product(title="<b>Mug & co</b>"), shipping_address_text="<script>x</script>")
    _subject, text, html = sent(order, kind)
    assert ("<b>Mug & co</b>" in text, "<script>x</script>" in text) == (True, True)
    assert ("&lt;b&gt;Mug &amp; co&lt;/b&gt;" in html, "<b>Mug" in html, "<script>" in html) == (True, False, False)


def test_subject_has_no_line_break() -> None:
    order = make_paid_order(make_product(title="Mug\r\nBcc: all@example.org", stock=1))
    mails.tell_paid(order)
    assert mails.send(order.mails.get(kind=Kind.LOW_STOCK))
    assert mail.outbox[0].subject == "Low stock: Mug Bcc: all@example.org"


def test_shoppers_read_the_language_of_their_order_and_staff_that_of_the_shop() -> None:
    order = make_paid_order(language="ar")
    assert '<html lang="ar">' in sent(order, Kind.SHIPPED)[2]
    assert '<html lang="en-gb">' in sent(order, Kind.NEW_ORDER)[2]


@pytest.mark.parametrize("kind", sorted({*Kind.values} - {Kind.LOW_STOCK, Kind.REFUNDED}))
def test_mail_loads_nothing_and_its_text_is_no_html(kind: str) -> None:
    _subject, text, html = sent(make_paid_order(attention="Look"), kind)
    assert not [word for word in ("src=", "url(", "<link", "@import", "<form") if word in html]
    assert "<" not in text
    assert "\n\n\n" not in text


def test_mail_can_be_answered_and_says_that_a_machine_sent_it() -> None:
    sent(make_paid_order(), Kind.SHIPPED)
    headers = mail.outbox[0].message()
    assert (headers["Reply-To"], headers["Auto-Submitted"]) == ("help@shop.example", "auto-generated")


def test_letter_keeps_what_was_typed_but_no_empty_lines() -> None:
    order = make_paid_order(attention="One\n\n\n\nTwo")
    context = {"order": order, "admin_url": "/"}
    assert "One\n\nTwo" in letter("orders/mails/attention", "Hello", "a@example.org", "<1@x>", context).body
