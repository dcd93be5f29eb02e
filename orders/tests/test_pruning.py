"""Tests for pruning: what is deleted at which age, what stays, and what happens if work is interrupted."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from accounts.models import AccountMail, GuestEmail, TakenSignup
from addresses.models import Address
from billing import gateway
from billing.models import BillingProfile, Card, CardAttempt, StripeEvent
from carts.models import Cart, CartItem, WrongCode
from core.background.models import last_finished
from core.database.statistics import STATISTICS
from core.models import ContactMail
from orders.bookkeeping import old_rows, pruning, stale_guests
from orders.bookkeeping.audit import audit
from orders.bookkeeping.pruning import prune
from orders.bookkeeping.reconcile import reconcile
from orders.management.commands.reconcile import Command
from orders.models import Order
from orders.workflow.erasure import delete_account
from orders.workflow.guests import start_guest
from stripe_simulator.server import Simulator
from tests.guests import EMAIL, enter_details, purchase
from tests.makers import (
    add_card,
    add_to_cart,
    make_client_request,
    make_open_order,
    make_paid_order,
    make_product,
    make_user,
)
from tests.visitors import count_queries, sign_in

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make batches small, so that few rows are many batches."""
    monkeypatch.setattr(old_rows, "BATCH", 3)
    monkeypatch.setattr(old_rows, "ROUND", 12)
    monkeypatch.setattr(stale_guests, "GUEST_BATCH", 2)
    monkeypatch.setattr(stale_guests, "GUEST_ROUND", 4)


def make_session(age: timedelta) -> Session:
    return Session.objects.create(session_key=f"key{Session.objects.count()}", expire_date=timezone.now() - age)


def make_cart(age: timedelta) -> Cart:
    cart = Cart.objects.create(session_key=f"visitor{Cart.objects.count()}")
    cart.set_quantity(make_product(), 1)
    return aged(cart, age, "updated")


def aged(row: Any, age: timedelta, *columns: str) -> Any:
    type(row).objects.filter(pk=row.pk).update(**dict.fromkeys(columns, timezone.now() - age))
    row.refresh_from_db()
    return row


def make_attempt(age: timedelta) -> AccessAttempt:
    values = {"user_agent": "", "http_accept": "", "path_info": "/", "failures_since_start": 1}
    attempt = AccessAttempt.objects.create(username=f"u{AccessAttempt.objects.count()}", ip_address="::1", **values)
    return aged(attempt, age, "attempt_time")


def make_event(age: timedelta) -> StripeEvent:
    event = StripeEvent.objects.create(stripe_id=f"evt_{StripeEvent.objects.count()}", type="charge.updated")
    return aged(event, age, "received", "processed")


def make_account_mail(age: timedelta) -> AccountMail:
    return aged(AccountMail.objects.create(kind="reset", to="a@example.org", client="c"), age, "timestamp")


def make_unsent_message(age: timedelta) -> ContactMail:
    return aged(ContactMail.objects.create(to="shop@example.org", message="Hello"), age, "timestamp")


# The kinds of rows with only one condition: how to create one of this age, and how many days it is kept.
SIMPLE: dict[str, tuple[Callable[[timedelta], Model], int]] = {
    "sessions": (make_session, 0),
    "anonymous carts": (make_cart, 60),
    "guest emails": (lambda age: aged(GuestEmail.objects.create(email="g@example.org"), age, "updated"), 30),
    "account emails": (make_account_mail, 90),
    "rejected sign-ups": (lambda age: aged(TakenSignup.objects.create(client="c"), age, "timestamp"), 90),
    "sign-in attempts": (make_attempt, 90),
    "wrong discount codes": (lambda age: aged(WrongCode.objects.create(address="a"), age, "timestamp"), 1),
    "Stripe events": (make_event, 90),
    "messages to the shop": (make_unsent_message, 30),
}


@pytest.mark.parametrize("kind", SIMPLE)
def test_row_is_deleted_after_its_time_and_not_before(kind: str) -> None:
    make, days = SIMPLE[kind]
    old, young = make(days * DAY + timedelta(minutes=1)), make(days * DAY - timedelta(minutes=1))
    pruned, is_more = prune()
    assert {label: count for label, count in pruned.items() if count} == {f"{kind} pruned": 1}
    assert not is_more
    assert list(type(old).objects.values_list("pk", flat=True)) == [young.pk]


# Carts


@pytest.mark.slow
def test_carts_of_users_and_carts_with_a_placed_order_stay(client: Client, other_client: Client) -> None:
    sign_in(client, make_user())
    add_to_cart(client, make_product())
    sold = Cart.objects.create(session_key="sold", active=False)
    make_paid_order(cart=sold)
    Cart.objects.update(updated=timezone.now() - 1000 * DAY)
    prune()
    assert Cart.objects.count() == 2


@pytest.mark.slow
@pytest.mark.parametrize("status", [status for status in Order.Status if status != "open"])
def test_cart_and_payer_of_an_order_stay_whatever_happened_to_it(status: str) -> None:
    order = make_open_order(status=status)
    make_everything_old()
    prune()
    assert Order.objects.filter(cart=order.cart, billing_profile=order.billing_profile).exists()


def test_open_order_goes_with_its_cart() -> None:
    order = make_open_order()
    aged(order.cart, 61 * DAY, "updated")
    assert prune()[0]["anonymous carts pruned"] == 1
    assert not Order.objects.exists()
    assert not CartItem.objects.exists()


@pytest.mark.slow
def test_deleting_a_cart_does_not_update_its_totals_for_each_line() -> None:
    cart = make_cart(61 * DAY)
    cart.set_quantity(make_product(), 1)
    aged(cart, 61 * DAY, "updated")
    with count_queries() as statements:
        prune()
    assert not Cart.objects.exists()
    assert [sql for sql in statements if sql.startswith('UPDATE "carts_cart"')] == []


@pytest.mark.slow
def test_open_order_with_a_payment_intent_stays() -> None:
    make_open_order(payment_intent_id="pi_1")
    make_everything_old()
    prune()
    assert (Order.objects.count(), Cart.objects.count(), BillingProfile.objects.count()) == (1, 1, 1)


@pytest.mark.slow
def test_open_order_that_was_replaced_goes_and_its_successor_stays() -> None:
    order = make_open_order(active=False)
    user = make_user()
    Cart.objects.update(user=user)  # the guest has signed in since
    successor = Order.objects.create(billing_profile=user.billing_profile, cart=order.cart, email=user.email)
    Order.objects.update(updated=timezone.now() - 61 * DAY)
    assert prune()[0]["replaced open orders pruned"] == 1
    assert list(Order.objects.all()) == [successor]


@pytest.mark.slow
def test_carts_are_deleted_in_batches_and_in_several_rounds() -> None:
    for _number in range(14):
        make_cart(61 * DAY)
    young = make_cart(59 * DAY)
    assert [(done["anonymous carts pruned"], more) for done, more in (prune(), prune())] == [(12, True), (2, False)]
    assert list(Cart.objects.all()) == [young]


def use_between(monkeypatch: pytest.MonkeyPatch, use: Callable[[], Any]) -> None:
    """Call `use` once after old rows were found and before they are locked."""
    lock_due, uses = old_rows.lock_due, [use]

    def lock(rows: Any, found: list[Any]) -> list[Any]:
        while uses and found:
            uses.pop()()
        return lock_due(rows, found)

    for module in (old_rows, stale_guests):
        monkeypatch.setattr(module, "lock_due", lock)


@pytest.mark.parametrize("use", ["line", "order", "sign-in", "choice"])
def test_cart_that_is_used_after_it_was_found_stays(monkeypatch: pytest.MonkeyPatch, use: str) -> None:
    cart, user = make_cart(61 * DAY), make_user()
    uses = {
        "line": lambda: cart.set_quantity(make_product(), 2),
        "order": lambda: make_paid_order(cart=cart),
        "sign-in": lambda: Cart.objects.filter(pk=cart.pk).update(user=user),
        "choice": lambda: cart.store_choices(country="FR"),
    }
    use_between(monkeypatch, uses[use])
    assert prune()[0]["anonymous carts pruned"] == 0
    assert CartItem.objects.filter(cart=cart).exists()


# Guests


def make_everything_old(days: int = 1000) -> None:
    """Move the last use of everything into the past."""
    then = timezone.now() - timedelta(days=days)
    for model in (GuestEmail, BillingProfile, Cart, Order):
        model._default_manager.update(updated=then, timestamp=then)
    CardAttempt.objects.update(timestamp=then)


def enter_as_customer(client: Client) -> None:
    """Enter the details of a guest, and create the customer, which would be created after the commit."""
    enter_details(client)
    BillingProfile.objects.get().get_customer()


def customers(simulator: Simulator) -> int:
    return sum(not customer.get("deleted") for customer in simulator.objects("customer"))


@pytest.mark.slow
def test_guest_without_an_order_is_deleted_with_the_customer_at_stripe(client: Client, simulator: Simulator) -> None:
    enter_details(client)
    add_card(client)
    assert (customers(simulator), Address.objects.count(), Card.objects.count()) == (1, 1, 1)
    make_everything_old(31)
    pruned, _is_more = prune()
    assert (pruned["guest emails pruned"], pruned["guests and erased payers pruned"]) == (1, 1)
    for model in (GuestEmail, BillingProfile, Address, Card, CardAttempt, Order):
        assert not model._default_manager.exists(), model
    assert (customers(simulator), Cart.objects.count()) == (0, 1)  # carts are kept for 60 days


@pytest.mark.slow
def test_guest_of_29_days_stays(client: Client, simulator: Simulator) -> None:
    enter_as_customer(client)
    make_everything_old(29)
    prune()
    assert (BillingProfile.objects.count(), GuestEmail.objects.count(), customers(simulator)) == (1, 1, 1)


@pytest.mark.slow
@pytest.mark.usefixtures("simulator")
def test_guest_with_a_placed_order_stays_with_the_email_address_and_the_cart(client: Client) -> None:
    order = purchase(client)
    make_everything_old()
    prune()
    order.refresh_from_db()
    assert order.cart
    assert order.shipping_address
    assert (GuestEmail.objects.get().email, order.billing_profile.email) == (EMAIL, EMAIL)


@pytest.mark.slow
@pytest.mark.usefixtures("simulator")
def test_guest_who_enters_the_same_email_address_again_stays(client: Client) -> None:
    enter_details(client)
    make_everything_old(31)
    start_guest(make_client_request(client), EMAIL)
    prune()
    assert (BillingProfile.objects.get().email, GuestEmail.objects.get().email) == (EMAIL, EMAIL)


def test_user_is_never_deleted_as_a_guest() -> None:
    alice = make_user()
    make_everything_old()
    prune()
    assert alice.billing_profile == BillingProfile.objects.get(forgotten=None)


@pytest.mark.slow
@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("use", ["returns", "places", "signs up"])
def test_guest_who_is_active_after_being_found_stays(monkeypatch: pytest.MonkeyPatch, use: str) -> None:
    order = make_open_order()
    make_everything_old(31)
    profiles, orders = BillingProfile.objects.filter(pk=order.billing_profile_id), Order.objects.filter(pk=order.pk)
    user = make_user()
    BillingProfile.objects.filter(user=user).delete()
    uses = {
        "returns": lambda: profiles.update(updated=timezone.now()),
        "places": lambda: orders.update(status=Order.Status.PLACED),
        "signs up": lambda: profiles.update(user=user),
    }
    use_between(monkeypatch, uses[use])
    prune()
    assert (profiles.get().forgotten, orders.count()) == (None, 1)


@pytest.mark.slow
def test_guest_waits_for_a_silent_stripe_and_nothing_else_does(client: Client, simulator: Simulator) -> None:
    enter_as_customer(client)
    make_everything_old(31)
    make_event(91 * DAY)
    simulator.add_fault("/v1/customers/*", "drop_before", method="DELETE", times=0)
    pruned, is_more = prune()
    assert (pruned["guests and erased payers pruned"], pruned["Stripe events pruned"], is_more) == (0, 1, False)
    assert (BillingProfile.objects.get().email, customers(simulator)) == ("", 1)
    simulator.clear_faults()
    assert reconcile()["customers erased"] == 1
    assert prune()[0]["guests and erased payers pruned"] == 1
    assert (BillingProfile.objects.count(), customers(simulator)) == (0, 0)


@pytest.mark.slow
def test_no_more_guests_are_erased_than_stripe_can_delete(simulator: Simulator) -> None:
    for number in range(5):
        BillingProfile.objects.create(email=f"guest{number}@example.org").get_customer()
    make_everything_old(31)
    simulator.add_fault("/v1/customers/*", "drop_before", method="DELETE", times=0)
    for _round in range(3):
        prune()
    assert BillingProfile.objects.exclude(forgotten=None).count() == stale_guests.GUEST_BATCH
    simulator.clear_faults()
    reconcile()
    while prune()[1]:
        pass
    assert (BillingProfile.objects.count(), customers(simulator)) == (0, 0)


@pytest.mark.slow
def test_process_killed_between_stripe_and_the_row_is_completed(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_as_customer(client)
    make_everything_old(31)
    with monkeypatch.context() as patch:
        patch.setattr(gateway, "delete_customer", kill_after(gateway.delete_customer))
        with pytest.raises(SystemExit):
            prune()
    assert (customers(simulator), BillingProfile.objects.count()) == (0, 1)
    assert reconcile()["customers erased"] == 1
    prune()
    assert not BillingProfile.objects.exists()
    assert audit() == []


def kill_after(work: Callable[[str], None]) -> Callable[[str], None]:
    def work_and_die(customer: str) -> None:
        work(customer)
        raise SystemExit

    return work_and_die


@pytest.mark.slow
@pytest.mark.usefixtures("simulator")
def test_erased_user_without_an_order_leaves_no_profile_after_the_card_attempts_are_deleted(client: Client) -> None:
    alice = make_user()
    sign_in(client, alice)
    add_card(client)
    delete_account(alice)
    prune()
    assert BillingProfile.objects.count() == CardAttempt.objects.count() == 1  # the limits count it for a day
    CardAttempt.objects.update(timestamp=timezone.now() - 2 * DAY)
    prune()
    assert BillingProfile.objects.count() == CardAttempt.objects.count() == 0


# Other rows


@pytest.mark.slow
def test_unprocessed_event_and_attempt_to_check_stay() -> None:
    StripeEvent.objects.create(stripe_id="evt_1", type="charge.updated")
    StripeEvent.objects.update(received=timezone.now() - 1000 * DAY)
    profile = make_user().billing_profile
    for is_due in (True, False):
        CardAttempt.objects.create(billing_profile=profile, kind="add", address="x", is_check_due=is_due)
    CardAttempt.objects.update(timestamp=timezone.now() - 1000 * DAY)
    assert prune()[0]["card attempts pruned"] == 1
    assert (StripeEvent.objects.count(), CardAttempt.objects.get().is_check_due) == (1, True)


@pytest.mark.slow
def test_email_that_was_never_sent_is_deleted_too() -> None:
    make_account_mail(91 * DAY)
    assert prune()[0]["account emails pruned"] == 1


@pytest.mark.slow
def test_session_that_is_renewed_after_it_was_found_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    make_session(DAY)
    use_between(monkeypatch, lambda: Session.objects.update(expire_date=timezone.now() + DAY))
    assert prune()[0]["sessions pruned"] == 0
    assert Session.objects.count() == 1


def test_step_that_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise ZeroDivisionError

    make_event(91 * DAY)
    monkeypatch.setattr(pruning, "STEPS", {"carts": fail, **pruning.STEPS})
    monkeypatch.setattr(pruning, "DAILY", {"fails": fail, **pruning.DAILY})
    pruned, _is_more = prune()
    assert ("carts pruned" in pruned, pruned["Stripe events pruned"]) == (False, 1)
    assert (last_finished("fails"), last_finished(STATISTICS) is None) == (None, False)


@pytest.mark.parametrize(("left", "is_more"), [((True, False), True), ((False, True), True), ((False, False), False)])
def test_rows_of_any_kind_that_are_left_ask_for_another_round(
    monkeypatch: pytest.MonkeyPatch, left: tuple[bool, bool], is_more: bool
) -> None:
    monkeypatch.setattr(pruning, "STEPS", {"carts": lambda: (1, left[0]), "sessions": lambda: (2, left[1])})
    assert prune() == ({"carts pruned": 1, "sessions pruned": 2}, is_more)


@pytest.mark.slow
def test_times_are_settings(settings: Any) -> None:
    settings.KEEP_DAYS = settings.KEEP_DAYS | {"carts": 7}
    make_cart(8 * DAY)
    assert prune()[0]["anonymous carts pruned"] == 1


@pytest.mark.slow
@pytest.mark.usefixtures("simulator")
def test_command_prints_what_was_deleted() -> None:
    for _number in range(3):
        make_session(DAY)
    output = StringIO()
    call_command("reconcile", stdout=output)
    assert output.getvalue() == "3 sessions pruned\n"


@pytest.mark.slow
def test_command_deletes_old_rows_even_if_stripe_does_not_answer() -> None:
    make_session(DAY)
    with pytest.raises(SystemExit):
        call_command("reconcile", stdout=StringIO(), stderr=StringIO())
    assert not Session.objects.exists()


@pytest.mark.slow
def test_command_continues_in_the_next_round_only_if_rows_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    for _number in range(20):
        make_session(DAY)
    rounds: list[int] = []

    def wait(command: Any, seconds: float) -> None:
        rounds.append(Session.objects.count())
        if len(rounds) == 1:
            return
        if len(rounds) == 2:
            make_session(DAY)  # not deleted before an hour has passed
            return
        raise KeyboardInterrupt

    monkeypatch.setattr(Command, "_send_emails_for", wait)
    monkeypatch.setattr("orders.management.commands.reconcile.close_old_connections", lambda: None)
    with pytest.raises(KeyboardInterrupt):
        call_command("reconcile", "--every", "60", stdout=StringIO(), stderr=StringIO())
    assert rounds == [8, 0, 1]
