"""The steps of the stateful proof about units: withdrawals, what staff do about them, refunds of units and shipping."""

from typing import Any

from django.urls import reverse
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from orders.models import Order, Withdrawal
from tests.admin_forms import submit_refund
from tests.proofs import unit_counts
from tests.proofs.shop_machine_base import ShopMachineBase

ANY = st.integers(0, 5)  # index of an object, modulo the number of objects
BOUGHT = ("paid", "shipped", "refunded")
STEPS = st.sampled_from(
    "withdraw_whole withdraw_ticked withdraw_typed withdraw_unknown assign assign refund_withdrawal refund_withdrawal "
    "refund_units ship ship_part arrived receipt close".split()
)


class WithdrawalRules(ShopMachineBase):
    """Shoppers withdraw from orders, and staff assign, refund, ship and close."""

    # One rule for all steps, because Hypothesis leaves out some rules in each run.
    @precondition(lambda self: self.with_status(*BOUGHT))
    @rule(step=STEPS, number=ANY, units=st.integers(1, 2), is_more=st.booleans())
    def withdraw_or_answer(self, step: str, number: int, units: int, is_more: bool) -> None:
        """Do a step that is about units, if it is possible now."""
        name, _, kind = step.partition("_")
        if name == "withdraw":
            self._withdraw(self.pick(self.with_status(*BOUGHT), number), kind, units)
        elif step in ("assign", "refund_withdrawal", "arrived", "receipt", "close"):
            self._answer(step, number, units, is_more)
        elif step == "refund_units" and (orders := self.with_status("paid", "shipped")):
            self._refund_units(self.pick(orders, number), units, is_more)
        elif name == "ship" and (orders := self.with_status("paid")):
            self._ship(self.pick(orders, number), units if kind == "part" else None)

    def _withdraw(self, order: Order, kind: str, units: int) -> None:
        """Withdraw from the whole order or from lines, on the order's page or with the form for everybody."""
        name = "unknown" if kind == "unknown" else order.order_id
        data: dict[str, Any] = {"name": "Gia", "order_number": name, "email": order.email or "gia@example.org"}
        data |= {"scope": "whole" if kind == "whole" else "items", "items": f"{units} mugs"}
        path, shopper = reverse("orders:withdraw_confirm"), self.shoppers[order.order_id]
        if kind == "ticked":
            data |= {f"line_{item.pk}": min(units, item.quantity) for item in order.items.all()}
            path = reverse("orders:withdraw_order_confirm", args=[order.order_id])
        self.submit_form(shopper, path, **data)

    def _answer(self, step: str, number: int, units: int, is_more: bool) -> None:
        """Let staff do a step about an open withdrawal."""
        rows = list(Withdrawal.objects.filter(closed_at=None).order_by("pk"))
        row = self.pick(rows, number) if rows else None
        if row and step == "assign":
            self._assign(row, row.order or self.pick(self.with_status(*BOUGHT), number), units)
        elif row and step == "refund_withdrawal":
            self._refund_withdrawal(row, is_restocked=is_more)
        elif row:
            self.submit_form(self.staff, reverse(f"admin:orders_withdrawal_{step}", args=[row.pk]))

    def _assign(self, row: Withdrawal, order: Order, units: int) -> None:
        """Assign a withdrawal to its order or, if it matched none, to this one. Link all refunds that are offered."""
        url = f"{reverse('admin:orders_withdrawal_assign', args=[row.pk])}?order={order.order_id}"
        with self.may_crash():
            form = self.staff.get(url).context["form"]
            data = {name: form[name].value() for name in form.fields}
            data |= {f"units_{item.pk}": min(units, item.quantity) for item in order.items.all()}
            self.staff.post(url, data)

    def _refund_withdrawal(self, row: Withdrawal, is_restocked: bool) -> None:
        """Submit the refund form that is filled in from a withdrawal."""
        if row.order is None:
            return
        url = f"{reverse('admin:orders_order_refund', args=[row.order.pk])}?withdrawal={row.pk}"
        with self.may_crash():
            form = self.staff.get(url).context["form"]
            data = {name: form[name].value() for name in form.fields}
            data = {name: "" if value is None else value for name, value in data.items()}
            submit_refund(self.staff, url, data | self._restock_ticks(row.order, is_restocked))

    def _refund_units(self, order: Order, units: int, is_restocked: bool) -> None:
        """Refund units of each line for what they cost, without a withdrawal."""
        data: dict[str, Any] = {"already": order.amount_refunded, "amount": ""}
        data |= {f"units_{item.pk}": min(units, item.quantity) for item in order.items.all()}
        with self.may_crash():
            url = reverse("admin:orders_order_refund", args=[order.pk])
            submit_refund(self.staff, url, data | self._restock_ticks(order, is_restocked))

    def _restock_ticks(self, order: Order, is_ticked: bool) -> dict[str, str]:
        """Return the ticks of the refund form that return all its units to stock, or none of them."""
        return {f"{name}_{item.pk}": str(is_ticked) for item in order.items.all() for name in ("unshipped", "shipped")}

    def _ship(self, order: Order, most: int | None) -> None:
        """Ship what is left, or up to `most` units of each line. Nothing is shipped while typed items wait."""
        order.refresh_from_db()
        left, waits = unit_counts.units_to_ship(order), order.withdrawals.awaiting_assignment().exists()
        before = order.shipments.count()
        packed = {line: number if most is None else min(most, number) for line, number in left.items() if number}
        data = {f"units_{line}": number for line, number in packed.items()}
        self.submit_form(self.staff, reverse("admin:orders_order_ship", args=[order.pk]), **data, tracking="")
        for shipment in order.shipments.filter(number__gt=before):
            assert not waits
            assert shipment.units == {str(line): number for line, number in packed.items()}

    @invariant()
    def units_agree(self) -> None:
        for order in Order.objects.filter(status__in=BOUGHT).prefetch_related("items"):
            assert order.units_to_ship() == unit_counts.units_to_ship(order)

    def teardown(self) -> None:
        """Check the ship page and the email of each order, and that refunded withdrawals are closed."""
        super().teardown()
        for order in Order.objects.filter(status__in=BOUGHT):
            assert (differences := unit_counts.differences(order, self.staff)) == [], differences
            if order.status == "refunded":
                assert not order.withdrawals.filter(closed_at=None).exists()
