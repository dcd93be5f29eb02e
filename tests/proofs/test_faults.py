"""The network or Stripe fails at each call in each way; whoever comes by next, nothing is lost or done twice."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import partial
from types import SimpleNamespace

import pytest
from django.test import Client

from billing import gateway
from orders.workflow import payments
from stripe_simulator.faults import KINDS
from stripe_simulator.server import Simulator
from tests.proofs.books import own_findings
from tests.proofs.ledger import Ledger, scaled
from tests.proofs.recoveries import CARDS, RECOVERIES, Shopper, recover, shopper

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
CASES = [
    pytest.param(call, fault, card, way, id=f"{call}-{fault}-{card}-{way}")
    for call in CALLS
    for fault in sorted(KINDS)
    for card in ("good", "3-D Secure")
    for way in RECOVERIES
][:: scaled(quick=97, small=61, full=1)]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop that does not wait before it asks a busy Stripe once more."""
    clock = SimpleNamespace(sleep=lambda seconds: None, monotonic=time.monotonic, time=time.time)
    monkeypatch.setattr(gateway, "time", clock)


def spoil(simulator: Simulator, call: str, fault: str) -> None:
    """The next call fails so; where the shop asks at once again, that fails too."""
    method, path = CALLS[call]
    times = 2 if fault in ("rate_limit", "key_in_use") else 1
    simulator.add_fault(path, fault, method, times, seconds=DELAY if fault == "delay" else 0.0)


def is_met(simulator: Simulator, call: str) -> bool:
    """Whether the shop made the call at all."""
    method, path = CALLS[call]
    return any(asked[0] == method and fnmatchcase(asked[1], path) for asked in simulator.requests)


def walk(visitor: Shopper, call: str) -> None:
    """Press what leads to the call."""
    visitor.place()
    if call == "cancel":
        visitor.cancel()
    elif "refund" in call:
        visitor.answer_bank()
        visitor.look()
        visitor.refund()
    if call == "list refunds":
        payments.settle_quietly(visitor.order)


@contextmanager
def time_limit(fault: str) -> Iterator[None]:
    """Where a call is delayed the shop gives up before it is worked on; at the end it has been."""
    if fault != "delay":
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "READ_SECONDS", READ_SECONDS)
        yield
    time.sleep(DELAY)  # the clock is set back by more than this in what follows


def retry(visitor: Shopper, call: str) -> None:
    """The shopper goes on buying, or cancels again; staff refund again."""
    if call == "cancel":
        visitor.cancel()
    elif "refund" in call:
        visitor.refund()
    else:
        visitor.buy()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("call", "fault", "card", "way"), CASES)
def test_fault_leaves_nothing_for_humans(
    client: Client, simulator: Simulator, ledger: Ledger, call: str, fault: str, card: str, way: str
) -> None:
    spoil(simulator, call, fault)
    if call == "list refunds":  # made only to find a refund whose answer was lost
        simulator.add_fault("/v1/refunds", "drop_after")
    with time_limit(fault):
        visitor = shopper(client, simulator, ledger, CARDS["declined" if (call, card) == ("cancel", "good") else card])
        walk(visitor, call)
    assert is_met(simulator, call)
    recover(way, visitor, partial(retry, visitor, call))
    ledger.tried()
    ledger.check_books(simulator)
    visitor.check_end(way, is_bought=call != "cancel" and "refund" not in call)


@pytest.mark.usefixtures("hasty", "create_and_confirm")
def test_lost_answer_to_an_intent_made_and_confirmed_at_once_is_charged_again(
    client: Client, simulator: Simulator, ledger: Ledger
) -> None:
    spoil(simulator, "confirm", "drop_after")
    visitor = shopper(client, simulator, ledger, CARDS["good"])
    visitor.place()
    visitor.buy()
    ledger.control("intent created and confirmed at once", "double_charges" in dict(own_findings(simulator)))
