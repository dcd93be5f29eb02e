"""Tests for disputes and inquiries: each change is reported once, a loss counts, and erasure waits."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import answers, gateway
from billing.models import BillingProfile, Card
from orders.bookkeeping.audit import audit
from orders.bookkeeping.audits.units import units as audit_units
from orders.bookkeeping.reconcile import compare_with_stripe, reconcile
from orders.emails.sending import send_waiting
from orders.models import Dispute, Mail, Order, OrderEvent, Refund
from orders.workflow import disputes, payments, refunds
from orders.workflow.alerts import acknowledge
from orders.workflow.erasure import delete_account
from orders.workflow.personal_data import export_personal_data
from orders.workflow.refunds import RefundRejected, RefundRequest
from stripe_simulator.server import Simulator
from tests.admin_forms import open_ship_many, read_form, submit_refund
from tests.makers import buy, make_paid_order, make_product, make_user, ship
from tests.proofs import actions

pytestmark = pytest.mark.django_db
Kind = OrderEvent.Kind
HISTORY = [Kind.INQUIRY, Kind.DISPUTED, Kind.DISPUTE_UPDATED, Kind.DISPUTE_CLOSED]


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    """Return a paid order of two mugs at 16.00 each and shipping of 4.95."""
    return buy(client, make_product(stock=10), quantity=2)


def open_dispute(simulator: Simulator, order: Order, **details: Any) -> str:
    """Dispute the charge at Stripe, deliver the event, and return the dispute's id."""
    dispute = simulator.open_dispute(str(order.payment_intent_id), **details)
    deliver_last_event(simulator, order)
    return str(dispute["id"])


def change_dispute(simulator: Simulator, order: Order, dispute: str, **changes: Any) -> None:
    simulator.change_dispute(dispute, **changes)
    deliver_last_event(simulator, order)


def deliver_last_event(simulator: Simulator, order: Order) -> None:
    assert actions.deliver(simulator.objects("event")[-1]) == 200
    order.refresh_from_db()


def history(order: Order) -> list[str]:
    return list(order.events.filter(kind__in=HISTORY).values_list("kind", flat=True))


def alerts(order: Order) -> list[str]:
    return list(order.events.filter(kind=Kind.ALERTED).values_list("text", flat=True))


def refund(order: Order, amount: str, already: str = "0") -> Refund:
    row = refunds.refund(order, RefundRequest(Decimal(amount), Decimal(already), by="staff@shop.example"))
    order.refresh_from_db()
    return row


def set_status(order: Order, status: str) -> None:
    Order.objects.filter(pk=order.pk).update(status=status)


# --- what is stored and reported ---


@pytest.mark.slow
def test_dispute_is_stored_with_its_deadline(order: Order, simulator: Simulator) -> None:
    dispute = open_dispute(simulator, order, reason="product_not_received")
    row = Dispute.objects.get()
    assert (row.stripe_id, row.order, row.amount, row.currency) == (dispute, order, Decimal("36.95"), "gbp")
    assert (row.reason, row.status, row.closed, row.is_lost) == ("product_not_received", "needs_response", None, False)
    assert row.due
    assert row.due.timestamp() == simulator.objects("dispute")[0]["evidence_details"]["due_by"]
    assert row.opened.timestamp() == simulator.objects("dispute")[0]["created"]


@pytest.mark.slow
def test_each_change_is_an_event_an_alert_and_an_email(order: Order, simulator: Simulator) -> None:
    dispute = open_dispute(simulator, order)
    change_dispute(simulator, order, dispute, status="under_review")
    change_dispute(simulator, order, dispute, status="lost")
    assert history(order) == [Kind.DISPUTED, Kind.DISPUTE_UPDATED, Kind.DISPUTE_CLOSED]
    send_waiting()
    bodies = [message.body for message in mail.outbox if "needs attention" in message.subject]
    assert len(bodies) == len(alerts(order)) == 3
    for body, status in zip(bodies, ["Needs a response", "Under review", "Lost"], strict=True):
        assert all(fact in body for fact in (status, dispute, "£36.95", "fraudulent"))
    assert "respond by" in bodies[0]


@pytest.mark.slow
def test_unchanged_dispute_is_told_once(order: Order, simulator: Simulator) -> None:
    open_dispute(simulator, order)
    for event in simulator.objects("event"):
        actions.deliver(event)
    payments.settle(order)
    compare_with_stripe()
    assert (history(order), len(alerts(order))) == ([Kind.DISPUTED], 1)


@pytest.mark.slow
def test_changed_deadline_and_amount_are_told(order: Order, simulator: Simulator) -> None:
    dispute = open_dispute(simulator, order)
    change_dispute(simulator, order, dispute, evidence_details={"due_by": 2_000_000_000})
    change_dispute(simulator, order, dispute, amount=500)
    assert "2033" in alerts(order)[1]
    assert "£5.00" in alerts(order)[2]
    assert Dispute.objects.get().amount == 5


@pytest.mark.slow
def test_return_to_an_earlier_state_is_told_again(order: Order, simulator: Simulator) -> None:
    dispute = open_dispute(simulator, order)
    for status in ("under_review", "needs_response", "under_review"):
        change_dispute(simulator, order, dispute, status=status)
    assert len(alerts(order)) == 4
    assert order.mails.filter(kind=Mail.Kind.ATTENTION).count() == 4


@pytest.mark.slow
def test_second_dispute_has_its_own_row_and_alert(order: Order, simulator: Simulator) -> None:
    first = open_dispute(simulator, order, amount=1000)
    change_dispute(simulator, order, first, status="won")
    second = open_dispute(simulator, order, amount=1000)
    assert [(row.stripe_id, row.status) for row in Dispute.objects.all()] == [
        (first, "won"), (second, "needs_response"),
    ]  # fmt: skip
    assert second in order.attention
    assert history(order) == [Kind.DISPUTED, Kind.DISPUTE_CLOSED, Kind.DISPUTED]


@pytest.mark.slow
def test_more_disputes_than_a_page_of_stripes_list_are_stored(
    order: Order, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _number in range(3):
        simulator.open_dispute(str(order.payment_intent_id), amount=100, status="won")
    plain = gateway._list_disputes
    monkeypatch.setattr(gateway, "_list_disputes", lambda filters, read: plain(filters | {"limit": 1}, read))
    payments.settle(order)
    assert Dispute.objects.count() == 3


@pytest.mark.slow
def test_dispute_that_is_lost_before_the_shop_sees_it_has_both_events(order: Order, simulator: Simulator) -> None:
    simulator.lose_dispute(simulator.open_dispute(str(order.payment_intent_id))["id"])
    deliver_last_event(simulator, order)
    assert (history(order), len(alerts(order))) == ([Kind.DISPUTED, Kind.DISPUTE_CLOSED], 1)
    assert order.amount_lost == order.total


@pytest.mark.slow
@pytest.mark.parametrize("status", ["paid", "shipped", "refunded"])
def test_dispute_is_stored_in_every_state_of_a_paid_order(order: Order, simulator: Simulator, status: str) -> None:
    if status == "refunded":
        refund(order, "36.95")
    set_status(order, status)
    open_dispute(simulator, order, amount=3695)
    assert (Dispute.objects.get().order, order.status) == (order, status)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("status", ["warning_of_a_new_kind", "", "brand_new_status", "x" * 100])
def test_unknown_status_is_stored_as_open(order: Order, simulator: Simulator, status: str) -> None:
    open_dispute(simulator, order, status=status)
    assert Dispute.objects.open().get().status == status[:40]
    assert list(Order.objects.disputed()) == [order]
    assert Dispute.objects.blocking_refunds().exists() == (not status.startswith("warning_"))


@pytest.mark.slow
def test_webhook_content_about_a_dispute_changes_nothing(order: Order, simulator: Simulator) -> None:
    open_dispute(simulator, order)
    event = simulator.objects("event")[-1]
    event["data"]["object"] |= {"status": "lost", "amount": 1}
    assert actions.deliver(event | {"id": "evt_forged", "type": "charge.dispute.closed"}) == 200
    order.refresh_from_db()
    assert (Dispute.objects.get().status, order.amount_lost) == ("needs_response", 0)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/v1/disputes", "/v1/payment_intents/*"])
def test_webhook_is_repeated_if_stripe_does_not_answer(order: Order, simulator: Simulator, path: str) -> None:
    simulator.open_dispute(str(order.payment_intent_id))
    simulator.add_fault(path, "drop_before", method="GET")
    event = simulator.objects("event")[-1]
    assert (actions.deliver(event), Dispute.objects.count()) == (503, 0)
    assert (actions.deliver(event), Dispute.objects.count()) == (200, 1)


def parallel(monkeypatch: pytest.MonkeyPatch, step: Callable[[], Any]) -> None:
    """Run `step` in the next fetch of disputes, after Stripe answered and before the answer is stored."""
    plain = gateway.list_disputes

    def fetch(intent_id: str) -> list[answers.DisputeResult]:
        results = plain(intent_id)
        monkeypatch.setattr(gateway, "list_disputes", plain)
        step()
        return results

    monkeypatch.setattr(gateway, "list_disputes", fetch)


@pytest.mark.slow
def test_parallel_requests_record_a_change_once(
    order: Order, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.open_dispute(str(order.payment_intent_id))
    parallel(monkeypatch, lambda: payments.settle(Order.objects.get()))
    payments.settle(order)
    assert (history(order), len(alerts(order))) == ([Kind.DISPUTED], 1)


@pytest.mark.slow
def test_late_answer_does_not_replace_a_newer_state(
    order: Order, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispute = open_dispute(simulator, order)
    parallel(monkeypatch, lambda: change_dispute(simulator, order, dispute, status="won"))
    payments.settle(order)
    assert Dispute.objects.get().status == "won"
    assert history(order) == [Kind.DISPUTED, Kind.DISPUTE_CLOSED]


@pytest.mark.slow
def test_newer_answer_is_stored_although_an_older_one_came_first(
    order: Order, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispute = open_dispute(simulator, order)
    simulator.change_dispute(dispute, status="under_review")
    older = gateway.list_disputes(str(order.payment_intent_id))[0]
    simulator.lose_dispute(dispute)
    before = disputes._state(Dispute.objects.get())
    parallel(monkeypatch, lambda: disputes._store(order, older, before))
    payments.settle(order)
    assert (Dispute.objects.get().status, order.amount_lost) == ("lost", order.total)


# --- sums and refunds ---


@pytest.mark.slow
def test_lost_dispute_counts_and_leaves_nothing_to_refund(order: Order, simulator: Simulator) -> None:
    dispute = open_dispute(simulator, order)
    assert (order.amount_lost, order.refundable) == (0, order.total)
    change_dispute(simulator, order, dispute, status="lost")
    assert (order.amount_lost, order.refundable, order.status) == (order.total, 0, Order.Status.PAID)
    with pytest.raises(RefundRejected, match=r"Only £0\.00"):
        refund(order, "0.01")
    assert (Dispute.objects.get().closed is not None, audit()) == (True, [])


@pytest.mark.slow
def test_lost_part_limits_the_refund_to_the_rest(order: Order, simulator: Simulator) -> None:
    change_dispute(simulator, order, open_dispute(simulator, order, amount=1000), status="lost")
    with pytest.raises(RefundRejected, match=r"Only £26\.95"):
        refund(order, "26.96")
    assert refund(order, "26.95").status == Refund.Status.DONE
    assert (order.status, order.refundable, audit()) == (Order.Status.PAID, 0, [])


@pytest.mark.slow
def test_refund_and_a_lost_rest_add_up_to_the_total(order: Order, simulator: Simulator) -> None:
    refund(order, "10.10")
    change_dispute(simulator, order, open_dispute(simulator, order), status="lost")
    assert (order.amount_refunded, order.amount_lost) == (Decimal("10.10"), Decimal("26.85"))
    assert (order.refundable, audit()) == (0, [])


@pytest.mark.parametrize(("status", "is_rejected"), [("needs_response", True), ("won", False)])
def test_refund_is_rejected_while_a_dispute_is_open(status: str, is_rejected: bool) -> None:
    order = make_paid_order()
    order.disputes.create(stripe_id="du_1", amount=order.total, currency="gbp", status=status, opened=timezone.now())
    with pytest.raises(RefundRejected, match="disputed") if is_rejected else nullcontext():
        refunds.request_refund(order, RefundRequest(Decimal("1.00"), Decimal(0), by="staff@shop.example"))
    assert Refund.objects.exists() is not is_rejected


@pytest.mark.slow
def test_won_dispute_allows_refunds_again(order: Order, simulator: Simulator) -> None:
    dispute = open_dispute(simulator, order)
    with pytest.raises(RefundRejected, match="disputed"):
        refund(order, "1.00")
    assert not Refund.objects.exists()
    change_dispute(simulator, order, dispute, status="won")
    assert refund(order, "36.95").status == Refund.Status.DONE
    assert (order.status, audit()) == (Order.Status.REFUNDED, [])


@pytest.mark.slow
def test_appeal_takes_the_lost_amount_back_into_the_order(order: Order, simulator: Simulator) -> None:
    dispute = open_dispute(simulator, order)
    change_dispute(simulator, order, dispute, status="lost")
    change_dispute(simulator, order, dispute, status="appeal_under_review")
    assert (order.amount_lost, Dispute.objects.get().closed) == (0, None)
    change_dispute(simulator, order, dispute, status="won")
    assert (order.refundable, audit()) == (order.total, [])


def test_order_whose_payment_is_lost_is_not_to_ship_until_an_appeal(order: Order, simulator: Simulator) -> None:
    dispute = open_dispute(simulator, order)
    change_dispute(simulator, order, dispute, status="lost")
    assert (Order.objects.to_ship().count(), order.status) == (0, Order.Status.PAID)
    change_dispute(simulator, order, dispute, status="appeal_under_review")
    assert (Order.objects.to_ship().count(), list(audit_units())) == (1, [])


@pytest.mark.parametrize("is_refunded_first", [True, False])
def test_order_that_was_lost_in_part_and_refunded_otherwise_is_not_to_ship(
    order: Order, simulator: Simulator, is_refunded_first: bool
) -> None:
    """Refunds of amounts name no units, so units are left, but nothing of the payment."""
    if is_refunded_first:
        refund(order, "10.00")
    change_dispute(simulator, order, open_dispute(simulator, order, amount=2695), status="lost")
    if not is_refunded_first:
        refund(order, "10.00")
    assert (order.refundable, Order.objects.to_ship().count(), list(audit_units())) == (0, 0, [])


@pytest.mark.slow
@pytest.mark.parametrize(("withdrawn", "lost"), [(True, Decimal("36.95")), (False, Decimal(0))])
def test_prevented_dispute_counts_if_its_money_was_withdrawn(
    order: Order, simulator: Simulator, withdrawn: bool, lost: Decimal
) -> None:
    dispute = open_dispute(simulator, order, status="needs_response" if withdrawn else "warning_needs_response")
    moved = simulator.objects("dispute")[0]["balance_transactions"]
    with simulator.store.transaction():
        simulator.store.save(simulator.objects("dispute")[0] | {"status": "prevented", "balance_transactions": moved})
    payments.settle(order)
    assert (Dispute.objects.get().stripe_id, order.amount_lost) == (dispute, lost)


@pytest.mark.slow
def test_inquiry_is_told_and_does_not_block_refunds(order: Order, simulator: Simulator) -> None:
    inquiry = open_dispute(simulator, order, status="warning_needs_response")
    assert "bank asks" in order.attention
    assert refund(order, "10.00").status == Refund.Status.DONE
    change_dispute(simulator, order, inquiry, status="warning_closed")
    assert history(order) == [Kind.INQUIRY, Kind.DISPUTE_CLOSED]
    assert (order.amount_lost, audit()) == (0, [])


@pytest.mark.slow
def test_inquiry_that_becomes_a_dispute_blocks_refunds(order: Order, simulator: Simulator) -> None:
    inquiry = open_dispute(simulator, order, status="warning_needs_response")
    change_dispute(simulator, order, inquiry, status="needs_response")
    assert history(order) == [Kind.INQUIRY, Kind.DISPUTED]
    with pytest.raises(RefundRejected, match="disputed"):
        refund(order, "1.00")


@pytest.mark.slow
def test_dispute_that_the_shop_has_not_seen_rejects_the_refund_with_a_message(
    order: Order, simulator: Simulator
) -> None:
    simulator.open_dispute(str(order.payment_intent_id))
    row = refund(order, "10.00")
    assert (row.status, order.amount_refunded) == (Refund.Status.FAILED, 0)
    assert "Stripe rejects refunds until the dispute is closed" in row.message
    assert Dispute.objects.get().status == "needs_response"


@pytest.mark.slow
def test_refund_form_says_that_the_payment_is_disputed(
    order: Order, simulator: Simulator, admin_client: Client
) -> None:
    open_dispute(simulator, order)
    url = reverse("admin:orders_order_refund", args=[order.pk])
    assert "Stripe rejects refunds until the dispute is closed" in admin_client.get(url).text
    response = submit_refund(admin_client, url, {"amount": "1.00", "already": "0"})
    assert (response.status_code, simulator.objects("refund")) == (200, [])


@pytest.mark.slow
def test_refund_form_offers_what_is_left_after_a_lost_dispute(
    order: Order, simulator: Simulator, admin_client: Client
) -> None:
    change_dispute(simulator, order, open_dispute(simulator, order, amount=1000), status="lost")
    url = reverse("admin:orders_order_refund", args=[order.pk]) + "?everything=1"
    page = admin_client.get(url)
    assert "£10.00 lost in disputes" in page.text
    assert "Refund £26.95" in read_form(admin_client, url, page).submit().text


@pytest.mark.slow
def test_dispute_in_another_currency_is_stored_but_not_added(order: Order, simulator: Simulator) -> None:
    dispute = open_dispute(simulator, order, amount=3000)
    change_dispute(simulator, order, dispute, currency="jpy", status="lost")
    simulator.open_dispute(str(order.payment_intent_id), amount=100, status="won")
    with simulator.store.transaction():
        row = simulator.objects("dispute")[1]
        simulator.store.save(row | {"id": "du_yen", "currency": "jpy", "status": "lost"})
    payments.settle(order)
    assert Dispute.objects.get(stripe_id="du_yen").amount == 100
    with pytest.raises(RefundRejected, match="another currency"):
        refund(order, "1.00")


@pytest.mark.slow
def test_audit_reports_refunds_and_losses_beyond_the_total(client: Client, simulator: Simulator) -> None:
    """Stripe can take the money twice, if the bank does not see the refund."""
    order = buy(client, make_product(), "tok_pendingRefund")
    refund(order, "20.00")
    change_dispute(simulator, order, open_dispute(simulator, order, amount=2095), status="lost")
    simulator.finish_refunds()
    payments.settle(order)
    assert {finding.rule for finding in audit()} == {"I10"}
    assert order.refundable == 0


def mismatched(simulator: Simulator, client: Client) -> Order:
    """Return an order that was charged another amount, and whose refund Stripe rejected because of a dispute."""
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    with simulator.store.transaction():
        intent = simulator.store.find("payment_intent", str(order.payment_intent_id)) or {}
        simulator.store.save(intent | {"amount": 1000})
    simulator.complete_3d_secure(str(order.payment_intent_id), True)
    simulator.open_dispute(str(order.payment_intent_id))
    payments.settle(order)
    return order


@pytest.mark.slow
def test_mismatched_charge_is_no_longer_owed_after_a_lost_dispute(client: Client, simulator: Simulator) -> None:
    order = mismatched(simulator, client)
    assert Refund.objects.get().status == Refund.Status.FAILED
    assert list(Order.objects.in_progress()) == [order]
    change_dispute(simulator, order, Dispute.objects.get().stripe_id, status="lost")
    assert (order.status, list(Order.objects.in_progress()), audit()) == (Order.Status.CANCELED, [], [])


@pytest.mark.slow
def test_mismatched_charge_is_still_owed_after_a_won_dispute(client: Client, simulator: Simulator) -> None:
    order = mismatched(simulator, client)
    change_dispute(simulator, order, Dispute.objects.get().stripe_id, status="won")
    assert "I3" in {finding.rule for finding in audit()}
    refunds.retry_mismatch_refund(Refund.objects.get(), by="staff")
    assert (Refund.objects.get().status, audit()) == (Refund.Status.DONE, [])


@pytest.mark.slow
def test_rest_of_a_mismatched_charge_is_refunded_after_a_partial_loss(client: Client, simulator: Simulator) -> None:
    order = mismatched(simulator, client)
    change_dispute(simulator, order, Dispute.objects.get().stripe_id, status="lost", amount=300)
    refunds.retry_mismatch_refund(Refund.objects.get(), by="staff")
    assert simulator.objects("refund")[0]["amount"] == 700
    assert (Refund.objects.get().status, audit()) == (Refund.Status.DONE, [])


# --- shipping ---


@pytest.mark.slow
def test_disputed_order_is_not_shipped_in_bulk(order: Order, simulator: Simulator, admin_client: Client) -> None:
    dispute = open_dispute(simulator, order)
    acknowledge(order, by="staff")
    data = {"action": "ship_orders", "_selected_action": [order.pk]}
    assert (
        "its payment is disputed" in admin_client.post(reverse("admin:orders_order_changelist"), data, follow=True).text
    )
    order.refresh_from_db()
    assert order.status == Order.Status.PAID
    assert dispute in admin_client.get(reverse("admin:orders_order_ship", args=[order.pk])).text
    change_dispute(simulator, order, dispute, status="won")
    acknowledge(order, by="staff")
    open_ship_many(admin_client, order).submit()
    order.refresh_from_db()
    assert order.status == Order.Status.SHIPPED


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("lost", "is_shipped"), [(3695, False), (3694, True)])
def test_order_whose_payment_was_lost_cannot_be_shipped(
    order: Order, simulator: Simulator, lost: int, is_shipped: bool
) -> None:
    change_dispute(simulator, order, open_dispute(simulator, order, amount=lost), status="lost")
    assert ship(order, by="packer") == is_shipped


# --- admin, missed webhooks and erasure ---


@pytest.mark.slow
def test_order_page_of_staff_shows_disputes(admin_client: Client) -> None:
    order, opened = make_paid_order(), timezone.now()
    values = {"reason": "product_not_received", "status": "needs_response", "opened": opened}
    order.disputes.create(stripe_id="du_1", amount=order.total, currency="gbp", **values)
    page = admin_client.get(reverse("admin:orders_order_change", args=[order.pk])).text
    assert all(text in page for text in ("du_1", "product not received", "Needs a response"))
    url = reverse("admin:orders_order_changelist")
    assert order.order_id in admin_client.get(url, {"disputes__status__exact": "needs_response"}).text
    assert order.order_id not in admin_client.get(url, {"disputes__status__exact": "lost"}).text


@pytest.mark.slow
@pytest.mark.parametrize("status", ["needs_response", "warning_needs_response", "lost"])
def test_missed_webhook_of_a_new_dispute_is_made_good(order: Order, simulator: Simulator, status: str) -> None:
    simulator.open_dispute(str(order.payment_intent_id), status=status)
    assert {finding.rule for finding in audit()} == {"I10"}
    compare_with_stripe()
    assert (Dispute.objects.get().status, audit()) == (status, [])


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [("needs_response", "lost"), ("warning_needs_response", "warning_closed")])
def test_missed_webhook_of_a_changed_dispute_is_made_good(
    order: Order, simulator: Simulator, first: str, then: str
) -> None:
    """Check that a dispute older than the compared part of the ledger is fetched as long as it is open."""
    dispute = open_dispute(simulator, order, status=first)
    simulator.change_dispute(dispute, status=then)
    compare_with_stripe(since=timezone.now() + timedelta(days=1))
    assert (Dispute.objects.get().status, audit()) == (then, [])


@pytest.mark.slow
def test_disputes_of_other_shops_are_ignored(order: Order, simulator: Simulator) -> None:
    simulator.open_dispute(str(order.payment_intent_id))
    with simulator.store.transaction():
        for row in simulator.objects("dispute"):
            simulator.store.save(row | {"payment_intent": "pi_other"})
    assert audit() == []


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("status", "closed"), [("needs_response", "won"), ("warning_under_review", "warning_closed")])
def test_erasure_waits_while_a_dispute_is_open(client: Client, simulator: Simulator, status: str, closed: str) -> None:
    user = make_user()
    client.force_login(user)
    order = buy(client, make_product())
    set_status(order, Order.Status.SHIPPED)
    dispute = open_dispute(simulator, order, status=status)
    delete_account(user)
    assert reconcile()["orders erased"] == 0
    order.refresh_from_db()
    assert (order.email, "Gia Guest" in order.shipping_address_text) == ("alice@example.org", True)
    assert BillingProfile.objects.get(pk=order.billing_profile_id).customer_id
    assert not [row for row in simulator.objects("customer") if row.get("deleted")]
    change_dispute(simulator, order, dispute, status=closed)
    assert reconcile()["orders erased"] == 1
    order.refresh_from_db()
    assert (order.email, "Gia Guest" in order.shipping_address_text) == ("", False)
    assert BillingProfile.objects.get(pk=order.billing_profile_id).customer_id == ""


@pytest.mark.slow
@pytest.mark.parametrize("is_answered", [True, False])
def test_cards_are_removed_although_the_customer_of_a_disputed_order_stays(
    client: Client, simulator: Simulator, is_answered: bool
) -> None:
    """Check both what the deletion does immediately and what it leaves to reconcile."""
    user = make_user()
    client.force_login(user)
    order = buy(client, make_product())
    open_dispute(simulator, order)
    if not is_answered:
        simulator.add_fault("/v1/customers/*/sources/*", "drop_before", method="DELETE")
    delete_account(user)
    assert (simulator.objects("card") == []) is is_answered
    reconcile()
    assert simulator.objects("card") == []
    assert not Card.objects.exists()
    assert BillingProfile.objects.get(pk=order.billing_profile_id).customer_id


@pytest.mark.slow
def test_export_contains_disputes(client: Client, simulator: Simulator) -> None:
    user = make_user()
    client.force_login(user)
    order = buy(client, make_product(), "tok_createDispute")
    [exported] = export_personal_data(user)["orders"]
    assert [(row["amount"], row["status"]) for row in exported["disputes"]] == [(order.total, "needs_response")]
