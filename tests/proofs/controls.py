"""Guards taken out, for the controls: with one of these in its processes a race must be noticed as lost.

On SQLite one writer at a time works within a transaction, so there the transaction goes too.
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
from orders.workflow.release import close
from products.models import Product, StockMovement

PAUSE = 0.02  # seconds between reading and writing: what a busy machine does now and then, here each time


def nothing() -> None:
    """All guards stay."""


def each(*steps: Callable[[], None]) -> None:
    """One after the other."""
    for step in steps:
        step()


def _without_transaction(module: Any) -> None:
    if connection.vendor == "sqlite":
        module.transaction = SimpleNamespace(atomic=nullcontext, set_rollback=lambda rollback: None)


def read_then_write_stock() -> None:
    """Product.take as most shops have it."""

    def take(self: Product, quantity: int, order: str) -> bool:
        stock = Product.objects.values_list("stock", flat=True).get(pk=self.pk) or 0
        time.sleep(PAUSE)
        if stock < quantity:
            return False
        Product.objects.filter(pk=self.pk).update(stock=stock - quantity)
        StockMovement.objects.create(product=self, kind="taken", order=order, amount=-quantity)
        return True

    Product.take = take  # type: ignore[method-assign]
    _without_transaction(placing)


def read_then_write_uses() -> None:
    """Discount.take as most shops have it."""

    def take(self: Discount) -> bool:
        uses = Discount.objects.values_list("uses", flat=True).get(pk=self.pk)
        time.sleep(PAUSE)
        if self.uses_limit is not None and uses >= self.uses_limit:
            return False
        Discount.objects.filter(pk=self.pk).update(uses=uses + 1)
        return True

    Discount.take = take  # type: ignore[method-assign]
    _without_transaction(placing)


def intent_for_each_press() -> None:
    """No stored intent, no row that only one press can write: create and confirm."""

    def fresh(order: Order) -> str:
        customer = order.billing_profile.get_customer()
        notes = {"order_id": order.order_id, "order_uuid": str(order.uuid)}
        return gateway.create_intent(order.total, order.currency, customer, notes, key=str(uuid.uuid4())).id

    def start(order: Order, card: Card) -> Payment:
        return Payment(order=order, card=card, key=uuid.uuid4())

    payments.ensure_intent, payments._start = fresh, start


def read_then_write_refund() -> None:
    """Look whether enough is left, then note the refund."""

    def request(order: Order, wish: refunds.Wish) -> Refund:
        order.refresh_from_db()
        if order.amount_refunded != wish.already:
            raise refunds.RefundRefused
        payment = order.payments.get(status=Payment.Status.SUCCEEDED)
        row = Refund.objects.create(payment=payment, amount=wish.amount, currency=order.currency, by=wish.by)
        Order.objects.filter(pk=order.pk).update(amount_refunded=wish.already + wish.amount)
        return row

    refunds.request_refund = request


def close_before_cancelling() -> None:
    """Give the goods back at once, and let Stripe keep an intent that can still be charged."""

    def finish(order: Order) -> None:
        order.refresh_from_db()
        close(order)

    cancellation.finish_cancel = finish


def add_without_transaction() -> None:
    """For the database without the constraint that a session has one cart."""
    if connection.vendor == "sqlite":
        cart._update = cart._update.__wrapped__  # type: ignore[attr-defined]


@contextmanager
def without_constraint(model: type[models.Model], name: str) -> Iterator[None]:
    """The database lets in what it should refuse; afterwards the table is empty and guarded again."""
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
