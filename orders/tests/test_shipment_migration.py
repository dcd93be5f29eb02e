"""Tests of the migrations to shipments, and to the orders to ship, in a database with orders."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from orders.models import Order
from tests.makers import make_paid_order

BEFORE = [("orders", "0013_order_list")]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_shipped_orders_have_a_shipment_after_an_upgrade() -> None:
    whole, part, paid, late = (make_paid_order(order_id=f"ORDER{number}") for number in range(4))
    for order in (whole, part, late):
        order.items.update(quantity=3)
    old = migrate(BEFORE).get_model("orders", "Order").objects
    shipped: dict[str, Any] = {"status": "shipped", "shipped_at": timezone.now()}
    old.filter(pk=whole.pk).update(tracking="AB 1", **shipped)
    old.filter(pk=part.pk).update(units_shipped={str(part.items.get().pk): 2}, **shipped)
    migrate(leaves())
    assert [units_of(order) for order in (whole, part, paid, late)] == [[3], [2], [], []]
    assert whole.shipments.get().tracking == "AB 1"
    # An order that the previous version shipped after that gets its shipment when the migration runs again.
    Order.objects.filter(pk=late.pk).update(**shipped)
    migrate([("orders", "0014_shipments")])
    migrate(leaves())
    assert [units_of(order) for order in (whole, part, paid, late)] == [[3], [2], [], [3]]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_lost_orders_are_not_to_ship_after_an_upgrade() -> None:
    whole, part, rest = (make_paid_order(order_id=f"ORDER{number}", total=Decimal("20.10")) for number in range(3))
    old = migrate([("orders", "0021_orders_to_ship")]).get_model("orders", "Order").objects
    old.filter(pk=whole.pk).update(amount_lost=Decimal("20.10"))
    old.filter(pk=part.pk).update(amount_lost=Decimal("20.00"))
    old.filter(pk=rest.pk).update(amount_lost=Decimal("20.00"), amount_refunded=Decimal("0.10"))
    migrate(leaves())
    assert list(Order.objects.to_ship()) == [part]


def units_of(order: Order) -> list[int]:
    return [number for shipment in order.shipments.all() for number in shipment.units.values()]


def leaves() -> Any:
    return MigrationExecutor(connection).loader.graph.leaf_nodes()


def migrate(targets: list[tuple[str, str]]) -> Any:
    """Migrate to these migrations, and return the models as they are then."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps
