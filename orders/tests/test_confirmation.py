"""Tests for the time at which the confirmation is sent: after the response, or by reconcile."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core import mail
from django.core.wsgi import get_wsgi_application
from django.db.models import F
from django.test import Client, RequestFactory
from django.urls import reverse

from core.background.after_response import collect_work, run_all
from orders.emails.sending import send_waiting
from orders.models import Mail, Order, OrderEvent
from orders.workflow import payments
from tests.instant_gateway import InstantGateway
from tests.makers import add_card, add_to_cart, buy, make_product, payment_form_data, submit_details

pytestmark = pytest.mark.django_db
Kind = Mail.Kind


@pytest.fixture(autouse=True)
def gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    InstantGateway().install(monkeypatch)


def pass_minutes(minutes: int) -> None:
    Mail.objects.update(tried_at=F("tried_at") - timedelta(minutes=minutes))


def confirmations() -> list[list[str]]:
    return [message.to for message in mail.outbox if "New order" not in message.subject]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)  # the server closes the connection of a request
def test_response_does_not_wait_for_the_mail_server(client: Client) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    form = payment_form_data(client) | {"card": str(add_card(client).json()["card"])}
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    request = RequestFactory().post(reverse("carts:checkout"), form, HTTP_COOKIE=cookies)
    environ: dict[str, Any] = request.environ | {"wsgi.input": BytesIO(request.body), "HTTP_SEC_FETCH_SITE": "none"}
    environ["HTTP_X_CSRFTOKEN"] = client.cookies["csrftoken"].value
    started: list[str] = []
    response = get_wsgi_application()(environ, lambda status, headers: started.append(status))
    list(response)
    assert (started, Order.objects.get().status, mail.outbox) == (["302 Found"], Order.Status.PAID, [])
    response.close()
    assert confirmations() == [["guest@example.org"]]


def test_confirmation_of_a_killed_process_is_sent_once_by_reconcile(client: Client) -> None:
    with collect_work() as lost:
        order = buy(client, make_product())
    assert (order.status, mail.outbox) == (Order.Status.PAID, [])
    send_waiting()
    assert confirmations() == []  # the process that placed the order could still send it
    pass_minutes(2)
    send_waiting()
    run_all(lost)  # it was not killed, only very slow
    assert confirmations() == [["guest@example.org"]]
    assert order.events.filter(kind=OrderEvent.Kind.MAILED).count() == 1


def test_confirmation_that_exists_is_not_sent_again(client: Client) -> None:
    with collect_work():
        order = buy(client, make_product())
    Order.objects.filter(pk=order.pk).update(status=Order.Status.PLACED)  # a hand-made change of the database
    payments.settle(order)
    assert (order.status, order.mails.filter(kind=Kind.CONFIRMATION).count(), mail.outbox) == ("paid", 1, [])
