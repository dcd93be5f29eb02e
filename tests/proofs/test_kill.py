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
from tests.proofs import acts
from tests.proofs.books import own_findings
from tests.proofs.child import DEATH, Place, run
from tests.proofs.controls import each, intent_for_each_press
from tests.proofs.failpoints import FailPoint
from tests.proofs.ledger import Ledger, scaled
from tests.proofs.recoveries import CARDS, RECOVERIES, Shopper, recover, shopper

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
MAILED = around("call", "django.core.mail.message.EmailMessage.send")
CANCELING = around("commit", 'UPDATE "orders_order" SET "status".* canceling ')
CLOSED = around("commit", 'UPDATE "orders_order" SET "status".* canceled ')
ASKED = around("commit", 'INSERT INTO "orders_refund"')
NOTED = around("commit", 'UPDATE "orders_refund" SET "status"')
HEARD = around("commit", 'INSERT INTO "billing_stripeevent"')
ANSWERED = around("statement", 'UPDATE "billing_stripeevent" SET "processed"')
POINTS = {
    "place": [*PLACED, *calls("create_intent"), *STORED, *STARTED, *calls("confirm_intent"), *SETTLED],
    "mail": MAILED,
    "return from the bank": [*SETTLED, *MAILED],
    "webhook": [*HEARD, *SETTLED, *MAILED, *ANSWERED],
    "cancel": [*CANCELING, *calls("cancel_intent"), *CLOSED],
    "refund": [*ASKED, *calls("create_refund"), *NOTED],
}
# The cards with which a step can be reached. Steps that are not listed can be reached with all cards.
LEADING = {
    "mail": ["good"],
    "return from the bank": ["3-D Secure"],
    "webhook": ["3-D Secure"],
    "refund": ["good", "3-D Secure"],
}
CASES = [
    pytest.param(step, point, card, way, id=f"{step}-{point}-{card}-{way}")
    for step, points in POINTS.items()
    for point in points
    for card in LEADING.get(step, CARDS)
    for way in RECOVERIES
][:: scaled(quick=37, small=29, full=1)]


def approach(visitor: Shopper, step: str, card: str) -> Act:
    """Bring the visitor to the step. Return the action, a function and its arguments, during which the process dies."""
    cookies = {name: morsel.value for name, morsel in visitor.client.cookies.items()}
    if step in ("place", "mail"):
        return acts.press, (cookies, reverse("carts:checkout"), visitor.form)
    if step == "cancel" and card == "good":
        visitor.simulator.add_fault("/v1/payment_intents/*/confirm", "drop_before")
    visitor.place()
    if step == "cancel":
        return acts.press, (cookies, reverse("orders:cancel", args=[visitor.order.order_id]), {})
    visitor.answer_bank()
    if step == "webhook":
        return acts.deliver, (visitor.simulator.objects("event")[-1],)
    if step == "refund":
        visitor.look()
        return acts.refund, (visitor.order.pk, str(visitor.order.total))
    return acts.look, (cookies, reverse("orders:status", args=[visitor.order.order_id]))


def retry(visitor: Shopper, step: str) -> None:
    """Repeat the step: the shopper continues to buy or cancels again, or staff refund again."""
    if step == "cancel":
        visitor.cancel()
    elif step == "refund":
        visitor.refund()
    else:
        visitor.buy()


@pytest.mark.parametrize(("step", "point", "card", "way"), CASES)
def test_killed_process_leaves_no_work_for_staff(
    client: Client, place: Place, simulator: Simulator, ledger: Ledger, step: str, point: FailPoint, card: str, way: str
) -> None:
    visitor = shopper(client, simulator, ledger, CARDS[card])
    act = approach(visitor, step, card)
    assert run(place, point.arm, act[0], *act[1]) == DEATH, "the fail point was not reached"
    recover(way, visitor, partial(retry, visitor, step))
    ledger.tried()
    ledger.check_books(simulator)
    visitor.check_end(way, is_bought=step not in ("cancel", "refund"))


@pytest.mark.usefixtures("create_and_confirm")
def test_control_intent_created_and_confirmed_together_is_charged_again(
    client: Client, place: Place, simulator: Simulator, ledger: Ledger
) -> None:
    visitor = shopper(client, simulator, ledger, CARDS["good"])
    act = approach(visitor, "place", "good")
    lost_answer = FailPoint("after", "call", "billing.gateway.confirm_intent")
    assert run(place, partial(each, intent_for_each_press, lost_answer.arm), act[0], *act[1]) == DEATH
    visitor.buy()
    ledger.control("intent created and confirmed in one step", "double_charges" in dict(own_findings(simulator)))
