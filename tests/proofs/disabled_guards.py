"""Functions that disable guards, for the controls. A proof must notice the damage when it runs with one of these.

SQLite lets only one transaction write at a time, so the transaction is removed there too.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

from django.db import connection, models, transaction

from billing import gateway
from billing.models import Card
from carts.models.rates import Discount
from carts.views import cart
from orders.models import Order, Payment, Refund
from orders.workflow import cancellation, payments, placing, refunds
from orders.workflow.refunds import settlement
from orders.workflow.release import release_order
from products.models import Product, StockMovement

PAUSE = 0.02  # seconds between read and write, which a busy machine causes only sometimes


def keep_guards() -> None:
    """Do nothing, so that all guards stay enabled."""


def run_all(*steps: Callable[[], None]) -> None:
    """Run the steps one after the other."""
    for step in steps:
        step()


def _without_transaction(module: Any) -> None:
    if connection.vendor == "sqlite":
        module.transaction = SimpleNamespace(atomic=nullcontext, set_rollback=lambda rollback: None)
        module.collect_touches = nullcontext  # It opens a transaction, too.


def read_then_write_stock() -> None:
    """Replace Product.reserve by a version that reads the stock and then writes it."""

    def reserve(self: Product, quantity: int, order: str) -> bool:
        stock = Product.objects.values_list("stock", flat=True).get(pk=self.pk) or 0
        time.sleep(PAUSE)
        if stock < quantity:
            return False
        Product.objects.filter(pk=self.pk).update(stock=stock - quantity)
        StockMovement.objects.create(product=self, kind="taken", order=order, amount=-quantity)
        return True

    Product.reserve = reserve  # type: ignore[method-assign]
    _without_transaction(placing)


def read_then_write_uses() -> None:
    """Replace Discount.reserve_use by a version that reads the uses and then writes them."""

    def reserve_use(self: Discount) -> bool:
        uses = Discount.objects.values_list("uses", flat=True).get(pk=self.pk)
        time.sleep(PAUSE)
        if self.uses_limit is not None and uses >= self.uses_limit:
            return False
        Discount.objects.filter(pk=self.pk).update(uses=uses + 1)
        return True

    Discount.reserve_use = reserve_use  # type: ignore[method-assign]
    _without_transaction(placing)


def create_intent_for_each_press() -> None:
    """Create and confirm a new intent each time Pay is pressed, without a stored intent or a unique payment row."""

    def create_intent(order: Order) -> str:
        customer = order.billing_profile.get_customer()
        metadata = {"order_id": order.order_id, "order_uuid": str(order.uuid)}
        return gateway.create_intent(order.total, order.currency, customer, metadata, key=str(uuid.uuid4())).id

    def start(order: Order, card: Card) -> Payment:
        return Payment(order=order, card=card, key=uuid.uuid4())

    payments.ensure_intent, payments._start = create_intent, start


def read_then_write_refund() -> None:
    """Replace request_refund by a version that reads the refunded amount and then writes the refund."""

    def request(order: Order, refund_request: refunds.RefundRequest) -> Refund:
        order.refresh_from_db()
        if order.amount_refunded != refund_request.already_refunded:
            raise refunds.RefundRejected
        payment = order.payments.get(status=Payment.Status.SUCCEEDED)
        row = Refund.objects.create(
            payment=payment, amount=refund_request.amount, currency=order.currency, by=refund_request.by
        )
        Order.objects.filter(pk=order.pk).update(
            amount_refunded=refund_request.already_refunded + refund_request.amount
        )
        return row

    settlement.request_refund = request


def release_stock_before_canceling() -> None:
    """Release the stock immediately and leave an intent at Stripe that can still be charged."""

    def finish(order: Order) -> None:
        order.refresh_from_db()
        release_order(order)

    cancellation.finish_cancellation = finish


def add_without_transaction() -> None:
    """Remove the transaction of a cart update on SQLite, for the control without the constraint on carts."""
    if connection.vendor == "sqlite":
        cart._update = cart._update.__wrapped__  # type: ignore[attr-defined]


@contextmanager
def without_constraint(model: type[models.Model], name: str) -> Iterator[None]:
    """Remove a database constraint inside the context. Afterwards empty the table and add the constraint again."""
    [constraint] = [one for one in model._meta.constraints if one.name == name]
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, constraint)
    try:
        yield
    finally:
        with transaction.atomic():
            model._default_manager.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(model, constraint)
