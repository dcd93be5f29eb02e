"""Recoveries after a crash or a lost response: by the shopper, a webhook, reconcile or the order's expiry.

On the next day, Stripe has also forgotten the idempotency keys.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from billing.models import Card, CardAttempt, StripeEvent
from orders.bookkeeping.reconcile import compare_with_stripe, reconcile
from orders.models import Mail, Order, Payment, Refund
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, make_product, payment_form_data, submit_details
from tests.proofs import actions
from tests.proofs.proof_report import ProofReport
from tests.workers import run_tasks

CARDS = {"good": "tok_visa", "declined": "tok_chargeCustomerFail", "3-D Secure": "tok_threeDSecure2Required"}
RECOVERIES = ("shopper", "webhook", "reconcile", "expiry", "next day")
MINUTES = {"expiry": 31, "next day": 24 * 60 + 1}  # that pass before reconcile runs, if not 3
MAX_PAGE_VIEWS = 8  # more page views than a shopper who follows the page needs
TRIES = 4  # to enter a card; on a busy machine a second response can be late too
TIMESTAMP_FIELDS = [(Order, "placed_at"), (Payment, "timestamp"), (Refund, "timestamp"), (Mail, "tried_at")]
TIMESTAMP_FIELDS += [(StripeEvent, "received"), (Refund, "asked_at"), (CardAttempt, "timestamp")]
TIMESTAMP_FIELDS += [(Card, "entered_at"), (Card, "removed_at")]


@dataclass
class Shopper:
    """A guest with a cart, a postal address and a card who presses the buttons that the page offers."""

    client: Client
    simulator: Simulator
    report: ProofReport
    card: int
    form: dict[str, Any]
    is_declined: bool

    def post(self, path: str, **data: Any) -> None:
        self.report.check_responses(self.client.post(path, data))

    def get(self, path: str) -> Any:
        response = self.client.get(path)
        self.report.check_responses(response)
        return response

    @property
    def order(self) -> Order:
        return Order.objects.get()

    def place(self) -> None:
        """Press Place order with the form as first shown. Repeated calls send the same form."""
        self.post(reverse("carts:checkout"), **self.form)

    def complete_3d_secure(self) -> None:
        """Confirm the bank's dialog if it is open."""
        for intent in self.simulator.objects("payment_intent"):
            if intent["status"] == "requires_action":
                self.simulator.complete_3d_secure(intent["id"], succeed=True)

    def buy(self) -> None:
        """Do what the order page asks until the order is paid or canceled, or the bad card is declined.

        Stop after MAX_PAGE_VIEWS page views.
        """
        if self.order.status == Order.Status.OPEN:
            self.place()
        for _view in range(MAX_PAGE_VIEWS):
            situation = self.look()
            if situation in ("paid", "canceled") or (situation == "declined" and self.is_declined):
                break
            if situation in ("unpaid", "declined"):
                self.post(reverse("orders:pay", args=[self.order.order_id]), card=self.card)
            self.complete_3d_secure()
            age_timestamps(minutes=1)

    def cancel(self) -> None:
        """Press Cancel."""
        self.post(reverse("orders:cancel", args=[self.order.order_id]))

    def refund(self) -> None:
        """Refund the whole order as staff, unless it is refunded already."""
        actions.refund(self.order.pk, str(self.order.total))

    def look(self) -> str:
        """Open the order's page. Return its payment state, for example "paid"."""
        Order.objects.update(asked_at=None)  # A few seconds have passed since another page asked Stripe.
        return str(self.get(self.order.get_absolute_url()).context["payment_state"])

    def check_outcome(self, way: str, is_bought: bool) -> None:
        """Check the outcome, and that no alert was sent to staff.

        The order must be paid if the shopper retried with a good card. It must not stay unpaid after its expiry.
        """
        status = self.order.status
        self.report.expect(not self.order.attention, "unexplained", f"staff attention: {self.order.attention}")
        if way in MINUTES:
            self.report.expect(status != Order.Status.PLACED, "unexplained", "neither paid nor canceled")
        elif way == "shopper" and is_bought and not self.is_declined:
            self.report.expect(status == Order.Status.PAID, "lost_orders", f"paid for, but the order is {status}")


def make_shopper(client: Client, simulator: Simulator, report: ProofReport, token: str) -> Shopper:
    """Return a shopper who has reached the Place order button."""
    add_to_cart(client, make_product(stock=3), 2)
    submit_details(client)
    responses = [add_card(client, token)]
    while responses[-1].status_code != HTTPStatus.OK and len(responses) < TRIES:
        responses.append(add_card(client, token))  # entered again, as the page asks
    report.check_responses(*responses)
    card = responses[-1].json()["card"]
    form = payment_form_data(client) | {"card": str(card)}
    return Shopper(client, simulator, report, card, form, is_declined=token == CARDS["declined"])


def with_engines(combinations: list[tuple[Any, ...]], step: int) -> list[Any]:
    """Return every `step`th of these cases as parameters, with the two task engines in turn."""
    engines = ("immediate", "database")
    cases = [(*case, engines[number % 2]) for number, case in enumerate(combinations[::step])]
    return [pytest.param(*case, id="-".join(map(str, case))) for case in cases]


def age_timestamps(minutes: int) -> None:
    """Move all timestamps `minutes` into the past."""
    for model, name in TIMESTAMP_FIELDS:
        model._default_manager.exclude(**{name: None}).update(**{name: F(name) - timedelta(minutes=minutes)})


def deliver_all(simulator: Simulator, report: ProofReport) -> None:
    """Deliver every event of the simulator to the shop's webhook, signed, and once more after a response of 503.

    With 503 the shop asks Stripe to deliver the event again.
    """
    for event in simulator.objects("event"):
        status = actions.deliver(event)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            status = actions.deliver(event)
        report.expect(status < 500, "server_errors", f"the webhook returned {status}")


def recover(way: str, visitor: Shopper, retry: Callable[[], None]) -> None:
    """Recover by `way` first, then run reconcile once. After that no staff work is needed."""
    if way == "shopper":
        retry()
    elif way == "webhook":
        visitor.complete_3d_secure()
        deliver_all(visitor.simulator, visitor.report)
    elif way == "next day":
        visitor.simulator.forget_idempotency_keys()
    if way not in ("shopper", "webhook"):
        DBTaskResult.objects.all().delete()  # the tasks are lost too
    age_and_reconcile(minutes=MINUTES.get(way, 3))


def age_and_reconcile(minutes: int) -> None:
    """Move timestamps into the past, run reconcile, compare the orders with the Stripe ledger, and run the tasks."""
    age_timestamps(minutes)
    reconcile()
    compare_with_stripe()
    run_tasks()
