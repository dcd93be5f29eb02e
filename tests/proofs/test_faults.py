"""Proof with network and Stripe faults of every kind, at every call.

After every recovery nothing is lost or done twice.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import partial
from types import SimpleNamespace

import pytest
from django.test import Client

from billing import gateway
from billing.stripe_calls import time_limits
from orders.models import Order
from orders.workflow import payments
from stripe_simulator.faults import KINDS
from stripe_simulator.server import Simulator
from tests.proofs.consistency import independent_problems
from tests.proofs.proof_report import ProofReport, scaled
from tests.proofs.recovery import CARDS, RECOVERIES, Shopper, make_shopper, recover, with_engines
from tests.workers import run_tasks

PROOF = "Faults"
pytestmark = pytest.mark.django_db(transaction=True)
READ_SECONDS, DELAY = 0.4, 0.8
CALLS = {
    "create customer": ("POST", "/v1/customers"),
    "retrieve customer": ("GET", "/v1/customers/*"),
    "create card": ("POST", "/v1/customers/*/sources"),
    "create intent": ("POST", "/v1/payment_intents"),
    "confirm": ("POST", "/v1/payment_intents/*/confirm"),
    "retrieve intent": ("GET", "/v1/payment_intents/*"),
    "cancel": ("POST", "/v1/payment_intents/*/cancel"),
    "create refund": ("POST", "/v1/refunds"),
    "list refunds": ("GET", "/v1/refunds"),
}
COMBINATIONS = [
    (call, fault, card, way)
    for call in CALLS
    for fault in sorted(KINDS)
    for card in ("good", "3-D Secure")
    for way in RECOVERIES
]
CASES = with_engines(COMBINATIONS, scaled(quick=97, small=61, full=1))


@pytest.fixture
def without_retry_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shop retry a call to a busy Stripe without waiting."""
    clock = SimpleNamespace(sleep=lambda seconds: None, monotonic=time.monotonic, time=time.time)
    monkeypatch.setattr(gateway, "time", clock)


def inject_fault(simulator: Simulator, call: str, fault: str) -> None:
    """Make the next call fail with the fault. If the shop retries immediately after the fault, fail the retry too."""
    method, path = CALLS[call]
    times = 2 if fault in ("rate_limit", "key_in_use") else 1
    simulator.add_fault(path, fault, method, times, seconds=DELAY if fault == "delay" else 0.0)


def was_called(simulator: Simulator, call: str) -> bool:
    """Return whether the shop made the call."""
    method, path = CALLS[call]
    return any(asked[0] == method and fnmatchcase(asked[1], path) for asked in simulator.requests)


def trigger_call(visitor: Shopper, call: str) -> None:
    """Do the steps that lead to the call."""
    visitor.place()
    if call == "cancel":
        visitor.cancel()
    elif "refund" in call:
        visitor.complete_3d_secure()
        visitor.look()
        visitor.refund()
    if call == "list refunds":
        payments.settle_quietly(visitor.order)


@contextmanager
def time_limit(fault: str) -> Iterator[None]:
    """For the fault "delay", lower the read timeout so that the shop stops waiting before Stripe processes the call.

    Wait at the end until the call has been processed.
    """
    if fault != "delay":
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time_limits, "READ_SECONDS", READ_SECONDS)
        yield
    time.sleep(DELAY)  # the recoveries move timestamps by more than this


def retry(visitor: Shopper, call: str) -> None:
    """Repeat the step: the shopper continues to buy or cancels again, or staff refund again."""
    if call == "cancel":
        visitor.cancel()
    elif "refund" in call:
        visitor.refund()
    else:
        visitor.buy()


@pytest.mark.sampled(20)
@pytest.mark.usefixtures("without_retry_delay")
@pytest.mark.parametrize(("call", "fault", "card", "way", "engine"), CASES, indirect=["engine"])
def test_fault_leaves_no_work_for_staff(
    client: Client, engine: str, simulator: Simulator, report: ProofReport, call: str, fault: str, card: str, way: str
) -> None:
    inject_fault(simulator, call, fault)
    if call == "list refunds":  # this call is made only to find a refund whose response was lost
        simulator.add_fault("/v1/refunds", "drop_after")
    with time_limit(fault):
        visitor = make_shopper(
            client, simulator, report, CARDS["declined" if (call, card) == ("cancel", "good") else card]
        )
        trigger_call(visitor, call)
        run_tasks()
    assert was_called(simulator, call)
    recover(way, visitor, partial(retry, visitor, call))
    if fault == "other_object":
        Order.objects.update(attention="")  # Staff are told, and have nothing to do.
    report.count_try()
    report.check_consistency(simulator)
    visitor.check_outcome(way, is_bought=call != "cancel" and "refund" not in call)


@pytest.mark.slow
@pytest.mark.usefixtures("without_retry_delay", "create_and_confirm")
def test_control_lost_response_to_intent_confirmed_at_creation_is_charged_again(
    client: Client, simulator: Simulator, report: ProofReport
) -> None:
    inject_fault(simulator, "confirm", "drop_after")
    visitor = make_shopper(client, simulator, report, CARDS["good"])
    visitor.place()
    visitor.buy()
    report.record_control(
        "intent created and confirmed in one step", "double_charges" in dict(independent_problems(simulator))
    )
