"""Proof with killed processes, at any point between "Place order" and the last email message or refund.

After every recovery nothing is lost or done twice, and after one reconcile no staff work is needed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from stripe_simulator.server import Simulator
from tests.proofs import actions
from tests.proofs.consistency import independent_problems
from tests.proofs.disabled_guards import create_intent_for_each_press, run_all
from tests.proofs.fail_points import FailPoint
from tests.proofs.processes import KILLED_EXIT_CODE, ChildEnvironment, run_in_child
from tests.proofs.proof_report import ProofReport, scaled
from tests.proofs.recovery import CARDS, RECOVERIES, Shopper, make_shopper, recover, with_engines

PROOF = "Kill"
pytestmark = pytest.mark.django_db(transaction=True)
Act = tuple[Callable[..., Any], Any]


def around(what: str, target: str) -> list[FailPoint]:
    """Return the fail points just before and just after a target."""
    return [FailPoint(when, what, target) for when in ("before", "after")]


def calls(name: str) -> list[FailPoint]:
    return around("call", f"billing.gateway.{name}")


# Statements and commits are identified by their SQL, which is the same on both databases.
PLACED = around("commit", 'INSERT INTO "orders_orderitem"')
STORED = around("statement", 'UPDATE "orders_order" SET "payment_intent_id"')[1:]
STARTED = around("commit", 'INSERT INTO "orders_payment"')
SETTLED = [*calls("retrieve_intent")[1:], *around("commit", 'UPDATE "orders_payment" SET "status"')]
EMAIL_SENT = around("call", "django.core.mail.message.EmailMessage.send")
CANCELING = around("commit", 'UPDATE "orders_order" SET "status".* canceling ')
CANCELED = around("commit", 'UPDATE "orders_order" SET "status".* canceled ')
REFUND_REQUESTED = around("commit", 'INSERT INTO "orders_refund"')
REFUND_RECORDED = around("commit", 'UPDATE "orders_refund" SET "status"')
EVENT_STORED = around("commit", 'INSERT INTO "billing_stripeevent"')
EVENT_PROCESSED = around("statement", 'UPDATE "billing_stripeevent" SET "processed"')
POINTS = {
    "place": [*PLACED, *calls("create_intent"), *STORED, *STARTED, *calls("confirm_intent"), *SETTLED],
    "mail": EMAIL_SENT,
    "return from the bank": [*SETTLED, *EMAIL_SENT],
    "webhook": [*EVENT_STORED, *SETTLED, *EMAIL_SENT, *EVENT_PROCESSED],
    "cancel": [*CANCELING, *calls("cancel_intent"), *CANCELED],
    "refund": [*REFUND_REQUESTED, *calls("create_refund"), *REFUND_RECORDED],
}
# The cards with which a step can be reached. Steps that are not listed can be reached with all cards.
CARDS_BY_STEP = {
    "mail": ["good"],
    "return from the bank": ["3-D Secure"],
    "webhook": ["3-D Secure"],
    "refund": ["good", "3-D Secure"],
}
COMBINATIONS = [
    (step, point, card, way)
    for step, points in POINTS.items()
    for point in points
    for card in CARDS_BY_STEP.get(step, CARDS)
    for way in RECOVERIES
]
CASES = with_engines(COMBINATIONS, scaled(quick=37, small=29, full=1))


def approach(visitor: Shopper, step: str, card: str) -> Act:
    """Bring the visitor to the step. Return the action, a function and its arguments, during which the process dies."""
    cookies = {name: morsel.value for name, morsel in visitor.client.cookies.items()}
    if step in ("place", "mail"):
        return actions.submit_form, (cookies, reverse("carts:checkout"), visitor.form)
    if step == "cancel" and card == "good":
        visitor.simulator.add_fault("/v1/payment_intents/*/confirm", "drop_before")
    visitor.place()
    if step == "cancel":
        return actions.submit_form, (cookies, reverse("orders:cancel", args=[visitor.order.order_id]), {})
    visitor.complete_3d_secure()
    if step == "webhook":
        return actions.deliver, (visitor.simulator.objects("event")[-1],)
    if step == "refund":
        visitor.look()
        return actions.refund, (visitor.order.pk, str(visitor.order.total))
    return actions.look, (cookies, reverse("orders:status", args=[visitor.order.order_id]))


def retry(visitor: Shopper, step: str) -> None:
    """Repeat the step: the shopper continues to buy or cancels again, or staff refund again."""
    if step == "cancel":
        visitor.cancel()
    elif step == "refund":
        visitor.refund()
    else:
        visitor.buy()


@pytest.mark.sampled(20)
@pytest.mark.parametrize(("step", "point", "card", "way", "engine"), CASES, indirect=["engine"])
def test_killed_process_leaves_no_work_for_staff(
    client: Client,
    engine: str,
    place: ChildEnvironment,
    simulator: Simulator,
    report: ProofReport,
    step: str,
    point: FailPoint,
    card: str,
    way: str,
) -> None:
    visitor = make_shopper(client, simulator, report, CARDS[card])
    act = approach(visitor, step, card)
    assert run_in_child(place, point.arm, act[0], *act[1]) == KILLED_EXIT_CODE, "the fail point was not reached"
    recover(way, visitor, partial(retry, visitor, step))
    report.count_try()
    report.check_consistency(simulator)
    visitor.check_outcome(way, is_bought=step not in ("cancel", "refund"))


@pytest.mark.slow
@pytest.mark.usefixtures("create_and_confirm")
def test_control_intent_created_and_confirmed_together_is_charged_again(
    client: Client, place: ChildEnvironment, simulator: Simulator, report: ProofReport
) -> None:
    visitor = make_shopper(client, simulator, report, CARDS["good"])
    act = approach(visitor, "place", "good")
    lost_response = FailPoint("after", "call", "billing.gateway.confirm_intent")
    assert (
        run_in_child(place, partial(run_all, create_intent_for_each_press, lost_response.arm), act[0], *act[1])
        == KILLED_EXIT_CODE
    )
    visitor.buy()
    report.record_control(
        "intent created and confirmed in one step", "double_charges" in dict(independent_problems(simulator))
    )
