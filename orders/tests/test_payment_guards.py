"""Tests for the guards of the payment workflow, with chosen answers from Stripe and changes by other processes."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import answers, gateway
from billing.models import BillingProfile, Card
from carts.models import Cart
from orders.models import Mail, Order, OrderEvent, Payment
from orders.workflow import cancellation, payments
from orders.workflow.release import release_order
from tests.makers import make_discount, make_product

pytestmark = pytest.mark.django_db
S, K = Payment.Status, OrderEvent.Kind
Change = Callable[[], Any]


@pytest.fixture
def order() -> Order:
    """Return a placed order for 20.95 with an intent at Stripe and without an attempt to pay."""
    profile = BillingProfile.objects.create(email="guest@example.org", customer_id="cus_1")
    order = Order.objects.create(
        billing_profile=profile, email=profile.email, status=Order.Status.PLACED, placed_at=timezone.now(),
        currency="gbp", subtotal=16, total="20.95", payment_intent_id="pi_1", language="en",
    )  # fmt: skip
    order.refresh_from_db()
    return order


@pytest.fixture(autouse=True)
def bystanders(order: Order) -> Iterator[None]:
    """Add orders and attempts of other shoppers, and check that no test changes them."""
    states = [("placed", None, S.NEW), ("placed", "pi_8", S.REQUIRES_ACTION)]
    states += [("canceling", None, S.FAILED), ("canceling", "pi_9", S.FAILED)]
    attempts = []
    for status, intent_id, attempt in states:
        other = Order.objects.create(
            billing_profile=order.billing_profile, status=status, currency="gbp", payment_intent_id=intent_id
        )
        attempts.append(Payment(order=other, number=1, stripe_pm="card_1", amount=1, currency="gbp", status=attempt))
    Payment.objects.bulk_create(attempts)
    tables: list[Any] = [Order.objects.exclude(pk=order.pk), Payment.objects.exclude(order=order)]
    before = [list(rows.order_by("pk").values()) for rows in tables]
    yield
    assert [list(rows.order_by("pk").values()) for rows in tables] == before


@pytest.fixture
def card(order: Order) -> Card:
    return order.billing_profile.cards.create(stripe_id="card_1", last4="4242", exp_month=1, exp_year=2040)


def add_attempt(order: Order, status: str = S.NEW, minutes: int = 1, **fields: Any) -> Payment:
    """Add an attempt that was made some minutes ago."""
    number = order.payments.count() + 1
    values = {"number": number, "stripe_pm": f"card_{number}", "amount": order.total, "currency": order.currency}
    attempt = order.payments.create(**values | {"status": status} | fields)
    Payment.objects.filter(pk=attempt.pk).update(timestamp=timezone.now() - timedelta(minutes=minutes))
    return attempt


UNPAID = answers.Intent("pi_1", "requires_payment_method", 2095, 0, "gbp", "secret")
SUCCEEDED = dataclasses.replace(UNPAID, status="succeeded", received=2095, payment_method="card_1")
CANCELED = dataclasses.replace(UNPAID, status="canceled")
WAITING = dataclasses.replace(UNPAID, status="requires_action")
PROCESSING = dataclasses.replace(UNPAID, status="processing")


@pytest.fixture
def stripe_has(order: Order, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets the intent at Stripe, and a change by another process while it is fetched."""

    def set_intent(intent: answers.Intent, meanwhile: Change = lambda: None) -> None:
        def retrieve(intent_id: str) -> answers.Intent:
            meanwhile()
            return dataclasses.replace(intent, order_id=order.order_id, order_uuid=str(order.uuid))

        monkeypatch.setattr(gateway, "retrieve_intent", retrieve)

    return set_intent


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record calls that cancel, confirm or refund, and let them succeed."""
    made: list[str] = []
    for name in ("cancel_intent", "confirm_intent", "create_refund"):
        monkeypatch.setattr(gateway, name, lambda *args, name=name, **kwargs: made.append(name))
    return made


def events(order: Order, kind: str) -> int:
    return order.events.filter(kind=kind).count()


def statuses(order: Order) -> list[str]:
    return list(order.payments.values_list("status", flat=True))


# Step P2, create the intent


def without_intent(order: Order) -> Order:
    Order.objects.filter(pk=order.pk).update(payment_intent_id=None)
    order.refresh_from_db()
    return order


def test_stored_intent_is_used_without_a_call(order: Order) -> None:
    assert payments.ensure_intent(order) == "pi_1"


def create_intent(monkeypatch: pytest.MonkeyPatch, meanwhile: Change, error: Exception | None = None) -> None:
    """Let Stripe create intent pi_2 while another process makes a change, or fail with the error."""

    def create(*args: Any, **kwargs: Any) -> answers.Intent:
        meanwhile()
        if error:
            raise error
        return dataclasses.replace(UNPAID, id="pi_2")

    monkeypatch.setattr(gateway, "create_intent", create)


def test_intent_of_an_order_that_was_canceled_meanwhile_is_not_stored(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Order.objects.filter(pk=order.pk)
    create_intent(monkeypatch, lambda: row.update(status=Order.Status.CANCELED))
    with pytest.raises(answers.StateChanged):
        payments.ensure_intent(without_intent(order))
    assert row.get().payment_intent_id is None


def test_new_intent_is_stored(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    create_intent(monkeypatch, lambda: None)
    assert payments.ensure_intent(without_intent(order)) == "pi_2"
    assert Order.objects.get(pk=order.pk).payment_intent_id == "pi_2"


def test_intent_that_another_process_stored_first_is_used(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Order.objects.filter(pk=order.pk)
    create_intent(monkeypatch, lambda: row.update(payment_intent_id="pi_first"))
    assert payments.ensure_intent(without_intent(order)) == "pi_first"
    assert row.get().payment_intent_id == "pi_first"


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (answers.IdempotencyKeyUsed(), 2),
        (answers.OutcomeUnknown("", is_stored=True), 2),
        (answers.OutcomeUnknown(), 1),
        (answers.Rejected(), 1),
    ],
)
def test_key_of_the_intent_changes_only_if_stripe_would_repeat_its_answer(
    order: Order, monkeypatch: pytest.MonkeyPatch, error: answers.GatewayError, tries: int
) -> None:
    create_intent(monkeypatch, lambda: None, error)
    with pytest.raises(answers.GatewayError):
        payments.ensure_intent(without_intent(order))
    assert Order.objects.get(pk=order.pk).intent_try == tries


def test_slow_process_does_not_reuse_an_older_key(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Order.objects.filter(pk=order.pk)
    create_intent(monkeypatch, lambda: row.update(intent_try=3), answers.IdempotencyKeyUsed())
    with pytest.raises(answers.GatewayError):
        payments.ensure_intent(without_intent(order))
    assert row.get().intent_try == 3


def test_customer_that_is_missing_at_intent_creation_is_replaced(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "create_customer", lambda email: "cus_2")
    create_intent(monkeypatch, lambda: None, answers.Missing())
    with pytest.raises(answers.Missing):
        payments.ensure_intent(without_intent(order))
    assert BillingProfile.objects.get().customer_id == "cus_2"


# Step P3, pay


@pytest.mark.parametrize("status", ["canceling", "canceled", "paid"])
def test_order_that_is_no_longer_placed_starts_no_attempt(
    order: Order, card: Card, calls: list[str], stripe_has: Callable[..., None], status: str
) -> None:
    Order.objects.filter(pk=order.pk).update(status=status, active=False)
    stripe_has(UNPAID)
    payments.pay(order, card)
    assert (order.payments.count(), calls) == (0, [])


def test_open_attempt_is_settled_instead_of_starting_another(
    order: Order, card: Card, calls: list[str], stripe_has: Callable[..., None]
) -> None:
    add_attempt(order)
    stripe_has(SUCCEEDED)
    payments.pay(order, card)
    assert (order.status, statuses(order), calls) == (Order.Status.PAID, [S.SUCCEEDED], [])


def confirm_fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(gateway, "confirm_intent", fail)


def test_confirmation_of_an_intent_in_another_state_is_settled(
    order: Order, card: Card, stripe_has: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm_fails(monkeypatch, answers.StateChanged())
    stripe_has(SUCCEEDED)
    payments.pay(order, card)
    assert order.status == Order.Status.PAID


def test_rejected_confirmation_closes_the_attempt_and_allows_another(
    order: Order, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm_fails(monkeypatch, answers.Rejected())
    for number in (1, 2):
        with pytest.raises(payments.PaymentNotPossible):
            payments.pay(order, card)
        assert statuses(order) == [S.FAILED] * number
        assert order.payments.filter(number=number).count() == 1


def test_rejection_does_not_close_an_attempt_that_was_settled_meanwhile(
    order: Order, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle_meanwhile(*args: Any, **kwargs: Any) -> None:
        order.payments.update(status=S.SUCCEEDED)
        raise answers.Rejected

    monkeypatch.setattr(gateway, "confirm_intent", settle_meanwhile)
    with pytest.raises(payments.PaymentNotPossible):
        payments.pay(order, card)
    assert (statuses(order), events(order, K.DECLINED)) == ([S.SUCCEEDED], 0)


def test_lost_confirmation_leaves_the_attempt_open(order: Order, card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that no answer is no reason to fail, even if Stripe does not know the attempt yet."""
    confirm_fails(monkeypatch, answers.OutcomeUnknown())
    payments.pay(order, card)
    assert statuses(order) == [S.NEW]


# Step S, settle


def test_order_without_an_intent_is_not_settled(order: Order) -> None:
    assert payments.settle(without_intent(order)) is None


def test_status_that_the_shop_does_not_know_changes_nothing(order: Order, stripe_has: Callable[..., None]) -> None:
    add_attempt(order)
    stripe_has(dataclasses.replace(UNPAID, status="requires_capture"))
    payments.settle(order)
    assert (order.status, statuses(order)) == (Order.Status.PLACED, [S.NEW])


@pytest.mark.parametrize(
    ("status", "minutes", "is_own", "after"),
    [
        (S.NEW, 0, False, S.NEW),
        (S.NEW, 0, True, S.FAILED),
        (S.NEW, 1, False, S.FAILED),
        (S.REQUIRES_ACTION, 0, False, S.FAILED),
        (S.PROCESSING, 0, False, S.FAILED),
    ],
)
def test_attempt_is_closed_only_if_its_confirmation_has_reached_stripe(
    order: Order, stripe_has: Callable[..., None], status: str, minutes: int, is_own: bool, after: str
) -> None:
    attempt = add_attempt(order, status, minutes)
    stripe_has(UNPAID)
    payments.settle(order, attempt if is_own else None)
    assert statuses(order) == [after]


def test_charge_that_was_not_started_here_is_stored_as_the_first_attempt(
    order: Order, stripe_has: Callable[..., None]
) -> None:
    stripe_has(SUCCEEDED)
    payments.settle(order)
    payment = order.payments.get()
    assert (payment.number, payment.status, payment.amount) == (1, S.SUCCEEDED, order.total)


def test_unpaid_intent_without_an_attempt_changes_nothing(order: Order, stripe_has: Callable[..., None]) -> None:
    stripe_has(UNPAID)
    payments.settle(order)
    assert (order.status, order.payments.count()) == (Order.Status.PLACED, 0)


@pytest.mark.parametrize("intent", [UNPAID, WAITING, PROCESSING])
def test_older_state_does_not_replace_a_final_one(
    order: Order, stripe_has: Callable[..., None], intent: answers.Intent
) -> None:
    attempt = add_attempt(order)
    rows = Payment.objects.filter(pk=attempt.pk)
    stripe_has(intent, meanwhile=lambda: rows.update(status=S.SUCCEEDED))
    payments.settle(order)
    assert (statuses(order), order.events.count()) == ([S.SUCCEEDED], 0)


@pytest.mark.parametrize(("code", "message"), [("expired_card", "expired"), ("", "did not go through")])
def test_failure_is_recorded_once_with_its_message(
    order: Order, stripe_has: Callable[..., None], code: str, message: str
) -> None:
    attempt = add_attempt(order)
    stripe_has(dataclasses.replace(UNPAID, code=code))
    for _time in range(2):
        payments.settle(order)
    payments._fail(attempt, "", "", [S.NEW])  # another process that read the attempt before
    [event] = order.events.filter(kind=K.DECLINED)
    assert message in event.text
    assert message in order.payments.get().message


def test_page_without_an_answer_shows_what_the_shop_knows(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(intent_id: str) -> None:
        raise answers.OutcomeUnknown

    monkeypatch.setattr(gateway, "retrieve_intent", fail)
    assert payments.settle_quietly(order) is None


def test_bank_check_is_recorded_once(order: Order, stripe_has: Callable[..., None]) -> None:
    add_attempt(order)
    stripe_has(WAITING)
    for _time in range(2):
        payments.settle(order)
    assert (statuses(order), events(order, K.NEEDS_ACTION)) == ([S.REQUIRES_ACTION], 1)


def test_processing_attempt_needs_no_action(order: Order, stripe_has: Callable[..., None]) -> None:
    add_attempt(order)
    stripe_has(PROCESSING)
    payments.settle(order)
    assert (statuses(order), order.events.count()) == ([S.PROCESSING], 0)


def test_bank_check_without_an_open_attempt_changes_nothing(order: Order, stripe_has: Callable[..., None]) -> None:
    add_attempt(order, S.FAILED)
    stripe_has(WAITING)
    payments.settle(order)
    assert statuses(order) == [S.FAILED]


def test_success_settled_again_neither_alerts_nor_sends_a_second_email(
    order: Order, stripe_has: Callable[..., None]
) -> None:
    add_attempt(order)
    stripe_has(SUCCEEDED)
    for _time in range(2):
        payments.settle(order)
    assert (order.attention, events(order, K.PAID)) == ("", 1)
    assert order.mails.filter(kind=Mail.Kind.CONFIRMATION).count() == 1


def test_success_of_an_earlier_attempt_is_recorded_at_that_attempt(
    order: Order, stripe_has: Callable[..., None]
) -> None:
    add_attempt(order, S.FAILED)
    add_attempt(order)
    stripe_has(SUCCEEDED)
    payments.settle(order)
    assert (order.status, statuses(order)) == (Order.Status.PAID, [S.SUCCEEDED, S.FAILED])


def test_success_with_an_unknown_card_is_recorded_at_the_open_attempt(
    order: Order, stripe_has: Callable[..., None]
) -> None:
    add_attempt(order)
    add_attempt(order, S.FAILED)
    stripe_has(dataclasses.replace(SUCCEEDED, payment_method="pm_other"))
    payments.settle(order)
    assert statuses(order) == [S.SUCCEEDED, S.FAILED]


@pytest.mark.parametrize("attempts", [0, 1])
def test_charge_that_no_open_attempt_made_pays_the_order(
    order: Order, stripe_has: Callable[..., None], attempts: int
) -> None:
    for _attempt in range(attempts):
        add_attempt(order, S.FAILED)
    stripe_has(dataclasses.replace(SUCCEEDED, payment_method="pm_other"))
    payments.settle(order)
    assert (order.status, statuses(order)) == (Order.Status.PAID, [S.SUCCEEDED])


def test_success_of_an_attempt_that_another_process_closed_closes_the_next_one(
    order: Order, stripe_has: Callable[..., None]
) -> None:
    attempt = add_attempt(order)

    def start_next() -> None:
        Payment.objects.filter(pk=attempt.pk).update(status=S.FAILED)
        add_attempt(order)

    stripe_has(SUCCEEDED, meanwhile=start_next)
    payments.settle(order)
    assert (order.status, statuses(order)) == (Order.Status.PAID, [S.SUCCEEDED, S.FAILED])


@pytest.mark.parametrize("step", ["match_earlier", "record_follow_ups"])
def test_settled_order_shows_what_a_later_step_has_changed(
    order: Order, stripe_has: Callable[..., None], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def change(order: Order, *args: Any) -> bool:
        return bool(Order.objects.filter(pk=order.pk).update(buyer_note=step))

    monkeypatch.setattr(payments, step, change)
    add_attempt(order)
    stripe_has(SUCCEEDED)
    payments.settle(order)
    assert (order.status, order.buyer_note) == (Order.Status.PAID, step)


def test_settled_order_has_the_values_of_its_row(order: Order, stripe_has: Callable[..., None]) -> None:
    Order.objects.filter(pk=order.pk).update(placed_ip="192.0.2.1", placed_session="x")
    order.refresh_from_db()
    add_attempt(order)
    stripe_has(SUCCEEDED)
    payments.settle(order)
    names = [field.attname for field in Order._meta.concrete_fields]
    assert {name: getattr(order, name) for name in names} == Order.objects.filter(pk=order.pk).values(*names).get()


def test_success_keeps_a_canceled_attempt_canceled(order: Order, stripe_has: Callable[..., None]) -> None:
    add_attempt(order, S.CANCELED)
    add_attempt(order, stripe_pm="card_1")
    stripe_has(SUCCEEDED)
    payments.settle(order)
    assert statuses(order) == [S.CANCELED, S.SUCCEEDED]


def test_mismatched_charge_of_a_paid_order_only_alerts_staff(
    order: Order, stripe_has: Callable[..., None], calls: list[str]
) -> None:
    Order.objects.filter(pk=order.pk).update(status=Order.Status.PAID)
    add_attempt(order, S.SUCCEEDED)
    stripe_has(dataclasses.replace(SUCCEEDED, received=2094))
    payments.settle(order)
    assert (order.status, statuses(order), calls) == (Order.Status.PAID, [S.SUCCEEDED], [])
    assert "2094" in order.attention


@pytest.mark.parametrize("change", [{"received": 2094}, {"received": 2096}, {"currency": "eur"}])
def test_charge_of_another_amount_or_currency_is_refunded(
    order: Order, stripe_has: Callable[..., None], calls: list[str], monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    monkeypatch.setattr(gateway, "create_refund", lambda *args: answers.RefundResult("re_1", "pending", 1, "gbp"))
    monkeypatch.setattr(gateway, "list_refunds", lambda intent_id: [])
    add_attempt(order)
    stripe_has(dataclasses.replace(SUCCEEDED, **change))
    payments.settle(order)
    assert order.status == Order.Status.CANCELED
    assert order.payments.get().refunds.get().is_mismatch


def test_mismatched_charge_of_a_canceled_order_cancels_it_once(
    order: Order, stripe_has: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "create_refund", lambda *args: answers.RefundResult("re_1", "pending", 1, "gbp"))
    monkeypatch.setattr(gateway, "list_refunds", lambda intent_id: [])
    add_attempt(order)
    Order.objects.filter(pk=order.pk).update(status=Order.Status.CANCELING)
    release_order(order)
    stripe_has(SUCCEEDED)
    for _time in range(2):
        payments.settle(order)
    assert (order.status, events(order, K.CANCELED), events(order, K.MISMATCH)) == (Order.Status.CANCELED, 1, 1)


def test_canceled_intent_cancels_a_placed_order(order: Order, stripe_has: Callable[..., None]) -> None:
    stripe_has(CANCELED)
    payments.settle(order)
    assert order.status == Order.Status.CANCELED


def test_order_that_was_read_before_its_intent_was_stored_is_settled(
    order: Order, stripe_has: Callable[..., None]
) -> None:
    stale = Order.objects.get(pk=without_intent(order).pk)
    Order.objects.filter(pk=order.pk).update(payment_intent_id="pi_1")
    stripe_has(SUCCEEDED)
    payments.settle(stale)
    assert stale.status == Order.Status.PAID


def test_own_attempt_that_another_process_closed_stays_closed(order: Order, stripe_has: Callable[..., None]) -> None:
    stripe_has(UNPAID)
    payments.settle(order, own=add_attempt(order, S.FAILED))
    assert (statuses(order), order.events.count()) == ([S.FAILED], 0)


@pytest.mark.parametrize(("refunded", "has_row", "looks"), [(0, False, 0), (500, False, 1), (0, True, 1)])
def test_refunds_are_looked_up_if_stripe_or_the_shop_has_any(
    order: Order,
    stripe_has: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    refunded: int,
    has_row: bool,
    looks: int,
) -> None:
    made = []
    monkeypatch.setattr(gateway, "list_refunds", lambda intent_id: made.append(intent_id) or [])
    attempt = add_attempt(order)
    if has_row:
        attempt.refunds.create(amount=5, currency="gbp", by="staff")
    stripe_has(dataclasses.replace(SUCCEEDED, refunded=refunded))
    payments.settle(order)
    assert len(made) == looks


@pytest.mark.parametrize("status", ["paid", "shipped", "refunded", "canceled"])
def test_canceled_intent_cancels_only_a_placed_order(
    order: Order, stripe_has: Callable[..., None], status: str
) -> None:
    Order.objects.filter(pk=order.pk).update(status=status)
    stripe_has(CANCELED)
    payments.settle(order)
    assert (order.status, order.events.count()) == (status, 0)


def test_event_about_an_intent_settles_its_order(order: Order, stripe_has: Callable[..., None]) -> None:
    stripe_has(SUCCEEDED)
    payments.settle_on_event(None, intent_id="pi_1")
    assert Order.objects.get(pk=order.pk).status == Order.Status.PAID


@pytest.mark.parametrize("intent_id", ["", "pi_of_another_shop"])
def test_event_about_an_unknown_intent_is_ignored(order: Order, intent_id: str) -> None:
    without_intent(order)
    payments.settle_on_event(None, intent_id=intent_id)


# Step X, cancel and release


def test_second_cancellation_is_not_recorded_again(order: Order, calls: list[str]) -> None:
    for _click in range(2):
        cancellation._begin_cancellation(order, by="shopper")
    assert events(order, K.CANCELING) == 1


@pytest.mark.parametrize("status", ["placed", "paid", "canceled"])
def test_only_a_canceling_order_is_canceled_at_stripe(order: Order, calls: list[str], status: str) -> None:
    Order.objects.filter(pk=order.pk).update(status=status)
    cancellation.finish_cancellation(order)
    assert (order.status, calls) == (status, [])


def canceling(order: Order) -> Order:
    Order.objects.filter(pk=order.pk).update(status=Order.Status.CANCELING)
    order.refresh_from_db()
    return order


@pytest.mark.parametrize(
    ("error", "is_alerted"), [(answers.Missing(), True), (answers.OutcomeUnknown(), False), (answers.Rejected(), False)]
)
def test_cancellation_that_stripe_does_not_confirm_keeps_the_order_canceling(
    order: Order, stripe_has: Callable[..., None], monkeypatch: pytest.MonkeyPatch, error: Any, is_alerted: bool
) -> None:
    def fail(intent_id: str) -> None:
        raise error

    monkeypatch.setattr(gateway, "cancel_intent", fail)
    stripe_has(UNPAID, meanwhile=lambda: pytest.fail("settled although nothing was canceled"))
    cancellation.finish_cancellation(canceling(order))
    order.refresh_from_db()
    assert (order.status, bool(order.attention)) == (Order.Status.CANCELING, is_alerted)


def test_intent_that_is_paid_instead_of_canceled_pays_the_order(
    order: Order, stripe_has: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(intent_id: str) -> None:
        raise answers.StateChanged

    monkeypatch.setattr(gateway, "cancel_intent", fail)
    stripe_has(SUCCEEDED)
    cancellation.finish_cancellation(canceling(order))
    assert order.status == Order.Status.PAID


def test_order_with_an_intent_that_stripe_knows_is_not_canceled_as_missing(
    order: Order, stripe_has: Callable[..., None]
) -> None:
    stripe_has(UNPAID)
    assert not cancellation.cancel_missing_intent(order, by="staff")
    assert order.status == Order.Status.PLACED


def test_order_without_an_intent_is_canceled_without_a_call(order: Order, calls: list[str]) -> None:
    discount = make_discount(uses=1)
    Order.objects.filter(pk=order.pk).update(discount=discount)
    cancellation.finish_cancellation(canceling(without_intent(order)))
    discount.refresh_from_db()
    assert (Order.objects.get(pk=order.pk).status, discount.uses, calls) == (Order.Status.CANCELED, 0, [])


def test_release_keeps_an_order_whose_intent_was_stored_meanwhile(order: Order) -> None:
    stale = Order.objects.get(pk=without_intent(canceling(order)).pk)
    Order.objects.filter(pk=order.pk).update(payment_intent_id="pi_late")
    release_order(stale)
    assert Order.objects.get(pk=order.pk).status == Order.Status.CANCELING


@pytest.mark.parametrize("status", ["placed", "paid", "canceled"])
def test_release_changes_only_a_canceling_order(order: Order, status: str) -> None:
    cart, product, discount = Cart.objects.create(session_key="x"), make_product(), make_discount(uses=1)
    cart.set_quantity(product, 1)
    Cart.objects.update(active=False)
    Order.objects.filter(pk=order.pk).update(status=status, active=False, cart=cart, discount=discount)
    add_attempt(order)
    order.refresh_from_db()
    release_order(order)
    cart.refresh_from_db()
    discount.refresh_from_db()
    assert (order.status, statuses(order), discount.uses) == (status, [S.NEW], 1)
    assert (order.events.count(), order.mails.count(), Cart.objects.filter(active=True).count()) == (0, 0, 0)


def test_release_cancels_only_open_attempts(order: Order) -> None:
    for status in (S.FAILED, S.REQUIRES_ACTION):
        add_attempt(order, status)
    release_order(canceling(order))
    assert statuses(order) == [S.FAILED, S.CANCELED]
    assert order.events.get(kind=K.CANCELED).text == "nothing was charged"


def test_release_after_a_charge_does_not_say_that_nothing_was_charged(order: Order) -> None:
    add_attempt(order, S.SUCCEEDED)
    release_order(canceling(order))
    assert order.events.get(kind=K.CANCELED).text == ""
