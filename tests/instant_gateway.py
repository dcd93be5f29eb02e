"""Stripe's answers without a server, for tests that count statements or measure time."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from billing import gateway
from billing.answers import Intent
from core.money import minor_units

CARD = {
    "object": "card", "brand": "Visa", "country": "GB", "last4": "4242", "exp_month": 12, "exp_year": 2099,
}  # fmt: skip


class InstantGateway:
    """Answers immediately, as Stripe does if every call succeeds."""

    def __init__(self, watch: Callable[[str], None] = lambda name: None) -> None:
        self.watch = watch  # is called with the name of each call
        self.numbers = itertools.count(1)
        self.intents: dict[str, Intent] = {}

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Replace the calls that a checkout makes."""
        for name in (
            "create_customer", "retrieve_customer", "create_source", "create_intent", "confirm_intent",
            "retrieve_intent", "detach_card", "is_attached",
        ):  # fmt: skip
            patch.setattr(gateway, name, self._watched(name))

    def _watched(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.watch(name)
            return getattr(self, name)(*args, **kwargs)

        return call

    def create_customer(self, email: str) -> str:
        return f"cus_{next(self.numbers)}"

    def retrieve_customer(self, customer_id: str) -> str:
        return customer_id

    def create_source(self, customer_id: str, token: str) -> dict[str, Any]:
        number = next(self.numbers)
        return CARD | {"id": f"card_{number}", "customer": customer_id, "fingerprint": f"fingerprint{number}"}

    def create_intent(
        self, amount: Decimal, currency: str, customer_id: str, order: dict[str, str], key: str
    ) -> Intent:
        intent = Intent(
            f"pi_{next(self.numbers)}", "requires_payment_method", minor_units(amount, currency), 0, currency, "secret",
            customer=customer_id, **order,
        )  # fmt: skip
        self.intents[intent.id] = intent
        return intent

    def confirm_intent(self, intent_id: str, card_id: str, key: str, must_authenticate: bool = False) -> Intent:
        old = self.intents[intent_id]
        self.intents[intent_id] = replace(old, status="succeeded", received=old.amount, payment_method=card_id)
        return self.intents[intent_id]

    def retrieve_intent(self, intent_id: str) -> Intent:
        return self.intents[intent_id]

    def detach_card(self, customer_id: str, card_id: str) -> None:
        """Do nothing."""

    def is_attached(self, customer_id: str, card_id: str) -> bool:
        return True
