"""Events in any order, one to five times each and mixed with forged ones, end as if each came once, in time."""

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
from stripe_simulator.server import Simulator
from stripe_simulator.webhooks import signature
from tests.proofs.flows import KINDS, Guest, intent_of
from tests.proofs.ledger import Ledger, scaled
from tests.proofs.recoveries import age

PROOF = "Webhooks: shuffled, repeated, forged"
pytestmark = pytest.mark.django_db(transaction=True)
EVENTS, PARTS = scaled(quick=(60, 1), small=(48, 1), full=(10_000, 8))
EVENTS_OF_A_FLOW = 4  # at the least, over all kinds
WAVES, FORGED, QUANTITIES = 3, 20, scaled(quick=(2,), small=(2,), full=(1, 3))
Event = dict[str, Any]


def post(event: Event, sign: Callable[[str, str], str]) -> Any:
    """One delivery, signed by `sign(payload, secret)`."""
    payload = json.dumps(event)
    signed = {"Stripe-Signature": sign(payload, settings.STRIPE_WEBHOOK_SECRET)}
    client = Client(raise_request_exception=False)
    return client.post(reverse("billing:webhook"), payload, content_type="application/json", headers=signed)


def well(payload: str, secret: str) -> str:
    return signature(payload, secret, int(time.time()))


FORGERIES: list[Callable[[str, str], str]] = [
    lambda payload, secret: "",
    lambda payload, secret: f"t={int(time.time())},v1={'0' * 64}",
    lambda payload, secret: well(payload, "whsec_other"),
    lambda payload, secret: well(payload.replace("evt_", "evt_x"), secret),  # of another payload
    lambda payload, secret: signature(payload, secret, int(time.time()) - 4000),
]


class Post:
    """Delivers the events of samples in order and once, those of all other flows as it likes."""

    def __init__(self, ledger: Ledger, dice: random.Random) -> None:
        self.ledger, self.dice = ledger, dice
        self.late: list[list[Event]] = [[] for _wave in range(WAVES)]

    def in_order(self, events: list[Event]) -> None:
        for event in events:
            self.ledger.expect(post(event, well).status_code == HTTPStatus.OK, "server_errors", "refused")

    def shuffle(self, events: list[Event], wave: int) -> None:
        """One copy of each comes in this wave, the others in any: what nobody told in time leaves no line behind."""
        for event in events:
            self.late[wave].append(event)
            for _copy in range(self.dice.randint(0, 4)):
                self.late[self.dice.randrange(wave, WAVES)].append(event)
        self.dice.shuffle(self.late[wave])
        for event in self.late[wave]:
            if self.dice.randrange(FORGED) == 0:
                self._forge(event)
            answer = post(event, well)
            self.ledger.tried(answer)
            self.ledger.expect(answer.status_code == HTTPStatus.OK, "unexplained", "a good event was refused")

    def _forge(self, event: Event) -> None:
        """The same event, so that a shop that took it for good would not work on the real one any more."""
        answer = post(event, self.dice.choice(FORGERIES))
        self.ledger.tried(answer)
        self.ledger.expect(answer.status_code == HTTPStatus.BAD_REQUEST, "unexplained", "a forged event was taken")


def deliver_all(simulator: Simulator, ledger: Ledger, dice: random.Random, size: int) -> int:
    """Let some `size` events happen, deliver them, and compare the ends; how many it were."""
    guest = Guest(simulator)
    samples = {(kind, quantity): guest.place(kind, quantity) for kind in KINDS for quantity in QUANTITIES}
    wishes = itertools.islice(itertools.cycle(samples), max(size // EVENTS_OF_A_FLOW, len(samples)))
    flows = [guest.place(*wish) for wish in wishes]
    office, seen, shuffled = Post(ledger, dice), 0, 0
    for wave in range(WAVES):
        for flow in (*samples.values(), *flows):
            KINDS[flow.kind][wave](flow)
        if wave == WAVES - 1:
            simulator.finish_refunds()
        age(minutes=1)  # long enough for no answer to be under way any more
        events = simulator.objects("event")[seen:]
        seen += len(events)
        of_samples = {str(flow.order.payment_intent_id) for flow in samples.values()}
        office.in_order([event for event in events if intent_of(event) in of_samples])
        others = [event for event in events if intent_of(event) not in of_samples]
        office.shuffle(others, wave)
        shuffled += len(others)
    ends = {wish: sample.end() for wish, sample in samples.items()}
    for flow in flows:
        is_same = flow.end() == ends[flow.kind, flow.quantity]
        ledger.expect(is_same, "unexplained", f"{flow.kind}: {flow.end()}, should be {ends[flow.kind, flow.quantity]}")
    return shuffled


@pytest.mark.parametrize("part", range(PARTS))
def test_events_in_any_order_end_as_in_order(simulator: Simulator, ledger: Ledger, part: int) -> None:
    shuffled = deliver_all(simulator, ledger, random.Random(part), EVENTS // PARTS)  # noqa: S311
    left = StripeEvent.objects.filter(processed=None).count()
    ledger.expect(left == 0, "unexplained", f"{left} events were not worked on")
    ledger.check_books(simulator)
    assert shuffled >= EVENTS // PARTS


@pytest.mark.proof
def test_forged_events_are_noticed_where_signatures_are_not_checked(
    simulator: Simulator, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stripe.WebhookSignature.verify_header", lambda *args, **kwargs: True)
    trial = Ledger("trial")
    deliver_all(simulator, trial, random.Random(1), 130)  # noqa: S311
    ledger.control("signatures of webhooks unchecked", "a forged event was taken" in trial.found["unexplained"])


@pytest.mark.proof
def test_lost_work_is_noticed_where_an_event_counts_as_done_too_early(
    simulator: Simulator, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "orders.workflow.payments.settle_on_event.__code__", (lambda sender, intent_id, **kwargs: None).__code__
    )
    trial = Ledger("trial")
    deliver_all(simulator, trial, random.Random(1), 130)  # noqa: S311
    trial.check_books(simulator)
    ledger.control("events taken, and nobody looks", bool(trial.problems()))
