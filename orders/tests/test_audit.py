"""Tests with damaged rows: found by the audit, and either repaired by reconcile or reported to staff."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
import stripe
from django.core import mail
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone

from billing import gateway
from billing.models import StripeEvent
from orders.bookkeeping import pruning
from orders.bookkeeping.audit import audit
from orders.bookkeeping.reconcile import compare_with_stripe, reconcile
from orders.emails.sending import send_waiting
from orders.models import Mail, Order, OrderEvent, OrderItem, Payment, Refund
from orders.workflow import payments, refunds
from orders.workflow.refunds import RefundRequest
from orders.workflow.release import release_order
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import buy, make_product

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(hours=2)


def rows(order: Order) -> Any:
    return Order.objects.filter(pk=order.pk)


def age(order: Order) -> None:
    """Move everything about the order two hours into the past."""
    then = timezone.now() - LONG_AGO
    rows(order).update(placed_at=then)
    for model in (OrderEvent, Payment):
        name = "at" if model is OrderEvent else "timestamp"
        model._default_manager.filter(order=order).update(**{name: then})
    Refund.objects.filter(payment__order=order).update(timestamp=then)
    Mail.objects.filter(order=order).update(timestamp=then)
    StripeEvent.objects.update(received=then)


def rules() -> set[str]:
    return {finding.rule for finding in audit()}


# --- damage that reconcile repairs ---


def paid_at_stripe_but_open_here(simulator: Simulator, order: Order) -> None:
    rows(order).update(status=Order.Status.PLACED, paid_at=None)
    order.payments.update(status=Payment.Status.NEW)
    order.events.filter(kind__in=["paid", "mailed"]).delete()
    order.mails.all().delete()


def paid_at_stripe_and_failed_here(simulator: Simulator, order: Order) -> None:
    paid_at_stripe_but_open_here(simulator, order)
    order.payments.update(status=Payment.Status.FAILED)


def orphan_intent(simulator: Simulator, order: Order) -> None:
    metadata = {"order_id": order.order_id, "order_uuid": str(order.uuid)}
    gateway.create_intent(order.total, order.currency, order.billing_profile.customer_id, metadata, key="orphan")


def refund_unknown_here(simulator: Simulator, order: Order) -> None:
    dashboard = stripe.StripeClient("sk_test_dashboard", base_addresses={"api": simulator.url})
    dashboard.v1.refunds.create({"payment_intent": str(order.payment_intent_id), "amount": 500})


def event_never_processed(simulator: Simulator, order: Order) -> None:
    StripeEvent.objects.create(stripe_id="evt_1", type="charge.updated", object_id=str(order.payment_intent_id))


def email_unsent(simulator: Simulator, order: Order) -> None:
    order.mails.update(sent=None, attempts=0, tried_at=None)


def stale_canceling(simulator: Simulator, order: Order) -> None:
    """Simulate a cancellation that was killed before it reached Stripe."""
    paid_at_stripe_but_open_here(simulator, order)
    with simulator.store.transaction():
        intent = simulator.store.find("payment_intent", str(order.payment_intent_id)) or {}
        simulator.store.save(intent | {"status": "requires_payment_method", "amount_received": 0})
    order.payments.update(status=Payment.Status.FAILED)
    rows(order).update(status=Order.Status.CANCELING)


def unpaid_for_too_long(simulator: Simulator, order: Order) -> None:
    stale_canceling(simulator, order)
    rows(order).update(status=Order.Status.PLACED)


def refund_never_requested_from_stripe(simulator: Simulator, order: Order) -> None:
    Refund.objects.create(payment=order.payments.get(), amount=5, currency="gbp")
    rows(order).update(amount_refunded=5)


def canceled_here_but_live_at_stripe(simulator: Simulator, order: Order) -> None:
    stale_canceling(simulator, order)
    order.refresh_from_db()
    release_order(order)


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    return buy(client, make_product(stock=5), quantity=2)


Damage = Callable[[Simulator, Order], None]
REPAIRED: list[Damage] = [
    paid_at_stripe_but_open_here, paid_at_stripe_and_failed_here, orphan_intent, refund_unknown_here,
    event_never_processed, email_unsent, stale_canceling, unpaid_for_too_long, refund_never_requested_from_stripe,
    canceled_here_but_live_at_stripe,
]  # fmt: skip


@pytest.mark.sampled(5)
@pytest.mark.parametrize("damage", REPAIRED)
def test_damage_is_found_and_repaired(order: Order, simulator: Simulator, damage: Damage) -> None:
    assert audit() == []
    damage(simulator, order)
    age(order)
    assert audit()
    reconcile()
    compare_with_stripe()
    assert audit() == []
    order.refresh_from_db()
    assert order.attention == ""


# --- damage that only staff can judge ---


def stock_off_by_one(simulator: Simulator, order: Order) -> None:
    Product.objects.update(stock=F("stock") + 1)


def amount_changed(simulator: Simulator, order: Order) -> None:
    rows(order).update(total=1, subtotal=1, shipping_total=0)


def line_changed(simulator: Simulator, order: Order) -> None:
    OrderItem.objects.update(title="Something else")


def address_changed(simulator: Simulator, order: Order) -> None:
    rows(order).update(shipping_address_text="Somebody else")


def paid_without_a_charge(simulator: Simulator, order: Order) -> None:
    with simulator.store.transaction():
        intent = simulator.store.find("payment_intent", str(order.payment_intent_id)) or {}
        simulator.store.save(intent | {"status": "requires_payment_method", "amount_received": 0})


def unknown_to_stripe(simulator: Simulator, order: Order) -> None:
    simulator.store.remove(str(order.payment_intent_id))


def refund_counted_without_a_row(simulator: Simulator, order: Order) -> None:
    rows(order).update(amount_refunded=5)


def loss_counted_without_a_dispute(simulator: Simulator, order: Order) -> None:
    rows(order).update(amount_lost=5)


def lost_dispute_not_counted(simulator: Simulator, order: Order) -> None:
    simulator.open_dispute(str(order.payment_intent_id), amount=500, status="lost")
    payments.settle(order)
    rows(order).update(amount_lost=0)


def refunded_and_lost(simulator: Simulator, order: Order) -> None:
    refunds.refund(order, RefundRequest(Decimal("36.00"), Decimal(0), by="staff"))
    simulator.open_dispute(str(order.payment_intent_id), amount=96, status="lost")
    payments.settle(order)


def stock_released_of_a_paid_order(simulator: Simulator, order: Order) -> None:
    order.items.get().product.release(order.order_id)


def history_lost(simulator: Simulator, order: Order) -> None:
    order.events.all().delete()


def card_number_in_text(simulator: Simulator, order: Order) -> None:
    order.record(OrderEvent.Kind.PAYING, text="4242 4242 4242 4242")


REPORTED: list[tuple[Damage, str]] = [
    (stock_off_by_one, "I4"), (amount_changed, "I5"), (line_changed, "I5"), (address_changed, "I5"),
    (paid_without_a_charge, "I2"), (unknown_to_stripe, "I2"), (refund_counted_without_a_row, "I10"),
    (stock_released_of_a_paid_order, "I4"), (history_lost, "I14"), (card_number_in_text, "I18"),
    (loss_counted_without_a_dispute, "I10"), (lost_dispute_not_counted, "I10"), (refunded_and_lost, "I10"),
]  # fmt: skip


@pytest.mark.sampled(7)
@pytest.mark.parametrize(("damage", "rule"), REPORTED)
def test_damage_that_cannot_be_repaired_is_still_reported(
    order: Order, simulator: Simulator, damage: Damage, rule: str
) -> None:
    damage(simulator, order)
    age(order)
    assert rule in rules()
    reconcile()
    _done, left = compare_with_stripe()
    assert rule in {finding.rule for finding in left}
    current = Order.objects.get(pk=order.pk)
    assert bool(current.attention) == any(finding.order for finding in left)


@pytest.mark.slow
def test_staff_get_one_email_per_finding(order: Order, simulator: Simulator) -> None:
    send_waiting()
    mail.outbox.clear()
    address_changed(simulator, order)
    age(order)
    for _round in range(2):
        compare_with_stripe()
        reconcile()
    [message] = mail.outbox
    assert message.to == ["help@shop.example"]
    assert "I5" in message.body
    assert f"/admin/orders/order/{order.pk}/" in message.body


def test_audit_command_reports_no_findings(order: Order) -> None:
    output = StringIO()
    call_command("audit", stdout=output)
    assert "No audit findings" in output.getvalue()


def test_audit_command_exits_with_1_and_prints_each_finding(order: Order, simulator: Simulator) -> None:
    address_changed(simulator, order)
    age(order)
    output = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("audit", stdout=output)
    assert f"I5  order {order.order_id} was changed after it was placed" in output.getvalue()


def test_audit_command_ignores_an_order_that_just_changed(order: Order, simulator: Simulator) -> None:
    address_changed(simulator, order)
    call_command("audit", stdout=StringIO())


def test_audit_command_exits_with_2_if_stripe_does_not_answer(order: Order, simulator: Simulator) -> None:
    simulator.add_fault("/v1/payment_intents", "drop_before", method="GET", times=0)
    with pytest.raises(CommandError) as caught:
        call_command("audit", stdout=StringIO())
    assert caught.value.returncode == 2


def test_reconcile_command_exits_with_1_if_rows_differ_from_stripe(order: Order, simulator: Simulator) -> None:
    paid_without_a_charge(simulator, order)
    age(order)
    output = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("reconcile", stdout=StringIO(), stderr=output)
    assert "requires_payment_method at Stripe" in output.getvalue()


def test_reconcile_command_has_nothing_to_do_if_rows_agree_with_stripe(order: Order) -> None:
    send_waiting()
    pruning.prune()  # has its own work once a day
    output = StringIO()
    call_command("reconcile", stdout=output)
    assert output.getvalue() == "nothing to do\n"


@pytest.mark.slow
def test_charge_after_the_backup_that_was_restored_is_named_and_left_to_staff(
    order: Order, simulator: Simulator
) -> None:
    for rows in (order.items, order.payments, order.mails, order.events):
        rows.all().delete()
    Order.objects.all().delete()
    output = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("reconcile", days=30, stdout=StringIO(), stderr=output)
    assert f"order {order.order_id} is not in the database, but Stripe charged" in output.getvalue()
    assert [charge["amount_refunded"] for charge in simulator.objects("charge")] == [0]


@pytest.mark.slow
def test_intents_of_other_shops_in_the_same_account_are_ignored(order: Order, simulator: Simulator) -> None:
    for uuid in ("", "nonsense", "0b0e7a9c-3f3c-4a54-a9c5-b1f6b5b0a001"):
        metadata = {"order_id": "OTHER", "order_uuid": uuid}
        gateway.create_intent(Decimal(5), "gbp", order.billing_profile.customer_id, metadata, key=f"other-{uuid}")
    compare_with_stripe()
    assert audit() == []
    live = [intent for intent in simulator.objects("payment_intent") if intent["status"] == "requires_payment_method"]
    assert len(live) == 3
