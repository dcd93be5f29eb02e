"""Proof for all sequences of part refunds, withdrawals, restocks and shipments: page, email and method agree."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from billing import answers
from orders.bookkeeping.audits.units import units as audit_units
from orders.models import Order, Refund, Withdrawal
from orders.models.item import lines_with
from orders.models.units import OrderUnits
from orders.workflow import refunds
from orders.workflow.refunds import RefundRequest, settlement
from orders.workflow.shipping import ShipmentRejected, ShipmentRequest
from orders.workflow.shipping import ship as ship_units
from orders.workflow.withdrawals import handling
from orders.workflow.withdrawals.handling import Assignment
from orders.workflow.withdrawals.matching import match
from products.models import Product, StockMovement
from tests.makers import make_paid_order, make_product, ship
from tests.proofs import unit_counts
from tests.proofs.proof_report import ProofReport, scaled

PROOF = "Units: refunds, withdrawals and restocks"
pytestmark = [pytest.mark.django_db, pytest.mark.slow]
STOCK = 20
NAMES = [
    "refund",
    "refund",
    "restock",
    "later",
    "finish",
    "fail",
    "whole",
    "ticked",
    "typed",
    "assign",
    "assign",
    "close",
    "ship",
    "ship_part",
    "ship_part",
]
STEP = st.tuples(st.sampled_from(NAMES), st.integers(0, 3), st.integers(1, 3), st.booleans())
SHIP = ("ship", 0, 1, False)


class Case:
    """A paid order of up to three lines, and the steps that happen to it."""

    def __init__(self, quantities: list[int]) -> None:
        self.products = [make_product(title=f"Item {number}", stock=STOCK) for number in range(len(quantities))]
        self.order = make_paid_order(self.products[0], total=Decimal(10 * sum(quantities)))
        self.order.items.all().delete()
        for number, (product, quantity) in enumerate(zip(self.products, quantities, strict=True)):
            days = 0 if number == 1 else 14  # the second line has no right of withdrawal
            self.order.items.create(
                product=product, sku=product.sku, title=product.title, unit_price=10, quantity=quantity,
                total=10 * quantity, withdrawal_days=days,
            )  # fmt: skip
            product.reserve(quantity, self.order.order_id)
        self.lines = list(self.order.items.order_by("pk"))

    def do(self, name: str, number: int, units: int, is_linked: bool) -> None:
        """Do a step, unless it is not possible now."""
        self.order.refresh_from_db()
        line = self.lines[number % len(self.lines)]
        {
            "refund": lambda: self.refund({line.pk: units}, {}, is_linked),
            "restock": lambda: self.refund({line.pk: units}, {line.pk: units}, is_linked),
            "later": lambda: self.restock_later({line.pk: units}),
            "finish": lambda: self.answer("succeeded"),
            "fail": lambda: self.answer("failed"),
            "whole": lambda: self.withdraw(is_whole_order=True),
            "ticked": lambda: self.withdraw(is_from_order_page=True, units={str(line.pk): min(units, line.quantity)}),
            "typed": lambda: self.withdraw(order=self.order if is_linked else None),
            "assign": lambda: self.assign({line.pk: min(units, line.quantity)}),
            "close": self.close,
            "ship": lambda: ship(self.order, by="packer"),
            "ship_part": lambda: self.ship_part({line.pk: units}),
        }[name]()

    def refund(self, units: dict[int, int], restock: dict[int, int], is_linked: bool) -> None:
        row = self.order.withdrawals.filter(closed_at=None).first() if is_linked else None
        request = RefundRequest(
            Decimal(10 * sum(units.values())), self.order.amount_refunded, "staff", units=units, restock=restock,
            withdrawal=row,
        )  # fmt: skip
        with suppress(refunds.RefundRejected):
            refunds.request_refund(self.order, request)

    def ship_part(self, units: dict[int, int]) -> None:
        """Ship some units, or only try to if fewer are left."""
        left = unit_counts.units_to_ship(self.order)
        try:
            ship_units(self.order, ShipmentRequest("packer", units))
        except ShipmentRejected:
            return
        assert all(0 < number <= left[line] for line, number in units.items())

    def restock_later(self, units: dict[int, int]) -> None:
        with suppress(refunds.RestockRejected):
            refunds.restock(self.order, units, refunds.restocked_text(self.order), by="staff")

    def answer(self, status: str) -> None:
        """Let Stripe finish the oldest refund that can still change."""
        row = (
            Refund.objects.filter(payment__order=self.order).exclude(status="failed").order_by("-status", "pk").first()
        )
        if row:
            found = answers.RefundResult(f"re_{row.pk}", status, int(row.amount * 100), row.currency, str(row.pk))
            settlement._store_state(row, found)

    def withdraw(self, **fields: Any) -> None:
        values: dict[str, Any] = {
            "order": self.order,
            "is_whole_order": False,
            "email": "g@example.org",
            "language": "en",
        }
        row = Withdrawal(**values | fields)
        row.digest = row.number
        row.checksum = row.compute_checksum()
        row.save()
        if row.order:
            match(row)

    def assign(self, units: dict[int, int]) -> None:
        for row in Withdrawal.objects.filter(closed_at=None, assigned_at=None, is_from_order_page=False)[:1]:
            found = handling.assignable_refunds(row, self.order)
            handling.assign(row, Assignment(self.order, "staff", {} if row.is_whole_order else units, refunds=found))

    def close(self) -> None:
        for row in Withdrawal.objects.filter(closed_at=None, order=self.order)[:1]:
            handling.close(row, by="staff")

    def problems(self, staff: Client) -> list[str]:
        """Return where units differ, or the stock is not what was sold and not restocked."""
        order = Order.objects.get(pk=self.order.pk)
        found = [*unit_counts.differences(order, staff), *(str(finding) for finding in audit_units())]
        back = Refund.objects.filter(payment__order=order, is_restocked=True)
        for line in self.lines:
            restocked = sum(row.restock.get(str(line.pk), 0) for row in back)
            moved = sum(
                StockMovement.objects.filter(order=order.order_id, product=line.product).values_list(
                    "amount", flat=True
                )
            )
            stock = Product.objects.get(pk=line.product_id).stock
            if (stock, -moved) != (STOCK - line.quantity + restocked, line.quantity - restocked):
                found.append(f"{line}: stock {stock}, {moved} moved, {restocked} restocked")
            if not 0 <= restocked <= line.quantity:
                found.append(f"{line}: {restocked} restocked")
        return found


@hypothesis_settings(
    max_examples=scaled(quick=40, small=60, full=2_000),
    derandomize=scaled(quick=True, small=False, full=False),
    database=None, deadline=None, print_blob=True, phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(
    quantities=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    before=st.lists(STEP, min_size=4, max_size=10),
    after=st.lists(STEP, min_size=1, max_size=6),
)
def check_units(report: ProofReport, staff: Client, quantities: list[int], before: list[Any], after: list[Any]) -> None:
    report.count_try()
    with transaction.atomic():
        case = Case(quantities)
        for step in [*before, SHIP, *after]:
            case.do(*step)
            assert case.problems(staff) == [], step
        transaction.set_rollback(True)


def test_ship_page_email_and_method_agree_in_any_order_of_steps(report: ProofReport, admin_client: Client) -> None:
    check_units(report, admin_client)


def test_two_lines_with_the_same_title_agree(admin_client: Client) -> None:
    """Staff can give two products the same title."""
    case = Case([1, 3])
    case.order.items.update(title="Mug")
    case.do("ship_part", 1, 2, False)
    assert case.problems(admin_client) == []


def test_control_page_that_lists_all_units_is_found(
    report: ProofReport, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ship page before this proof listed refunded units."""
    monkeypatch.setattr(OrderUnits, "lines_to_ship", lambda order: lines_with(order.items.all(), order.units_sold()))
    with pytest.raises(AssertionError):
        check_units(report, admin_client)
    report.record_control("a ship page with refunded units", caught=True)


def test_control_failed_refund_that_leaves_an_order_shipped_is_found(
    report: ProofReport, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order with units left to ship must not vanish from the orders to ship."""
    monkeypatch.setattr(settlement, "update_shipped", lambda order, by: False)
    case = Case([3])
    for step in (("ship_part", 0, 2, False), ("refund", 0, 1, False)):
        case.do(*step)
        assert case.problems(admin_client) == []
    case.do("fail", 0, 1, False)
    assert case.problems(admin_client) != []
    report.record_control("a shipped order with units left to ship", caught=True)
