"""Payments of the past, as if the shop had called the API at that time. They have no events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stripe_simulator.resources import charges, customers, payment_intents, payment_methods, refunds
from stripe_simulator.resources.calls import Call
from stripe_simulator.resources.cards import BY_NAME
from stripe_simulator.store import Store

CARD = "visa"  # the test card that all of them are, with other digits


@dataclass(frozen=True)
class PastCard:
    """A card source. `is_attached` is false if the shop removed it later."""

    id: str
    customer: str
    last4: str
    fingerprint: str
    exp_year: int
    is_attached: bool = True


@dataclass(frozen=True)
class PastPayment:
    """A payment intent in its final state: charged, or canceled. Amounts are in minor units, `created` is Unix time.

    `refunds` has the id, the amount, the metadata and the time of each refund.
    """

    id: str
    card: PastCard
    amount: int
    currency: str
    metadata: dict[str, str]
    created: int
    is_charged: bool = True
    refunds: list[tuple[str, int, dict[str, str], int]] = field(default_factory=list)


class History:
    """Writes objects of the past to the store. An object with the same id is replaced."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_customer(self, customer_id: str, email: str, created: int, card: PastCard) -> None:
        """Add a customer, with its card as the default if the card is still attached."""
        body = customers.new_customer(Call(self._store, {"email": email}))
        default = card.id if card.is_attached else None
        self._store.save({**body, "id": customer_id, "created": created, "default_source": default})
        if card.is_attached:
            self._store.save(_source(card), card=CARD)

    def add_payment(self, payment: PastPayment) -> None:
        """Add an intent with its charge and refunds."""
        params = {
            "amount": str(payment.amount),
            "currency": payment.currency,
            "metadata": payment.metadata,
        }
        intent = payment_intents.new_intent(Call(self._store, params))
        intent |= {
            "id": payment.id,
            "client_secret": f"{payment.id}_secret_{intent['client_secret'][-25:]}",
            "created": payment.created,
            "customer": payment.card.customer,
        }
        if not payment.is_charged:
            self._store.save({**intent, "status": "canceled", "canceled_at": payment.created})
            return
        charge_id = payment.id.replace("pi_", "ch_", 1)
        intent |= {"payment_method": payment.card.id, "status": "succeeded"}
        self._store.save({**intent, "amount_received": payment.amount, "latest_charge": charge_id})
        self._add_charge({**intent, "created": payment.created}, charge_id, payment)

    def _add_charge(self, intent: dict[str, Any], charge_id: str, payment: PastPayment) -> None:
        source = _source(payment.card)
        method = {**payment_methods.new_method(BY_NAME[CARD], source), "id": source["id"]}
        method["card"] |= {name: source[name] for name in ("last4", "fingerprint")}
        refunded = sum(amount for _id, amount, _metadata, _created in payment.refunds)
        charge = charges.new_charge(intent, method)
        charge |= {"id": charge_id, "created": payment.created, "amount_refunded": refunded}
        self._store.save({**charge, "refunded": refunded == payment.amount}, card=CARD)
        for refund_id, amount, metadata, created in payment.refunds:
            refund = refunds.new_refund(Call(self._store, {"metadata": metadata}), charge, amount)
            self._store.save({**refund, "id": refund_id, "created": created}, ends="")


def _source(card: PastCard) -> dict[str, Any]:
    typed = payment_methods.predefined_card_fields() | {"exp_year": card.exp_year, "cvc_check": "pass"}
    source = payment_methods.new_source(BY_NAME[CARD], typed)
    changes = {"id": card.id, "customer": card.customer, "last4": card.last4, "fingerprint": card.fingerprint}
    return {**source, **changes}
