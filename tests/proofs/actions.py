"""Actions of child processes: HTTP requests, or one workflow function where a proof runs a thousand rounds."""

import json
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

import requests
from django.conf import settings
from django.test import Client
from django.urls import reverse

import ecommerce.urls  # noqa: F401 - the fork server imports all views before it forks
from billing.models import Card
from orders.models import Order
from orders.workflow import cancellation, payments, placing, refunds
from orders.workflow.refunds import RefundRequest
from stripe_simulator.webhooks import signature


def browser(cookies: dict[str, str]) -> Client:
    """Return a client with these cookies."""
    client = Client(raise_request_exception=False)
    client.cookies.load(cookies)
    return client


def submit_form(cookies: dict[str, str], path: str, data: dict[str, Any]) -> int:
    """Submit a form. Return the status of the response."""
    return int(browser(cookies).post(path, data, headers={"Sec-Fetch-Site": "same-origin"}).status_code)


def look(cookies: dict[str, str], path: str) -> int:
    """Open a page. Return the status of the response."""
    return int(browser(cookies).get(path).status_code)


def refund(order: int, amount: str, already: str = "0") -> str:
    """Refund an amount as staff. Return the refund's status, or "rejected" if the shop rejects it."""
    refund_request = RefundRequest(Decimal(amount), Decimal(already), by="staff@example.org")
    try:
        return str(refunds.refund(Order.objects.get(pk=order), refund_request).status)
    except refunds.RefundRejected:
        return "rejected"


def buy(order: int, shown: dict[str, Any], card: int) -> bool:
    """Place an order and pay for it. Return whether it was placed."""
    row = Order.objects.get(pk=order)
    try:
        is_placed = placing.place(row, shown)
    except placing.OrderRejected:
        return False
    if is_placed:
        pay(order, card)
    return is_placed


def pay(order: int, card: int) -> None:
    """Press Pay. Ignore PaymentNotPossible."""
    with suppress(payments.PaymentNotPossible):
        payments.pay(Order.objects.get(pk=order), Card.objects.get(pk=card))


def expire(order: int) -> None:
    """Cancel an order as reconcile does when it is not paid in time."""
    cancellation.cancel(Order.objects.get(pk=order), by="expiry")


def complete_3d_secure(url: str, pause: float) -> int:
    """Confirm the bank's dialog after `pause` seconds. Return the status of the simulator's response."""
    time.sleep(pause)
    return int(requests.post(f"{url}/answer", json={"succeed": True}, timeout=10).status_code)


def deliver(event: dict[str, Any]) -> int:
    """Send a signed event to the webhook. Return the status of the response."""
    payload = json.dumps(event)
    signed = signature(payload, settings.STRIPE_WEBHOOK_SECRET, int(time.time()))
    return int(
        Client(raise_request_exception=False)
        .post(
            reverse("billing:webhook"), payload, content_type="application/json", headers={"Stripe-Signature": signed}
        )
        .status_code
    )
