"""Tests for a shop whose calls reach the Stripe simulator of another shop on the same machine."""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from billing import answers
from billing.models import BillingProfile, Card
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order, Payment
from stripe_simulator.server import Simulator
from tests.makers import buy, make_product

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def other_simulator() -> Iterator[Simulator]:
    other = Simulator(account="simulator_other")
    other.start()
    yield other
    other.stop()


@pytest.fixture
def order(client: Client, simulator: Simulator, other_simulator: Simulator, settings: Any) -> Order:
    """Return a paid order, after which the shop calls the simulator of another shop."""
    order = buy(client, make_product())
    settings.STRIPE_API_BASE = other_simulator.url
    return order


def get_rows() -> list[Any]:
    models: list[Any] = [Order, Payment, Card, BillingProfile]
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_audit_names_the_cause_instead_of_false_findings(order: Order) -> None:
    with pytest.raises(CommandError, match="belongs to another shop on this machine") as caught:
        call_command("audit", stdout=io.StringIO())
    assert caught.value.returncode == 2


def test_reconcile_changes_nothing(order: Order, other_simulator: Simulator) -> None:
    Payment.objects.update(status="unknown", timestamp=timezone.now() - timedelta(hours=1))
    rows, errors = get_rows(), io.StringIO()
    reconcile()
    with pytest.raises(SystemExit):
        call_command("reconcile", stdout=io.StringIO(), stderr=errors)
    assert get_rows() == rows
    assert "belongs to another shop on this machine" in errors.getvalue()
    assert other_simulator.objects("customer") == []


def test_shopper_cannot_pay_at_the_simulator_of_another_shop(order: Order, other_simulator: Simulator) -> None:
    with pytest.raises(answers.Rejected, match="belongs to another shop"):
        buy(Client(), make_product(sku="M-2"))
    assert Order.objects.filter(status="paid").count() == 1
    assert other_simulator.objects("charge") == []
