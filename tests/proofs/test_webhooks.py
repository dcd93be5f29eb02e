"""Proof that shuffled, repeated and forged events have the same outcome as if each event came once and in order.

Each event is delivered one to five times, and one delivery in twenty is preceded by a forged copy.
"""

import itertools
import json
import random
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from billing.models import StripeEvent
from orders.emails import queue
from stripe_simulator.server import Simulator
from stripe_simulator.webhooks import signature
from tests.proofs.payment_flows import KINDS, Guest, intent_of
from tests.proofs.proof_report import ProofReport, scaled
from tests.proofs.recovery import age_timestamps
from tests.workers import run_tasks

PROOF = "Webhooks: shuffled, repeated, forged"
pytestmark = pytest.mark.django_db(transaction=True)
EVENTS, PARTS = scaled(quick=(60, 1), small=(48, 1), full=(10_000, 8))
EVENTS_PER_FLOW = 4  # at least, as an average over all kinds
WAVES, FORGED, QUANTITIES = 3, 20, scaled(quick=(2,), small=(2,), full=(1, 3))
Event = dict[str, Any]


def post(event: Event, sign: Callable[[str, str], str]) -> Any:
    """Deliver an event to the webhook, signed by `sign(payload, secret)`."""
    payload = json.dumps(event)
    signed = {"Stripe-Signature": sign(payload, settings.STRIPE_WEBHOOK_SECRET)}
    client = Client(raise_request_exception=False)
    return client.post(reverse("billing:webhook"), payload, content_type="application/json", headers=signed)


def sign_now(payload: str, secret: str) -> str:
    return signature(payload, secret, int(time.time()))


FORGERIES: list[Callable[[str, str], str]] = [
    lambda payload, secret: "",
    lambda payload, secret: f"t={int(time.time())},v1={'0' * 64}",
    lambda payload, secret: sign_now(payload, "whsec_other"),
    lambda payload, secret: sign_now(payload.replace("evt_", "evt_x"), secret),  # signature of another payload
    lambda payload, secret: signature(payload, secret, int(time.time()) - 4000),
]


class Deliverer:
    """Delivers the events of sample flows once and in order, and those of all other flows shuffled."""

    def __init__(self, report: ProofReport, random_source: random.Random) -> None:
        self.report, self.random_source = report, random_source
        self.late: list[list[Event]] = [[] for _wave in range(WAVES)]

    def in_order(self, events: list[Event]) -> None:
        for event in events:
            self.report.expect(
                post(event, sign_now).status_code == HTTPStatus.OK, "server_errors", "an event was rejected"
            )

    def shuffle(self, events: list[Event], wave: int) -> None:
        """Deliver one copy of each event in this wave, and up to four more copies in this wave or a later one.

        Each event has to arrive in its own wave, because the history has no entry for something reported too late.
        """
        for event in events:
            self.late[wave].append(event)
            for _copy in range(self.random_source.randint(0, 4)):
                self.late[self.random_source.randrange(wave, WAVES)].append(event)
        self.random_source.shuffle(self.late[wave])
        for event in self.late[wave]:
            if self.random_source.randrange(FORGED) == 0:
                self._forge(event)
            response = post(event, sign_now)
            self.report.count_try(response)
            self.report.expect(response.status_code == HTTPStatus.OK, "unexplained", "a valid event was rejected")

    def _forge(self, event: Event) -> None:
        """Deliver a forged copy of the event. A shop that accepted it would ignore the real event as a duplicate."""
        response = post(event, self.random_source.choice(FORGERIES))
        self.report.count_try(response)
        self.report.expect(response.status_code == HTTPStatus.BAD_REQUEST, "unexplained", "a forged event was accepted")


def deliver_all(simulator: Simulator, report: ProofReport, random_source: random.Random, size: int) -> int:
    """Create about `size` events, deliver them and compare the outcomes. Return the number of shuffled events."""
    guest = Guest(simulator)
    samples = {(kind, quantity): guest.place(kind, quantity) for kind in KINDS for quantity in QUANTITIES}
    keys = itertools.islice(itertools.cycle(samples), max(size // EVENTS_PER_FLOW, len(samples)))
    flows = [guest.place(*key) for key in keys]
    deliverer, seen, shuffled = Deliverer(report, random_source), 0, 0
    for wave in range(WAVES):
        for flow in (*samples.values(), *flows):
            KINDS[flow.kind][wave](flow)
        if wave == WAVES - 1:
            simulator.finish_refunds()
        run_tasks()  # as a worker does within a minute
        age_timestamps(minutes=1)  # long enough that no response is pending
        events = simulator.objects("event")[seen:]
        seen += len(events)
        sample_intents = {str(flow.order.payment_intent_id) for flow in samples.values()}
        deliverer.in_order([event for event in events if intent_of(event) in sample_intents])
        others = [event for event in events if intent_of(event) not in sample_intents]
        deliverer.shuffle(others, wave)
        shuffled += len(others)
    outcomes = {key: sample.outcome() for key, sample in samples.items()}
    for flow in flows:
        is_same = flow.outcome() == outcomes[flow.kind, flow.quantity]
        report.expect(
            is_same, "unexplained", f"{flow.kind}: {flow.outcome()}, should be {outcomes[flow.kind, flow.quantity]}"
        )
    return shuffled


@pytest.fixture(autouse=True)
def unlimited_emails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow any number of cancellation messages, because one guest places all orders."""
    monkeypatch.setattr(queue, "MAX_CANCELLATION_EMAILS", EVENTS)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_events_in_any_order_have_the_same_outcome_as_in_order(
    simulator: Simulator, report: ProofReport, part: int
) -> None:
    shuffled = deliver_all(simulator, report, random.Random(part), EVENTS // PARTS)  # noqa: S311
    left = StripeEvent.objects.filter(processed=None).count()
    report.expect(left == 0, "unexplained", f"{left} events were not processed")
    report.check_consistency(simulator)
    assert shuffled >= EVENTS // PARTS


@pytest.mark.proof
def test_control_unchecked_signatures_accept_forged_events(
    simulator: Simulator, report: ProofReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stripe.WebhookSignature.verify_header", lambda *args, **kwargs: True)
    trial = ProofReport("trial")
    deliver_all(simulator, trial, random.Random(1), 130)  # noqa: S311
    report.record_control("webhook signatures not checked", "a forged event was accepted" in trial.found["unexplained"])


@pytest.mark.proof
def test_control_ignored_events_lose_work(
    simulator: Simulator, report: ProofReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "orders.workflow.payments.settle_on_event.__code__", (lambda sender, intent_id, **kwargs: None).__code__
    )
    trial = ProofReport("trial")
    deliver_all(simulator, trial, random.Random(1), 130)  # noqa: S311
    trial.check_consistency(simulator)
    report.record_control("events accepted and ignored", bool(trial.problems()))
