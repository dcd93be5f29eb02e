"""Tests for pruning at the same time as other work, and for any age of any rows."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import AccountMail, GuestEmail, TakenSignup
from addresses.models import Address
from billing import gateway
from billing.models import BillingProfile, StripeEvent
from carts.models import Cart
from orders.bookkeeping import old_rows, stale_guests
from orders.bookkeeping.audit import audit
from orders.bookkeeping.pruning import prune
from orders.bookkeeping.reconcile import reconcile
from orders.emails.sending import send_waiting
from orders.models import Dispute, Order, Refund
from orders.workflow import payments
from orders.workflow.placing import place
from stripe_simulator.server import Simulator
from tests.makers import ADDRESS, add_to_cart, buy, make_open_order, make_product, make_user, shown_facts
from tests.visitors import sign_in

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
DAY = timedelta(days=1)


def together(*works: Callable[[], Any]) -> list[Any]:
    """Call the functions at the same moment, each with a database connection of its own. Return their results."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            barrier.wait()
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def make_all_old(days: int) -> None:
    then = timezone.now() - timedelta(days=days)
    for model in (GuestEmail, BillingProfile, Cart, Order):
        model._default_manager.update(updated=then)


def make_order_to_place(email: str = "guest@example.org") -> Order:
    order = make_open_order()
    address = Address.objects.create(billing_profile=order.billing_profile, **ADDRESS)
    for kind in Address.Type:
        order.use_address(address, kind)
    order.refresh_from_db()
    return order


def test_parallel_processes_delete_each_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_rows, "BATCH", 5)
    for number in range(60):
        Session.objects.create(session_key=f"key{number}", expire_date=timezone.now() - DAY)
        Cart.objects.create(session_key=f"visitor{number}")
        TakenSignup.objects.create(client="c")
    make_all_old(100)
    TakenSignup.objects.update(timestamp=timezone.now() - 100 * DAY)
    rounds = together(prune, prune, prune)
    while prune()[1]:
        pass
    for kind, model in {"sessions": Session, "anonymous carts": Cart, "rejected sign-ups": TakenSignup}.items():
        assert not model._default_manager.exists()
        assert 0 < sum(pruned[f"{kind} pruned"] for pruned, _is_more in rounds) <= 60, kind


@pytest.mark.parametrize("days", [31, 61])
def test_order_is_placed_completely_or_not_at_all_while_its_rows_are_pruned(days: int) -> None:
    for _round in range(6):
        order = make_order_to_place()
        shown = shown_facts(order)
        make_all_old(days)
        _pruned, is_placed = together(prune, lambda order=order, shown=shown: place(order, shown))
        found = Order.objects.filter(pk=order.pk)
        assert found.filter(status=Order.Status.PLACED, cart__isnull=False).exists() is is_placed
        assert found.exists() is is_placed
        assert not is_placed or found.get().billing_profile.email
        assert audit(with_stripe=False) == []


@pytest.mark.usefixtures("simulator")
def test_customer_is_deleted_at_stripe_outside_of_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    delete = gateway.delete_customer

    def watch(customer: str) -> None:
        calls.append(connection.in_atomic_block)
        delete(customer)

    BillingProfile.objects.create(email="guest@example.org")
    make_all_old(31)
    monkeypatch.setattr(gateway, "delete_customer", watch)
    prune()
    assert (calls, BillingProfile.objects.count()) == ([False], 0)


@pytest.mark.usefixtures("simulator")
def test_row_that_another_transaction_has_locked_is_left_and_nobody_waits() -> None:
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("the database locks no rows")
    busy, idle = (Cart.objects.create(session_key=key) for key in ("busy", "idle"))
    make_all_old(61)
    with transaction.atomic():
        Cart.objects.select_for_update().get(pk=busy.pk)
        [(pruned, _is_more)] = together(prune)
    assert (pruned["anonymous carts pruned"], list(Cart.objects.all())) == (1, [busy])
    assert idle not in Cart.objects.all()


# Any rows at any age


def make_orders(simulator: Simulator) -> None:
    """Place orders of users and guests that end in every way."""
    for token, guest in (("tok_visa", False), ("tok_visa", True), ("tok_chargeCustomerFail", True)):
        client = Client()
        if not guest:
            sign_in(client, make_user())
        buy(client, make_product(), token)
        add_to_cart(client, make_product())
    refunded = buy(Client(), make_product(), "tok_visa").payments.get()
    Refund.objects.create(payment=refunded, amount=1, currency="gbp", status="requested", by="staff")
    Order.objects.filter(payments=refunded).update(amount_refunded=1)
    disputed = buy(Client(), make_product(), "tok_visa")
    simulator.open_dispute(str(disputed.payment_intent_id))
    payments.settle(disputed)
    send_waiting()


def protected_rows() -> dict[str, list[Any]]:
    """Return the keys of all rows that belong to a user or to a placed order."""
    placed = Order.objects.placed()
    return {
        "orders": list(placed.values_list("pk", flat=True).order_by("pk")),
        "their carts": list(placed.values_list("cart", flat=True).order_by("pk")),
        "their addresses": list(placed.values_list("shipping_address", flat=True).order_by("pk")),
        "their payers": list(placed.values_list("billing_profile", "billing_profile__email").order_by("pk")),
        "carts of users": list(Cart.objects.exclude(user=None).values_list("pk", flat=True).order_by("pk")),
        "profiles of users": list(BillingProfile.objects.exclude(user=None).values_list("pk").order_by("pk")),
        "refunds": list(Refund.objects.values_list("pk").order_by("pk")),
        "disputes": list(Dispute.objects.values_list("pk").order_by("pk")),
    }


KINDS: dict[str, tuple[Any, int]] = {  # the model, and how many days its rows are kept
    "cart": (Cart, 60), "guest": (BillingProfile, 30), "email": (GuestEmail, 30), "mail": (AccountMail, 90),
    "event": (StripeEvent, 90), "sign-up": (TakenSignup, 90),
}  # fmt: skip


def keys() -> dict[str, set[Any]]:
    return {kind: set(model._default_manager.values_list("pk", flat=True)) for kind, (model, _days) in KINDS.items()}


def make_rows(number: int, days: int) -> dict[str, Any]:
    """Create one row of each kind that is this many days old. Return their keys."""
    then = timezone.now() - days * DAY - timedelta(minutes=5)
    order = make_open_order()
    rows = {
        "cart": order.cart,
        "guest": order.billing_profile,
        "email": GuestEmail.objects.create(email=f"{number}@example.org"),
        "mail": AccountMail.objects.create(kind="reset", to="a@example.org", client="c", dropped=then),
        "event": StripeEvent.objects.create(stripe_id=f"evt_{number}", type="x", processed=then),
        "sign-up": TakenSignup.objects.create(client="c"),
    }
    for kind, row in rows.items():
        column = {"mail": "timestamp", "event": "received", "sign-up": "timestamp"}.get(kind, "updated")
        KINDS[kind][0]._default_manager.filter(pk=row.pk).update(**{column: then})
    return {kind: row.pk for kind, row in rows.items()}


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(age=st.integers(0, 1000), ages=st.lists(st.sampled_from([0, 29, 30, 59, 60, 89, 90, 400]), max_size=6))
def test_only_old_rows_without_a_user_or_an_order_are_deleted(simulator: Simulator, age: int, ages: list[int]) -> None:
    simulator.reset()
    with rolled_back(), pytest.MonkeyPatch.context() as patch:
        make_orders(simulator)
        make_all_old(age)
        reconcile()
        patch.setattr(stale_guests, "GUEST_BATCH", 2)
        patch.setattr(old_rows, "BATCH", 2)
        protected, known = protected_rows(), keys()
        made = [(days, make_rows(number, days)) for number, days in enumerate(ages)]
        while prune()[1]:
            pass
        reconcile()
        young = {kind: {pks[kind] for days, pks in made if days < KINDS[kind][1]} for kind in KINDS}
        assert protected_rows() == protected
        assert {kind: found - known[kind] for kind, found in keys().items()} == young
        assert audit() == []
