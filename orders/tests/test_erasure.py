"""Tests for the erasure of a person: it leaves no personal data in any table, and changes nobody else's rows."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection, models
from django.test import Client
from django.utils import timezone

from accounts.models import AccountMail, GuestEmail, User
from accounts.tests.mailbox import send_and_get_link
from addresses.models import Address
from billing.models import BillingProfile
from carts.models import Cart
from orders.bookkeeping.audit import audit
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order, OrderEvent, Payment, Refund
from orders.workflow.erasure import (
    RETAINED,
    OrdersInProgress,
    Person,
    delete_account,
    erase_person,
    person_of_guest_email,
    person_of_order,
)
from orders.workflow.personal_data import export_personal_data
from products.models import StockMovement
from stripe_simulator.server import Simulator
from tests.makers import PASSWORD, add_to_cart, buy, make_product, make_shipment, make_user, ship, submit_details
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
STREET, PHONE, NAME = "17 Larkspur Row", "07700 900123", "Wilhelmina Quist"
EMAILS = ["first@example.org", "second@example.net", "third@example.com"]
DETAILS = {"name": NAME, "line_1": STREET, "line_2": PHONE}


def text_of_tables() -> Iterator[tuple[str, str, str]]:
    """Yield table, column and text of each value in the database that is no number, with sessions decoded."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names of our own tables
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                yield from ((table, name, str(value)) for name, value in zip(columns, row, strict=True) if value)
    for session in Session.objects.all():
        yield Session._meta.db_table, "session_data", str(session.get_decoded())


def traces(*words: str) -> set[str]:
    """Return the columns that contain one of the words, as "table.column"."""
    found = [(table, name) for table, name, text in text_of_tables() for word in words if word.lower() in text.lower()]
    return {f"{table}.{name}" for table, name in found}


def snapshot() -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables."""
    rows: dict[str, list[tuple[Any, ...]]] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names of our own tables
            rows[table] = cursor.fetchall()
    return rows


def log(row: models.Model, by: User, text: str) -> LogEntry:
    return LogEntry.objects.create(
        user=by, content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk), object_repr=str(row)[:200],
        action_flag=CHANGE, change_message=f'[{{"changed": {{"old": "{text}"}}}}]',
    )  # fmt: skip


def note_everywhere(order: Order, staff: User) -> None:
    """Write the person's details into every text that staff, banks or the shop write about an order."""
    text = f"{NAME}, {STREET}, {PHONE}, {order.email}"
    Order.objects.filter(pk=order.pk).update(attention=text)
    make_shipment(order, units={}, tracking=NAME)
    order.record(OrderEvent.Kind.ALERTED, by="shop", text=text)
    payment = order.payments.get()
    Payment.objects.filter(pk=payment.pk).update(message=text)
    Refund.objects.create(payment=payment, amount=1, currency="gbp", status="failed", reason=text[:120], message=text)
    for row in (order, order.billing_profile, *Address.objects.filter(billing_profile=order.billing_profile)):
        log(row, staff, text)


def note_sign_ins(email: str) -> None:
    for model in (AccessAttempt, AccessFailureLog, AccessLog):
        more = {"failures_since_start": 1} if model is AccessAttempt else {}
        model.objects.create(username=email, ip_address="192.0.2.1", attempt_time=timezone.now(), **more)


def make_member(client: Client, staff: User) -> User:
    """Return a member who bought something and changed their email address twice, verifying each one."""
    client.post("/accounts/signup/", {"name": NAME, "email": EMAILS[0], "password": PASSWORD})
    user = User.objects.get(email=EMAILS[0])
    for number, email in enumerate(EMAILS):
        if number:
            client.post("/accounts/email/", {"email": email, "password": PASSWORD})
        client.post("/accounts/verify/")
        client.post(send_and_get_link())
        client.post("/accounts/password-reset/", {"email": email})
        Client().post("/accounts/login/", {"email": email, "password": "wrong"})
        note_sign_ins(email)
        user.refresh_from_db()
        assert user.has_verified_email
        log(user, staff, email)
    return user


@pytest.fixture
def staff() -> User:
    return make_user("boss@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def member(client: Client, simulator: Simulator, staff: User) -> User:
    """Return the member of `make_member` with a shipped order, notes about it, and a cart with details."""
    user = make_member(client, staff)
    order = buy(client, make_product())
    ship(order, by=staff.email)
    Order.objects.filter(pk=order.pk).update(
        shipping_address_text=f"{NAME}\n{STREET}\n{PHONE}\nUnited Kingdom", email=EMAILS[2]
    )
    Address.objects.update(name=NAME, line_1=STREET, line_2=PHONE)
    note_everywhere(Order.objects.get(pk=order.pk), staff)
    add_to_cart(client, make_product())
    submit_details(client, EMAILS[2], **DETAILS)
    session = client.session
    session["details_draft"] = {"shipping-name": NAME}
    session.save()
    gone = Address.objects.create(billing_profile=user.billing_profile, country="GB", **DETAILS)
    log(gone, staff, NAME)
    gone.delete()
    return user


def personal_traces() -> set[str]:
    return traces(NAME, STREET, PHONE, *EMAILS)


@pytest.mark.slow
def test_no_table_contains_a_member_who_changed_the_email_twice(member: User) -> None:
    assert {"accounts_user.name", "django_session.session_data", "axes_accesslog.username"} <= personal_traces()
    delete_account(member)
    assert personal_traces() == set()
    assert [finding.rule for finding in audit() if finding.rule != "I5"] == []


@pytest.mark.slow
def test_unshipped_order_keeps_only_retained_columns_until_it_is_shipped(member: User) -> None:
    Order.objects.filter(status=Order.Status.SHIPPED).update(status=Order.Status.PAID, paid_at=timezone.now())
    delete_account(member)
    retained = {
        f"{apps.get_model(label)._meta.db_table}.{name}"
        for label, names in RETAINED[0].columns.items()
        for name in names
    }
    assert {"orders_order.email"} <= personal_traces() <= retained
    Order.objects.filter(status=Order.Status.PAID).update(status=Order.Status.SHIPPED)
    reconcile()
    assert personal_traces() == set()


# Guests


def make_guest_order(client: Client, email: str = EMAILS[0], **details: str) -> Order:
    """Buy something as a guest with this email address, and ship it."""
    submit_email(client, email)
    order = buy(client, make_product())
    ship(order, by="boss@example.org")
    text = f"{NAME}\n{STREET}\n{PHONE}\nUnited Kingdom"
    Order.objects.filter(pk=order.pk).update(shipping_address_text=text, billing_address_text=text)
    Address.objects.filter(billing_profile=order.billing_profile).update(name=NAME, line_1=STREET, line_2=PHONE)
    return Order.objects.get(pk=order.pk)


def submit_email(client: Client, email: str) -> None:
    """Enter the details of a guest with this email address."""
    add_to_cart(client, make_product())
    client.post("/accounts/guest/", {"email": email})
    submit_details(client, email, **DETAILS)


@pytest.mark.slow
def test_no_table_contains_an_erased_guest(client: Client, simulator: Simulator, staff: User) -> None:
    submit_email(client, EMAILS[1])  # a typing error, corrected before the order
    order = make_guest_order(client)
    note_everywhere(order, staff)
    note_sign_ins(EMAILS[0])
    client.post("/accounts/password-reset/", {"email": EMAILS[0]})
    assert "accounts_guestemail.email" in personal_traces()
    person = person_of_order(order)
    assert person
    erase_person(person, by=staff)
    assert traces(NAME, STREET, PHONE, EMAILS[0]) == set()
    entry = LogEntry.objects.latest("pk")
    assert (entry.user, entry.object_repr) == (staff, f"#{order.billing_profile_id}")
    assert BillingProfile.objects.get(pk=order.billing_profile_id).customer_id == ""


@pytest.mark.slow
def test_guest_with_the_same_email_stays_unless_staff_pick_them(
    client: Client, other_client: Client, simulator: Simulator
) -> None:
    order, other = make_guest_order(client), make_guest_order(other_client)
    note_sign_ins(EMAILS[0])
    person = person_of_order(order)
    assert person
    assert list(person.other_guests()) == [other.billing_profile]
    erase_person(person)
    other.refresh_from_db()
    assert (other.email, AccessAttempt.objects.count()) == (EMAILS[0], 1)
    picked = person_of_order(other)
    assert picked
    erase_person(picked)
    assert personal_traces() == set()


@pytest.mark.slow
def test_guest_email_without_an_order_is_erased_with_its_profile(client: Client, simulator: Simulator) -> None:
    submit_email(client, EMAILS[0])
    erase_person(person_of_guest_email(GuestEmail.objects.get()))
    assert personal_traces() == set()
    assert (GuestEmail.objects.exists(), Session.objects.exists()) == (False, False)
    assert client.get("/cart/").status_code == 200


@pytest.mark.slow
def test_order_of_a_claimed_profile_belongs_to_the_account(client: Client, simulator: Simulator) -> None:
    order = make_guest_order(client)
    alice = make_user(EMAILS[0], email_verified=EMAILS[0])
    Order.objects.claim(alice)
    person = person_of_order(Order.objects.get(pk=order.pk))
    assert person is not None
    assert person.user == alice
    assert Person.of_guest([order.billing_profile_id]).profiles == ()
    delete_account(alice)
    assert personal_traces() == set()


# Strangers


@pytest.mark.slow
def test_unverified_email_reaches_nothing_of_a_stranger(
    client: Client, other_client: Client, simulator: Simulator
) -> None:
    stranger = EMAILS[1]
    make_guest_order(other_client, stranger)
    note_sign_ins(stranger)
    other_client.post("/accounts/password-reset/", {"email": stranger})
    GuestEmail.objects.create(email=stranger)
    before = snapshot()
    client.post("/accounts/signup/", {"name": "Mallory", "email": EMAILS[0], "password": PASSWORD})
    mallory = User.objects.get()
    client.post("/accounts/email/", {"email": stranger, "password": PASSWORD})
    mallory.refresh_from_db()
    assert mallory.email == stranger
    delete_account(mallory)
    after = snapshot()
    missing = {table: [row for row in rows if row not in after[table]] for table, rows in before.items()}
    assert {table: rows for table, rows in missing.items() if rows and not table.startswith("sqlite_")} == {}
    assert traces(EMAILS[0], "Mallory") == set()


@pytest.mark.slow
def test_earlier_email_of_another_account_reaches_nothing_of_that_account() -> None:
    """A member gives up an email address, and somebody else signs up with it."""
    alice = make_user(EMAILS[0], email_verified=EMAILS[0])
    alice.email = EMAILS[1]
    alice.save()
    bob = make_user(EMAILS[0], email_verified=EMAILS[0])
    note_sign_ins(EMAILS[0])
    AccountMail.objects.queue("reset", EMAILS[0], "client", None)
    log(bob, make_user("boss@example.org"), EMAILS[0])
    delete_account(alice)
    assert {"axes_accessattempt.username", "accounts_accountmail.to", "accounts_user.email"} <= traces(EMAILS[0])
    assert "django_admin_log.object_repr" in traces(EMAILS[0])
    assert traces(EMAILS[1]) == set()


def test_notes_of_the_time_of_an_unverified_email_are_erased() -> None:
    alice = make_user(EMAILS[0])
    note_sign_ins(EMAILS[0])
    AccountMail.objects.queue("reset", EMAILS[0], "client", None)
    alice.email = EMAILS[1]
    alice.save()
    note_sign_ins(EMAILS[1])
    delete_account(alice)
    assert traces(*EMAILS) == set()


def test_session_of_another_account_in_the_same_browser_stays(client: Client, other_client: Client) -> None:
    alice, bob = make_user(), make_user("bob@example.org")
    sign_in(client, alice)
    sign_in(other_client, bob)
    session = other_client.session
    session["billing_profile_id"] = alice.billing_profile.pk
    session.save()
    delete_account(alice)
    assert [row.get_decoded()["_auth_user_id"] for row in Session.objects.all()] == [str(bob.pk)]


# Staff


def test_log_of_an_erased_member_of_staff_stays_without_their_name(staff: User) -> None:
    clerk = make_user(EMAILS[0], name=NAME, is_staff=True)
    product = make_product()
    StockMovement.objects.create(product=product, kind="adjusted", amount=1, by=EMAILS[0])
    log(product, clerk, "16.00")
    delete_account(clerk)
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.user.pk) == (str(product), clerk.pk)
    assert (entry.user.is_active, entry.user.is_staff, entry.user.is_erased) == (False, False, True)
    assert product.movements.filter(by=f"#{clerk.pk}").count() == 1
    assert personal_traces() == set()
    delete_account(User.objects.get(pk=clerk.pk))
    assert LogEntry.objects.count() == 1


def test_last_superuser_is_not_erased(staff: User) -> None:
    with pytest.raises(Exception, match="last active superuser"):
        delete_account(staff)
    assert User.objects.get().email == staff.email


# Interruptions


@pytest.mark.slow
def test_rows_that_a_request_wrote_after_the_erasure_are_erased_by_reconcile() -> None:
    alice = make_user(EMAILS[0])
    profile = BillingProfile.objects.get(user=alice)
    delete_account(alice)
    profile.refresh_from_db()
    BillingProfile.objects.filter(pk=profile.pk).update(email=EMAILS[0])
    Address.objects.create(billing_profile=profile, country="GB", **DETAILS)
    Order.objects.create(billing_profile=profile, email=EMAILS[0])
    assert reconcile()["erasures finished"] == 1
    assert personal_traces() == set()
    assert reconcile()["erasures finished"] == 0


@pytest.mark.slow
def test_erasure_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = make_user(EMAILS[0], name=NAME)
    Cart.objects.create(user=alice)
    before = snapshot()
    monkeypatch.setattr("orders.workflow.erasure.erase.delete_sessions", lambda keys: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        delete_account(alice)
    assert snapshot() == before
    monkeypatch.undo()
    delete_account(alice)
    delete_account(alice)  # a second press changes nothing more
    assert personal_traces() == set()


def test_order_placed_after_the_page_was_shown_rejects_the_erasure(client: Client) -> None:
    alice = make_user(EMAILS[0])
    order = Order.objects.create(billing_profile=alice.billing_profile, email=EMAILS[0])
    person = Person.of_user(alice)
    Order.objects.filter(pk=order.pk).update(status=Order.Status.PLACED, placed_at=timezone.now())
    before = snapshot()
    with pytest.raises(OrdersInProgress):
        erase_person(person)
    assert snapshot() == before


def test_deleted_address_disappears_from_the_log(staff: User) -> None:
    address = Address.objects.create(billing_profile=staff.billing_profile, country="GB", **DETAILS)
    log(address, staff, STREET)
    pk = address.pk
    address.delete()
    assert [entry.object_repr for entry in LogEntry.objects.all()] == [f"#{pk}"]
    assert personal_traces() == set()


def test_export_contains_earlier_emails_and_no_mails_of_a_stranger() -> None:
    AccountMail.objects.queue("reset", EMAILS[1], "client", None)
    AccountMail.objects.update(timestamp=timezone.now() - timedelta(days=1))
    alice = make_user(EMAILS[0])
    alice.email = EMAILS[1]
    alice.save()
    data = export_personal_data(alice)
    assert [row["email"] for row in data["earlier_emails"]] == [EMAILS[0]]
    assert [(row["kind"], row["to"]) for row in data["mails"]] == [("changed", EMAILS[0])]
