"""Tests for the guards of the refund workflow, with chosen answers from Stripe and changes by other processes."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing import answers, gateway
from orders.models import Mail, Order, OrderEvent, Payment, Refund
from orders.workflow import refunds
from orders.workflow.refunds import RefundRejected, RefundRequest, settlement
from tests.makers import make_paid_order, make_product, ship

pytestmark = pytest.mark.django_db
S, K = Refund.Status, OrderEvent.Kind


@pytest.fixture
def order() -> Order:
    """Return a paid order for 20.95 with an intent at Stripe."""
    return make_paid_order(payment_intent_id="pi_1", paid_at=timezone.now(), language="en")


@pytest.fixture(autouse=True)
def bystander(order: Order) -> Iterator[None]:
    """Add refunds of another shopper in each status, and check that no test changes them or their order."""
    other = make_paid_order(payment_intent_id="pi_9", amount_refunded=5, attention="x")
    payment = other.payments.get()
    states = [(status, False) for status in S] + [(S.FAILED, True)]
    Refund.objects.bulk_create(
        Refund(payment=payment, amount=1, currency="gbp", status=status, is_mismatch=is_mismatch, by="staff")
        for status, is_mismatch in states
    )
    tables: list[Any] = [Order.objects.filter(pk=other.pk), Refund.objects.filter(payment=payment)]
    before = [list(rows.order_by("pk").values()) for rows in tables]
    yield
    assert [list(rows.order_by("pk").values()) for rows in tables] == before


def request_refund(order: Order, amount: str = "5.00", already: str = "0", **more: Any) -> Refund:
    return refunds.request_refund(order, RefundRequest(Decimal(amount), Decimal(already), by="staff", **more))


class FakeRefunds:
    """The refunds at Stripe, the requests for new ones, and what happens during a request."""

    def __init__(self) -> None:
        self.found: list[answers.RefundResult] = []
        self.requested: list[tuple[Any, ...]] = []
        self.status = "succeeded"
        self.error: Exception | None = None

    def list(self, intent_id: str) -> list[answers.RefundResult]:
        return self.found

    def create(self, intent_id: str, amount: Decimal | None, currency: str, row: int, key: str) -> answers.RefundResult:
        self.requested.append((amount, row, key))
        if self.error:
            raise self.error
        minor = int((amount if amount is not None else Refund.objects.get(pk=row).amount) * 100)
        result = answers.RefundResult(f"re_{row}", self.status, minor, currency, str(row))
        self.found.append(result)
        return result


@pytest.fixture
def at_stripe(monkeypatch: pytest.MonkeyPatch) -> FakeRefunds:
    fake = FakeRefunds()
    monkeypatch.setattr(gateway, "list_refunds", fake.list)
    monkeypatch.setattr(gateway, "create_refund", fake.create)
    return fake


def found(amount: int, status: str = "succeeded", row: str = "", **more: Any) -> answers.RefundResult:
    """Return a refund at Stripe, in minor units."""
    return answers.RefundResult(
        **{"id": f"re_{amount}", "currency": "gbp"} | more, status=status, amount=amount, row=row
    )


def rows_of(order: Order) -> Any:
    return Refund.objects.filter(payment__order=order)


def reload(row: Refund) -> Refund:
    row.refresh_from_db()
    return row


def events(order: Order, kind: str) -> int:
    return order.events.filter(kind=kind).count()


# Step R, the request of staff


@pytest.mark.parametrize("status", ["open", "placed", "canceling", "canceled", "refunded"])
def test_order_that_is_not_paid_is_not_refunded(order: Order, status: str) -> None:
    Order.objects.filter(pk=order.pk).update(status=status)
    with pytest.raises(RefundRejected):
        request_refund(order)
    assert Order.objects.get(pk=order.pk).amount_refunded == 0


@pytest.mark.parametrize("amount", ["0", "-1", "0.005"])
def test_amount_that_cannot_be_paid_is_not_refunded(order: Order, amount: str) -> None:
    with pytest.raises(RefundRejected, match="above zero"):
        request_refund(order, amount)


def test_refund_of_one_order_leaves_the_others(order: Order) -> None:
    other = make_paid_order(payment_intent_id="pi_2")
    request_refund(order)
    assert Order.objects.get(pk=other.pk).amount_refunded == 0


def test_request_with_an_outdated_amount_is_rejected(order: Order) -> None:
    request_refund(order)
    with pytest.raises(RefundRejected, match="in the meantime"):
        request_refund(order, "1.00")
    with pytest.raises(RefundRejected, match=r"Only £15\.95"):
        request_refund(order, "15.96", already="5.00")


@pytest.mark.parametrize("units", [-1, 2])
def test_units_that_were_not_sold_are_not_restocked(order: Order, units: int) -> None:
    with pytest.raises(RefundRejected):
        request_refund(order, restock={order.items.get().pk: units})
    assert Order.objects.get(pk=order.pk).amount_refunded == 0


def test_units_of_another_order_are_not_restocked(order: Order) -> None:
    line = make_paid_order().items.get().pk
    with pytest.raises(RefundRejected):
        request_refund(order, restock={line: 1})


@pytest.mark.parametrize(("is_restocked", "left"), [(True, 0), (False, 1)])
def test_units_of_a_failed_refund_can_be_restocked_unless_they_were(
    order: Order, is_restocked: bool, left: int
) -> None:
    line = order.items.get().pk
    row = request_refund(order, restock={line: 1})
    assert refunds.restockable_units(order) == {line: 0}
    Refund.objects.filter(pk=row.pk).update(status=S.FAILED, is_restocked=is_restocked)
    assert refunds.restockable_units(order) == {line: left}


def test_payment_that_was_charged_is_refunded(order: Order) -> None:
    order.payments.create(number=2, stripe_pm="card_2", amount=1, currency="gbp", status=Payment.Status.FAILED)
    assert request_refund(order).payment.status == Payment.Status.SUCCEEDED


# Step R, the request to Stripe


@pytest.mark.parametrize("status", [S.PENDING, S.DONE, S.FAILED])
def test_finished_refund_is_not_requested_again(order: Order, at_stripe: FakeRefunds, status: str) -> None:
    row = request_refund(order)
    Refund.objects.filter(pk=row.pk).update(status=status)
    refunds.finish_refund(row, is_first=True)
    assert at_stripe.requested == []


def test_order_without_an_intent_is_not_refunded_at_stripe(order: Order, at_stripe: FakeRefunds) -> None:
    row = request_refund(order)
    Order.objects.filter(pk=order.pk).update(payment_intent_id=None)
    refunds.finish_refund(Refund.objects.get(pk=row.pk), is_first=True)
    assert at_stripe.requested == []


@pytest.mark.parametrize(("minutes", "requests"), [(1, 0), (3, 1)])
def test_request_is_repeated_only_when_the_earlier_one_is_old(
    order: Order, at_stripe: FakeRefunds, minutes: int, requests: int
) -> None:
    row = request_refund(order)
    Refund.objects.filter(pk=row.pk).update(asked_at=timezone.now() - timedelta(minutes=minutes))
    refunds.finish_refund(row)
    assert len(at_stripe.requested) == requests


def test_existing_refund_is_found_before_a_repeated_request(order: Order, at_stripe: FakeRefunds) -> None:
    row = request_refund(order)
    Refund.objects.filter(pk=row.pk).update(asked_at=timezone.now() - timedelta(days=2))
    at_stripe.found = [found(500, row=str(row.pk))]
    refunds.finish_refund(row)
    assert (reload(row).status, at_stripe.requested) == (S.DONE, [])


def test_first_request_does_not_look_first(order: Order, at_stripe: FakeRefunds, monkeypatch: Any) -> None:
    monkeypatch.setattr(gateway, "list_refunds", lambda intent_id: pytest.fail("nothing can exist yet"))
    refunds.finish_refund(request_refund(order), is_first=True)
    assert len(at_stripe.requested) == 1


def test_request_of_another_process_with_a_newer_key_is_left_alone(order: Order, at_stripe: FakeRefunds) -> None:
    row = request_refund(order)
    stale = Refund.objects.get(pk=row.pk)
    settlement._change_key(row)
    assert not settlement._claim(stale, timezone.now())
    assert settlement._claim(reload(row), timezone.now())


def test_refund_that_was_finished_meanwhile_is_not_claimed(order: Order) -> None:
    row = request_refund(order)
    rows_of(order).update(status=S.DONE)
    assert not settlement._claim(row, timezone.now())


def test_changed_key_is_changed_once(order: Order) -> None:
    row = request_refund(order)
    stale = Refund.objects.get(pk=row.pk)
    settlement._change_key(row)
    first = reload(row).key
    settlement._change_key(stale)
    assert reload(row).key == first


@pytest.mark.parametrize(
    ("error", "status", "has_new_key"),
    [
        (answers.OutcomeUnknown("", is_stored=True), S.REQUESTED, True),
        (answers.OutcomeUnknown(), S.REQUESTED, False),
        (answers.IdempotencyKeyUsed(), S.REQUESTED, True),
        (answers.Rejected("no"), S.FAILED, False),
        (answers.Declined("no"), S.FAILED, False),
    ],
)
def test_failed_request_keeps_or_changes_its_key_or_fails(
    order: Order, at_stripe: FakeRefunds, error: answers.GatewayError, status: str, has_new_key: bool
) -> None:
    refunds.refund(order, RefundRequest(Decimal(1), Decimal(0), by="first"))
    at_stripe.error = error
    row = refunds.refund(order, RefundRequest(Decimal(5), Decimal(1), by="staff"))
    assert (row.status, str(row.key) != at_stripe.requested[-1][2]) == (status, has_new_key)
    assert Order.objects.get(pk=order.pk).amount_refunded == (1 if status == S.FAILED else 6)


def test_mismatch_refund_asks_for_the_full_charge(order: Order, at_stripe: FakeRefunds) -> None:
    row = request_refund(order)
    rows_of(order).update(is_mismatch=True)
    refunds.finish_refund(row, is_first=True)
    assert [amount for amount, _row, _key in at_stripe.requested] == [None]


# The state at Stripe


@pytest.mark.parametrize(
    ("before", "stripe_status", "after"),
    [
        (S.REQUESTED, "pending", S.PENDING),
        (S.REQUESTED, "requires_action", S.PENDING),
        (S.DONE, "pending", S.DONE),
        (S.FAILED, "pending", S.FAILED),
        (S.REQUESTED, "succeeded", S.DONE),
        (S.PENDING, "succeeded", S.DONE),
        (S.FAILED, "succeeded", S.FAILED),
        (S.DONE, "failed", S.FAILED),
        (S.PENDING, "failed", S.FAILED),
        (S.PENDING, "canceled", S.FAILED),
        (S.DONE, "canceled", S.DONE),
        (S.PENDING, "unheard_of", S.PENDING),
    ],
)
def test_state_at_stripe_replaces_only_an_earlier_state(
    order: Order, at_stripe: FakeRefunds, before: str, stripe_status: str, after: str
) -> None:
    row = request_refund(order)
    rows_of(order).update(status=before, stripe_id="re_500")
    at_stripe.found = [found(500, stripe_status)]
    refunds.settle_refunds(order, "pi_1")
    assert reload(row).status == after


def test_done_refund_is_recorded_once(order: Order, at_stripe: FakeRefunds) -> None:
    row = request_refund(order)
    at_stripe.found = [found(500, row=str(row.pk))]
    for _time in range(2):
        refunds.settle_refunds(order, "pi_1")
    assert (events(order, K.REFUNDED), order.mails.filter(kind=Mail.Kind.REFUNDED).count()) == (1, 1)


def test_pending_refund_sends_no_email_and_restocks_once(order: Order, at_stripe: FakeRefunds) -> None:
    product = order.items.get().product
    before = product.stock
    order.items.update(quantity=2)  # so that a second release would have a unit to return
    product.movements.create(kind="taken", order=order.order_id, amount=-2)
    row = request_refund(order, restock={order.items.get().pk: 1})
    for status in ("pending", "pending", "succeeded", "succeeded"):
        at_stripe.found = [found(500, status, row=str(row.pk))]
        refunds.settle_refunds(order, "pi_1")
        emails = order.mails.filter(kind=Mail.Kind.REFUNDED).count()
        assert emails == (1 if status == "succeeded" else 0)
        product.refresh_from_db()
        assert product.stock == before + 1


def test_refund_names_only_rows_of_its_own_order(order: Order, at_stripe: FakeRefunds) -> None:
    other = request_refund(make_paid_order(payment_intent_id="pi_2"))
    at_stripe.found = [found(500, row=str(other.pk))]
    refunds.settle_refunds(order, "pi_1")
    assert reload(other).status == S.REQUESTED
    assert Order.objects.get(pk=order.pk).amount_refunded == 5  # stored as a refund of the dashboard


@pytest.mark.parametrize("row", ["", "x", "-1", "१", "1.5", "9" * 19, "9" * 400])
def test_refund_with_metadata_that_names_no_row_is_a_refund_of_the_dashboard(
    order: Order, at_stripe: FakeRefunds, row: str
) -> None:
    at_stripe.found = [found(500, row=row)]
    refunds.settle_refunds(order, "pi_1")
    assert [(refund.by, refund.status) for refund in rows_of(order)] == [("Stripe", S.DONE)]


def test_row_with_another_stripe_refund_is_not_used_again(order: Order, at_stripe: FakeRefunds) -> None:
    row = request_refund(order)
    at_stripe.found = [found(500, row=str(row.pk)), found(300, row=str(row.pk))]
    refunds.settle_refunds(order, "pi_1")
    assert sorted(rows_of(order).values_list("stripe_id", flat=True)) == ["re_300", "re_500"]
    assert Order.objects.get(pk=order.pk).amount_refunded == 8


def test_look_for_one_refund_does_not_accept_another(order: Order, at_stripe: FakeRefunds) -> None:
    first = request_refund(order)
    second = request_refund(order, already="5.00")
    at_stripe.found = [found(500, row=str(first.pk))]
    assert not refunds.settle_refunds(order, "pi_1", second)
    assert refunds.settle_refunds(order, "pi_1", first)


@pytest.mark.parametrize("amount", [2095, 2000])
def test_order_is_refunded_only_in_full(order: Order, at_stripe: FakeRefunds, amount: int) -> None:
    at_stripe.found = [found(amount)]
    refunds.settle_refunds(order, "pi_1")
    order.refresh_from_db()
    assert (order.status == Order.Status.REFUNDED) == (amount == 2095)


def test_pending_and_mismatch_refunds_do_not_complete_a_full_refund(order: Order, at_stripe: FakeRefunds) -> None:
    first = request_refund(order, "20.00")
    second = request_refund(order, "0.95", already="20.00")
    at_stripe.found = [found(2000, row=str(first.pk)), found(95, "pending", row=str(second.pk))]
    refunds.settle_refunds(order, "pi_1")
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


def test_late_state_does_not_change_an_order_that_is_no_longer_paid(order: Order, at_stripe: FakeRefunds) -> None:
    row = request_refund(order, "20.95")
    Order.objects.filter(pk=order.pk).update(status=Order.Status.CANCELED)
    settlement._store_state(row, found(2095))
    assert Order.objects.get(pk=order.pk).status == Order.Status.CANCELED


# Refunds made in the dashboard


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({}, True),
        ({"status": "pending"}, True),
        ({"status": "failed"}, False),
        ({"status": "canceled"}, False),
        ({"status": "unheard_of"}, False),
        ({"currency": "eur"}, False),
        ({"amount": 2096}, False),
    ],
)
def test_dashboard_refund_is_stored_if_it_fits_the_order(
    order: Order, at_stripe: FakeRefunds, change: dict[str, Any], result: bool
) -> None:
    at_stripe.found = [found(**{"amount": 500, "id": "re_1"} | change)]
    refunds.settle_refunds(order, "pi_1")
    assert rows_of(order).exists() == result
    assert Order.objects.get(pk=order.pk).amount_refunded == (5 if result else 0)


def test_dashboard_refund_of_an_order_without_a_charge_is_not_stored(order: Order, at_stripe: FakeRefunds) -> None:
    order.payments.update(status=Payment.Status.FAILED)
    at_stripe.found = [found(500)]
    refunds.settle_refunds(order, "pi_1")
    assert not rows_of(order).exists()


def test_dashboard_refund_of_an_unpaid_order_is_not_stored(order: Order, at_stripe: FakeRefunds) -> None:
    Order.objects.filter(pk=order.pk).update(status=Order.Status.PLACED)
    order.refresh_from_db()
    at_stripe.found = [found(500)]
    refunds.settle_refunds(order, "pi_1")
    assert not rows_of(order).exists()


def test_dashboard_refund_that_another_process_stored_is_not_stored_twice(order: Order, monkeypatch: Any) -> None:
    refund = found(500)
    assert settlement._adopt(order, refund)
    assert settlement._adopt(order, refund) is None
    assert Order.objects.get(pk=order.pk).amount_refunded == 5


# Failed refunds


def test_rejected_refund_releases_its_amount_and_alerts_staff_once(order: Order, at_stripe: FakeRefunds) -> None:
    row = request_refund(order)
    for _time in range(2):
        settlement._fail(row, "no")
    order.refresh_from_db()
    assert (order.amount_refunded, events(order, K.REFUND_FAILED), events(order, K.ALERTED)) == (0, 1, 1)


def test_rejection_does_not_fail_a_refund_that_was_made_meanwhile(order: Order) -> None:
    row = request_refund(order)
    rows_of(order).update(status=S.DONE)
    settlement._fail(row, "no")
    assert (reload(row).status, Order.objects.get(pk=order.pk).amount_refunded) == (S.DONE, 5)


@pytest.mark.parametrize(("is_shipped", "status"), [(True, "shipped"), (False, "paid")])
def test_failure_of_a_full_refund_restores_the_status(
    order: Order, at_stripe: FakeRefunds, is_shipped: bool, status: str
) -> None:
    if is_shipped:
        ship(order, by="packer")
    order.refresh_from_db()
    at_stripe.found = [found(2095)]
    refunds.settle_refunds(order, "pi_1")
    at_stripe.found = [found(2095, "failed")]
    refunds.settle_refunds(order, "pi_1")
    order.refresh_from_db()
    assert (order.status, order.amount_refunded) == (status, 0)


def test_failure_of_a_partial_refund_keeps_the_status(order: Order, at_stripe: FakeRefunds) -> None:
    ship(order, by="packer")
    row = request_refund(order)
    settlement._fail(row, "no")
    assert Order.objects.get(pk=order.pk).status == Order.Status.SHIPPED


# Step M, mismatch refunds


@pytest.fixture
def owed(order: Order) -> Refund:
    """Return the requested mismatch refund of a canceled order, for a charge of 10.00."""
    Order.objects.filter(pk=order.pk).update(status=Order.Status.CANCELED)
    order.refresh_from_db()
    row = refunds.create_mismatch_refund(order, order.payments.get(), Decimal(10), "gbp", "unexpected")
    assert row
    return row


def test_mismatch_refund_is_created_once(order: Order, owed: Refund) -> None:
    assert refunds.create_mismatch_refund(order, order.payments.get(), Decimal(10), "gbp", "again") is None
    assert (rows_of(order).count(), events(order, K.MISMATCH)) == (1, 1)


def test_charge_of_another_attempt_gets_its_own_mismatch_refund(order: Order, owed: Refund) -> None:
    other = order.payments.create(number=2, stripe_pm="card_2", amount=1, currency="gbp", status=Payment.Status.FAILED)
    assert refunds.create_mismatch_refund(order, other, Decimal(1), "gbp", "other")


def test_failed_mismatch_refund_leaves_the_refunded_amount(order: Order, owed: Refund) -> None:
    settlement._fail(owed, "no")
    order.refresh_from_db()
    assert (reload(owed).status, order.amount_refunded) == (S.FAILED, 0)


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([(1000, "succeeded")], S.DONE),
        ([(400, "succeeded"), (600, "succeeded")], S.DONE),
        ([(400, "succeeded"), (600, "pending")], S.REQUESTED),
        ([(999, "succeeded")], S.REQUESTED),
        ([(1000, "failed")], S.FAILED),
        ([], S.REQUESTED),
    ],
)
def test_mismatch_refund_is_done_when_the_whole_charge_was_refunded(
    order: Order, owed: Refund, at_stripe: FakeRefunds, parts: list[tuple[int, str]], status: str
) -> None:
    at_stripe.found = [found(amount, state) for amount, state in parts]
    is_done = refunds.settle_refunds(order, "pi_1", owed)
    assert (reload(owed).status, is_done) == (status, status != S.REQUESTED)


def test_parts_of_a_mismatch_refund_are_recorded_once(order: Order, owed: Refund, at_stripe: FakeRefunds) -> None:
    at_stripe.found = [found(400), found(600)]
    for _time in range(2):
        refunds.settle_refunds(order, "pi_1")
    assert (events(order, K.REFUNDED), order.mails.filter(kind=Mail.Kind.REFUNDED).count()) == (1, 1)


def test_parts_do_not_finish_a_mismatch_refund_that_another_process_finished(
    order: Order, owed: Refund, at_stripe: FakeRefunds, monkeypatch: Any
) -> None:
    parts = [found(400), found(600)]
    settle = settlement._settle_mismatch
    assert settle(order, parts)
    monkeypatch.setattr(Refund.objects.all().__class__, "first", lambda rows: owed)  # read before the other process
    settle(order, parts)
    assert events(order, K.REFUNDED) == 1


@pytest.mark.parametrize(
    "change", [{"status": S.REQUESTED}, {"status": S.DONE}, {"status": S.PENDING}, {"is_mismatch": False}]
)
def test_only_a_failed_mismatch_refund_is_retried(
    order: Order, owed: Refund, at_stripe: FakeRefunds, change: dict[str, Any]
) -> None:
    rows_of(order).update(**{"status": S.FAILED} | change)
    assert not refunds.retry_mismatch_refund(owed, by="staff")
    assert at_stripe.requested == []


def test_retried_mismatch_refund_uses_a_new_key_and_looks_first(
    order: Order, owed: Refund, at_stripe: FakeRefunds
) -> None:
    key = owed.key
    rows_of(order).update(status=S.FAILED, asked_at=timezone.now(), stripe_id="re_old")
    at_stripe.found = [found(1000)]
    assert refunds.retry_mismatch_refund(owed, by="staff")
    assert (reload(owed).status, at_stripe.requested) == (S.DONE, [])
    rows_of(order).update(status=S.FAILED)
    at_stripe.found = []
    assert refunds.retry_mismatch_refund(owed, by="staff")
    assert (reload(owed).status, owed.key != key) == (S.DONE, True)


def test_restock_leaves_other_lines(order: Order, at_stripe: FakeRefunds) -> None:
    product = make_product()
    order.items.create(product=product, sku="x", title="x", unit_price=1, quantity=1, total=1)
    before = product.stock
    row = request_refund(order, restock={order.items.earliest("pk").pk: 1})
    at_stripe.found = [found(500, row=str(row.pk))]
    refunds.settle_refunds(order, "pi_1")
    product.refresh_from_db()
    assert product.stock == before
