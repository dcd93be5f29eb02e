"""Tests for the simulator's webhook deliveries: signed, retried, and only to this machine."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stripe

from stripe_simulator.server import Simulator

SECRET = "whsec_test"


class Shop:
    """A shop that records deliveries and responds with the codes in `statuses`, then with 200."""

    def __init__(self):
        self.received = []
        self.statuses = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                shop.received.append((body, self.headers["Stripe-Signature"]))
                self.send_response(shop.statuses.pop(0) if shop.statuses else 200)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format, *args):
                """Do not log requests."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhook/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def types(self):
        return [json.loads(body)["type"] for body, _ in self.received]


@pytest.fixture
def shop():
    shop = Shop()
    yield shop
    shop.server.shutdown()
    shop.server.server_close()


@pytest.fixture
def simulator(shop):
    simulator = Simulator(webhook_url=shop.url, webhook_secret=SECRET)
    simulator.retry_seconds = (0.01, 0.01)
    simulator.start()
    yield simulator
    simulator.stop()


def connect(simulator):
    return stripe.StripeClient("sk_test_x", base_addresses={"api": simulator.url}, max_network_retries=0).v1


def test_event_is_delivered_with_a_signature_the_sdk_accepts(simulator, shop):
    customer = connect(simulator).customers.create()

    assert simulator.wait_for_deliveries()

    body, signature = shop.received[0]
    event = stripe.Webhook.construct_event(body, signature, SECRET)
    assert (event.type, event.data.object.id, event.livemode) == ("customer.created", customer.id, False)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body + b" ", signature, SECRET)


@pytest.mark.parametrize("status", [500, 302, 404])
def test_failed_delivery_is_retried(simulator, shop, status):
    shop.statuses = [status, status]

    connect(simulator).customers.create()

    assert simulator.wait_for_deliveries()
    assert shop.types() == ["customer.created"] * 3


def test_delivery_is_abandoned_after_the_last_retry(simulator, shop):
    shop.statuses = [500] * 10

    connect(simulator).customers.create()

    assert simulator.wait_for_deliveries()
    assert len(shop.received) == 3


def test_event_can_be_delivered_again(simulator, shop):
    connect(simulator).customers.create()
    simulator.wait_for_deliveries()

    simulator.redeliver(simulator.objects("event")[0]["id"])

    assert simulator.wait_for_deliveries()
    assert shop.types() == ["customer.created"] * 2


def test_nothing_is_queued_without_a_webhook_url(simulator, shop):
    simulator.webhook_url = ""

    connect(simulator).customers.create()

    assert simulator.wait_for_deliveries(timeout=0)
    assert shop.received == []


def test_undelivered_event_is_delivered_after_a_restart(tmp_path, shop):
    state = str(tmp_path / "stripe.sqlite3")
    shop.statuses = [500]
    first = Simulator(state=state, webhook_url=shop.url)
    first.retry_seconds = (0.3,)
    first.start()
    connect(first).customers.create()
    first.stop()

    second = Simulator(state=state, webhook_url=shop.url)
    second.start()
    try:
        assert second.wait_for_deliveries()
        assert set(shop.types()) == {"customer.created"}
        assert shop.statuses == []
    finally:
        second.stop()


@pytest.mark.parametrize("url", ["https://shop.example/webhook/", "http://192.0.2.1/", "ftp://127.0.0.1/"])
def test_webhook_url_must_be_on_loopback(simulator, url):
    with pytest.raises(ValueError, match="loopback"):
        simulator.webhook_url = url
