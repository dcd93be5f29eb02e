"""Tests for charges that do not match their order: they are refunded in full, and staff are alerted."""

from collections.abc import Callable

import pytest
import stripe
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from orders.bookkeeping.audit import audit
from orders.models import Order, OrderEvent, Payment, Refund
from orders.workflow import payments, refunds
from orders.workflow.release import release_order
from stripe_simulator.server import Simulator
from tests.admin_forms import run_action
from tests.makers import buy, make_product

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    """Return a placed order that waits for 3-D Secure."""
    return buy(client, make_product(stock=1), "tok_threeDSecure2Required")


def change_amount(simulator: Simulator, order: Order, amount: int) -> None:
    """Change the amount of the intent at Stripe, which the shop never does."""
    with simulator.store.transaction():
        intent = simulator.store.find("payment_intent", str(order.payment_intent_id)) or {}
        simulator.store.save(intent | {"amount": amount})


def paid_with_another_amount(simulator: Simulator, order: Order) -> None:
    change_amount(simulator, order, 1000)
    simulator.complete_3d_secure(str(order.payment_intent_id), True)


def paid_after_the_cancellation(simulator: Simulator, order: Order) -> None:
    """Simulate a database restored from a backup: the order is canceled here, and then paid at Stripe."""
    Order.objects.filter(pk=order.pk).update(status=Order.Status.CANCELING)
    order.refresh_from_db()
    release_order(order)
    simulator.complete_3d_secure(str(order.payment_intent_id), True)


@pytest.fixture(params=[paid_with_another_amount, paid_after_the_cancellation])
def mismatched_order(request: pytest.FixtureRequest, simulator: Simulator, order: Order) -> Order:
    mismatch: Callable[[Simulator, Order], None] = request.param
    mismatch(simulator, order)
    return order


def test_mismatched_charge_is_refunded_in_full(mismatched_order: Order, simulator: Simulator) -> None:
    payments.settle(mismatched_order)
    payments.settle(mismatched_order)
    [charge] = [charge for charge in simulator.objects("charge") if charge["paid"]]
    assert charge["refunded"]
    assert Refund.objects.get().status == Refund.Status.DONE
    assert audit() == []


def test_mismatched_charge_does_not_pay_the_order(mismatched_order: Order) -> None:
    payments.settle(mismatched_order)
    assert mismatched_order.status == Order.Status.CANCELED
    assert mismatched_order.items.get().product.stock == 1
    assert not mismatched_order.mails.filter(kind="confirmation").exists()


def test_cancellation_that_meets_a_mismatched_charge_does_not_say_that_nothing_was_charged(
    client: Client, simulator: Simulator, order: Order
) -> None:
    paid_with_another_amount(simulator, order)
    page = client.post(reverse("orders:cancel", args=[order.order_id]), follow=True).text
    assert "The payment we received is being refunded to your card." in page
    assert "othing was charged" not in page


def test_start_afresh_that_meets_a_mismatched_charge_does_not_say_that_nothing_was_charged(
    client: Client, simulator: Simulator, order: Order
) -> None:
    paid_with_another_amount(simulator, order)
    page = client.post(reverse("orders:start_afresh"), follow=True).text
    assert "We will refund the payment we received to your card in full." in page
    assert "othing was charged" not in page


def test_mismatched_charge_alerts_staff_once(mismatched_order: Order) -> None:
    payments.settle(mismatched_order)
    payments.settle(mismatched_order)
    assert mismatched_order.attention
    assert mismatched_order.events.filter(kind=OrderEvent.Kind.MISMATCH).count() == 1
    assert mismatched_order.mails.filter(kind="attention").count() == 1


def test_mismatch_refund_with_a_lost_answer_is_made_once(mismatched_order: Order, simulator: Simulator) -> None:
    simulator.add_fault("/v1/refunds", "drop_after")
    payments.settle_quietly(mismatched_order)
    assert Refund.objects.get().status == Refund.Status.REQUESTED
    Refund.objects.update(asked_at=None)  # as if it had been requested long ago
    refunds.finish_refund(Refund.objects.get())
    assert Refund.objects.get().status == Refund.Status.DONE
    assert len(simulator.objects("refund")) == 1


def reject_refund(simulator: Simulator, order: Order) -> None:
    """Settle the order while Stripe rejects refunds."""
    with simulator.store.transaction():
        [charge] = [charge for charge in simulator.objects("charge") if charge["paid"]]
        simulator.store.save(charge | {"status": "pending"})
    payments.settle_quietly(order)
    with simulator.store.transaction():
        simulator.store.save(charge)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("parts", [[None], [500, None]])
@pytest.mark.parametrize("is_rejected", [True, False])
def test_mismatch_refund_made_in_the_dashboard_is_recognized(
    mismatched_order: Order, simulator: Simulator, parts: list[int | None], is_rejected: bool
) -> None:
    if is_rejected:
        reject_refund(simulator, mismatched_order)
    else:
        simulator.add_fault("/v1/refunds", "drop_before")
        payments.settle_quietly(mismatched_order)
    dashboard = stripe.StripeClient("sk_test_dashboard", base_addresses={"api": simulator.url})
    for part in parts:
        dashboard.v1.refunds.create(
            {"payment_intent": str(mismatched_order.payment_intent_id)} | ({"amount": part} if part else {})  # type: ignore
        )
    payments.settle(mismatched_order)
    assert Refund.objects.get().status == Refund.Status.DONE
    assert len(simulator.objects("refund")) == len(parts)
    assert audit() == []


@pytest.mark.slow
def test_failed_mismatch_refund_can_be_retried(
    mismatched_order: Order, simulator: Simulator, admin_client: Client
) -> None:
    reject_refund(simulator, mismatched_order)
    row = Refund.objects.get()
    assert row.status == Refund.Status.FAILED
    assert "I3" in {finding.rule for finding in audit()}
    run_action(admin_client, reverse("admin:orders_refund_changelist"), "retry_mismatch_refund", row)
    row.refresh_from_db()
    assert row.status == Refund.Status.DONE
    assert audit() == []
    done = f"Retry of the refund requested: {row}."
    logged = set(LogEntry.objects.values_list("object_repr", "change_message"))
    assert logged == {(str(row), done), (str(mismatched_order), done)}


def test_order_page_announces_the_mismatch_refund(mismatched_order: Order, client: Client) -> None:
    payments.settle(mismatched_order)
    page = client.get(mismatched_order.get_absolute_url()).text
    assert "is being refunded to your card" in page
    assert "cancelled and nothing was charged" not in page


def test_changed_total_of_a_paid_order_alerts_staff_without_a_refund(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    Order.objects.filter(pk=order.pk).update(total=1)
    payments.settle(order)
    assert (order.status, simulator.objects("refund")) == (Order.Status.PAID, [])
    assert order.attention
    assert Payment.objects.get().status == Payment.Status.SUCCEEDED
