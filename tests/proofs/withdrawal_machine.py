"""The stateful proof about units: a shop with paid orders, in which withdrawals, refunds and shipments meet."""

from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from orders.bookkeeping.reconcile import reconcile
from orders.models import Order
from tests.makers import add_to_cart, buy
from tests.proofs.crashes import BOUNDARIES
from tests.proofs.withdrawal_rules import WithdrawalRules

TOKENS = st.sampled_from(["tok_visa", "tok_visa", "tok_pendingRefund", "tok_refundFail"])


class WithdrawalMachine(WithdrawalRules):
    """A shop that begins with two paid orders."""

    @initialize(tokens=st.tuples(TOKENS, TOKENS))
    def buy(self, tokens: tuple[str, str]) -> None:
        for browser, token in zip(self.browsers, tokens, strict=True):
            add_to_cart(browser, self.products[2], 3)
            order = buy(browser, self.products[0], token)
            self.shoppers[order.order_id] = browser
        self.orders = list(Order.objects.placed().order_by("pk"))

    @precondition(lambda self: self.with_status("paid", "shipped"))
    @rule(number=st.integers(0, 5), amount=st.sampled_from(["0.40", "5.00", "999.00"]))
    def refund_amount(self, number: int, amount: str) -> None:
        """Refund an amount without units in Stripe's dashboard, or everything that is left."""
        order = self.pick(self.with_status("paid", "shipped"), number)
        left = order.total - order.amount_refunded
        params = {"payment_intent": str(order.payment_intent_id), "amount": int(min(Decimal(amount), left) * 100)}
        self.call_stripe(lambda v1: v1.refunds.create(params))

    @precondition(lambda self: self.has_pending_refund)
    @rule()
    def refunds_complete(self) -> None:
        self.may_differ = True
        self.simulator.finish_refunds()

    @rule(kind=st.sampled_from(["drop_before", "drop_after", "error_500"]))
    def fail_refund(self, kind: str) -> None:
        self.may_differ = True
        self.simulator.add_fault("/v1/refunds", kind, "POST", times=1)

    @rule(boundary=st.sampled_from(BOUNDARIES), when=st.sampled_from(["before", "after"]), times=st.integers(1, 6))
    def crash_at_boundary(self, boundary: str, when: str, times: int) -> None:
        self.may_differ = True
        self.crash_schedule.schedule(boundary, when, times if boundary == "commit" else 1)

    @rule()
    def reconcile(self) -> None:
        with self.may_crash():
            reconcile()

    @rule()
    def clear_faults_and_reconcile(self) -> None:
        self.recover(minutes=3)
