"""Orders whose payments reach the shop only through webhooks. Their outcomes contain no random values."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import stripe
from django.test import Client

from billing.models import Card
from carts.models import Cart
from orders.models import Order, OrderEvent, Refund
from orders.workflow import payments
from orders.workflow.placing import place
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, make_product, shown_facts, submit_details

Act = Callable[["Flow"], None]


@dataclass
class Flow:
    """An order and its payment at Stripe."""

    kind: str
    quantity: int
    order: Order
    simulator: Simulator
    cards: dict[str, Card]

    def pay(self, token: str, is_answered: bool = False) -> None:
        """Press Pay. Stripe's response is lost unless `is_answered`."""
        if not is_answered:
            self.simulator.add_fault("/v1/payment_intents/*/confirm", "drop_after")
        payments.pay(self.order, self.cards[token])
        self.order.refresh_from_db()

    def complete_3d_secure(self, succeed: bool) -> None:
        self.simulator.complete_3d_secure(str(self.order.payment_intent_id), succeed)

    def refund(self, amount: int | None = None) -> None:
        """Refund `amount` (in minor units), or everything, in Stripe's dashboard as staff."""
        params: Any = {"payment_intent": str(self.order.payment_intent_id)} | ({"amount": amount} if amount else {})
        self._dashboard().v1.refunds.create(params)

    def cancel(self) -> None:
        """Cancel the payment in Stripe's dashboard as staff."""
        self._dashboard().v1.payment_intents.cancel(str(self.order.payment_intent_id))

    def ask_about(self) -> None:
        """Let the bank ask about the payment."""
        self.simulator.open_dispute(str(self.order.payment_intent_id), status="warning_needs_response")

    def close_dispute(self, status: str) -> None:
        """Close the dispute or inquiry about this order at Stripe."""
        for row in self.simulator.objects("dispute"):
            if row["payment_intent"] == self.order.payment_intent_id:
                self.simulator.change_dispute(row["id"], status=status)

    def _dashboard(self) -> stripe.StripeClient:
        return stripe.StripeClient("sk_test_dashboard", base_addresses={"api": self.simulator.url})

    def outcome(self) -> dict[str, Any]:
        """Return the outcome, to compare it with other flows of the same kind."""
        order = Order.objects.get(pk=self.order.pk)
        refunds = Refund.objects.filter(payment__order=order)
        events = order.events.exclude(kind=OrderEvent.Kind.ALERTED)  # their texts contain refund ids
        return {
            "order": (order.status, order.total, order.amount_refunded, order.amount_lost, bool(order.attention)),
            "payments": list(order.payments.values_list("number", "status", "code", "decline_code", "message")),
            "refunds": sorted(refunds.values_list("amount", "status", "by", "is_mismatch", "is_restocked")),
            "history": sorted((event.kind, VARYING.sub("", event.text), event.by) for event in events),
            "disputes": sorted(order.disputes.values_list("status", "amount", "is_lost")),
            "emails": sorted((mail.kind, bool(mail.sent)) for mail in order.mails.all()),
            "stock": [(item.quantity, item.product.stock) for item in order.items.select_related("product")],
        }


VARYING = re.compile(r"du_\w+|respond by .*")  # the due date is some days after the time of the dispute


def do_nothing(flow: Flow) -> None:
    """Do nothing."""


def decline_then_pay(flow: Flow) -> None:
    flow.pay("tok_chargeCustomerFail", is_answered=True)
    flow.pay("tok_visa")


# The actions of each kind in three waves. Events are delivered after each wave.
KINDS: dict[str, tuple[Act, Act, Act]] = {
    "paid": (lambda flow: flow.pay("tok_visa"), do_nothing, do_nothing),
    "declined": (lambda flow: flow.pay("tok_chargeCustomerFail"), do_nothing, do_nothing),
    "declined, then paid": (decline_then_pay, do_nothing, do_nothing),
    "3-D Secure passed": (
        lambda flow: flow.pay("tok_threeDSecure2Required"), lambda f: f.complete_3d_secure(True), do_nothing,
    ),
    "3-D Secure failed": (
        lambda flow: flow.pay("tok_threeDSecure2Required"), lambda f: f.complete_3d_secure(False), do_nothing,
    ),
    "3-D Secure abandoned": (lambda flow: flow.pay("tok_threeDSecure2Required"), do_nothing, do_nothing),
    "3-D Secure passed late": (
        lambda flow: flow.pay("tok_threeDSecure2Required"), do_nothing, lambda flow: flow.complete_3d_secure(True),
    ),
    "refunded": (lambda flow: flow.pay("tok_visa"), lambda flow: flow.refund(), do_nothing),
    "refunded in parts": (lambda flow: flow.pay("tok_visa"), lambda f: f.refund(500), lambda f: f.refund(700)),
    "refund completes later": (lambda flow: flow.pay("tok_pendingRefund"), lambda flow: flow.refund(900), do_nothing),
    "refund fails later": (lambda flow: flow.pay("tok_refundFail"), lambda flow: flow.refund(900), do_nothing),
    "disputed": (lambda flow: flow.pay("tok_createDispute"), do_nothing, do_nothing),
    "dispute lost": (
        lambda flow: flow.pay("tok_createDispute"), lambda flow: flow.close_dispute("lost"), do_nothing,
    ),
    "dispute won, then refunded": (
        lambda flow: flow.pay("tok_createDispute"), lambda flow: flow.close_dispute("won"), lambda flow: flow.refund(),
    ),
    "asked about": (
        lambda flow: flow.pay("tok_visa"), lambda flow: flow.ask_about(), lambda f: f.close_dispute("warning_closed"),
    ),
    "canceled at Stripe": (
        lambda flow: flow.pay("tok_threeDSecure2Required"), lambda flow: flow.cancel(), do_nothing,
    ),
}  # fmt: skip
TOKENS = ["tok_visa", "tok_chargeCustomerFail", "tok_threeDSecure2Required", "tok_pendingRefund", "tok_refundFail"]
TOKENS += ["tok_createDispute"]


class Guest:
    """The guest who places all these orders, with a postal address and one saved card per token."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator, client = simulator, Client()
        add_to_cart(client, make_product())
        submit_details(client)
        self.cards = {name: Card.objects.get(pk=add_card(client, name).json()["card"]) for name in TOKENS}
        Card.objects.update(is_saved=True)  # to pay many orders with the same cards
        self.first = Order.objects.get()

    def place(self, kind: str, quantity: int) -> Flow:
        """Place a new order for `quantity` units of a new product, not yet paid."""
        cart = Cart.objects.create(session_key=f"flow-{Order.objects.count()}")
        cart.set_quantity(make_product(), quantity)
        addresses = {"shipping_address": self.first.shipping_address, "billing_address": self.first.billing_address}
        profile = self.first.billing_profile
        order = Order.objects.create(billing_profile=profile, cart=cart, email=profile.email, **addresses)
        place(order, shown_facts(order))
        return Flow(kind, quantity, order, self.simulator, self.cards)


def intent_of(event: dict[str, Any]) -> str:
    """Return the id of the payment intent of an event, or an empty string."""
    subject = event["data"]["object"]
    with suppress(KeyError):
        return str(subject["id"] if subject["object"] == "payment_intent" else subject["payment_intent"])
    return ""
