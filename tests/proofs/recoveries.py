"""Who comes by after a death or a lost answer: the shopper, a webhook, reconcile, or nobody until the order expires."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.db.models import F
from django.test import Client
from django.urls import reverse

from billing.models import StripeEvent
from orders.bookkeeping.reconcile import compare_books, reconcile
from orders.models import Mail, Order, Payment, Refund
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, give_details, make_product, place_form
from tests.proofs import acts
from tests.proofs.ledger import Ledger

CARDS = {"good": "tok_visa", "declined": "tok_chargeCustomerFail", "3-D Secure": "tok_threeDSecure2Required"}
RECOVERIES = ("shopper", "webhook", "reconcile", "expiry")
LOOKS = 8  # more than a shopper needs who does what the page says
TRIES = 4  # to enter a card; on a busy machine a second answer may be late as well
CLOCKS = [(Order, "placed_at"), (Payment, "timestamp"), (Refund, "timestamp"), (Mail, "tried_at")]
CLOCKS += [(StripeEvent, "received"), (Refund, "asked_at")]


@dataclass
class Shopper:
    """A guest with a cart, an address and a card, who presses the buttons the page offers."""

    client: Client
    simulator: Simulator
    ledger: Ledger
    card: int
    form: dict[str, Any]
    is_declined: bool

    def post(self, path: str, **data: Any) -> None:
        self.ledger.answered(self.client.post(path, data))

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        self.ledger.answered(answer)
        return answer

    @property
    def order(self) -> Order:
        return Order.objects.get()

    def place(self) -> None:
        """Press Place order; again if need be, on the page as it was."""
        self.post(reverse("carts:checkout"), **self.form)

    def answer_bank(self) -> None:
        """Confirm in the bank's dialog, if it asks."""
        for intent in self.simulator.objects("payment_intent"):
            if intent["status"] == "requires_action":
                self.simulator.act(intent["id"], succeed=True)

    def buy(self) -> None:
        """Do what the page says until the order is paid, the card declined, or the order given up."""
        if self.order.status == Order.Status.OPEN:
            self.place()
        for _look in range(LOOKS):
            now = self.look()
            if now in ("paid", "canceled") or (now == "declined" and self.is_declined):
                break
            if now in ("unpaid", "declined"):
                self.post(reverse("orders:pay", args=[self.order.order_id]), card=self.card)
            self.answer_bank()
            age(minutes=1)

    def cancel(self) -> None:
        """Press Cancel."""
        self.post(reverse("orders:cancel", args=[self.order.order_id]))

    def refund(self) -> None:
        """Staff give everything back, unless it is given back already."""
        acts.refund(self.order.pk, str(self.order.total))

    def look(self) -> str:
        """Open the order's page; what it is about."""
        return str(self.get(self.order.get_absolute_url()).context["situation"])

    def check_end(self, way: str, is_bought: bool) -> None:
        """Who went on buying has bought, unless the bank refused; what nobody paid is given up in the end."""
        status = self.order.status
        self.ledger.expect(not self.order.attention, "unexplained", f"staff are asked: {self.order.attention}")
        if way == "expiry":
            self.ledger.expect(status != Order.Status.PLACED, "unexplained", "neither paid nor given up")
        elif way == "shopper" and is_bought and not self.is_declined:
            self.ledger.expect(status == Order.Status.PAID, "lost_orders", f"paid for, and the order is {status}")


def shopper(client: Client, simulator: Simulator, ledger: Ledger, token: str) -> Shopper:
    """One who has come to the button that places the order."""
    add_to_cart(client, make_product(stock=3), 2)
    give_details(client)
    answers = [add_card(client, token)]
    while answers[-1].status_code != HTTPStatus.OK and len(answers) < TRIES:
        answers.append(add_card(client, token))  # typed again, as the page asked
    ledger.answered(*answers)
    card = answers[-1].json()["card"]
    form = place_form(client) | {"card": str(card)}
    return Shopper(client, simulator, ledger, card, form, is_declined=token == CARDS["declined"])


def age(minutes: int) -> None:
    """As if everything had happened so many minutes earlier."""
    for model, name in CLOCKS:
        model._default_manager.exclude(**{name: None}).update(**{name: F(name) - timedelta(minutes=minutes)})


def deliver_all(simulator: Simulator, ledger: Ledger) -> None:
    """Every event of the simulator, signed, to the shop's webhook; 503 asks Stripe to come again, so it does, once."""
    for event in simulator.objects("event"):
        status = acts.deliver(event)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            status = acts.deliver(event)
        ledger.expect(status < 500, "server_errors", f"the webhook answered {status}")


def recover(way: str, visitor: Shopper, retry: Callable[[], None]) -> None:
    """Let `way` go first; then one reconcile, after which no human is needed."""
    if way == "shopper":
        retry()
    elif way == "webhook":
        visitor.answer_bank()
        deliver_all(visitor.simulator, visitor.ledger)
    tidy_up(minutes=31 if way == "expiry" else 3)


def tidy_up(minutes: int) -> None:
    """Time passes, and reconcile comes by."""
    age(minutes)
    reconcile()
    compare_books()
