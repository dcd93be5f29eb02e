"""Tests for background work by workers of the database engine: what they do, and what happens when a task is lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import DatabaseError
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.models import AccountMail
from billing.models import BillingProfile, Card
from core.background.tasks import start
from orders.bookkeeping.old_rows import old_tasks
from orders.bookkeeping.reconcile import reconcile, send_emails
from orders.emails.sending import send_confirmation
from orders.models import Mail, Order
from stripe_simulator.server import Simulator
from tests.instant_gateway import InstantGateway
from tests.makers import add_card, buy, make_product, make_user
from tests.workers import run_tasks, use_workers

pytestmark = pytest.mark.django_db
Kind = Mail.Kind


@pytest.fixture(autouse=True)
def gateway(monkeypatch: pytest.MonkeyPatch, settings: Any) -> InstantGateway:
    """Let Stripe answer at once, and tasks wait for a worker."""
    use_workers(settings)
    gateway = InstantGateway()
    gateway.install(monkeypatch)
    return gateway


def pass_minutes(minutes: int) -> None:
    Mail.objects.update(tried_at=F("tried_at") - timedelta(minutes=minutes))


def sent_kinds(order: Order) -> list[str]:
    return sorted(order.mails.exclude(sent=None).values_list("kind", flat=True))


@pytest.mark.django_db(transaction=True)
def test_worker_sends_the_emails_of_a_paid_order(client: Client) -> None:
    order = buy(client, make_product())
    assert (order.status, mail.outbox) == (Order.Status.PAID, [])
    run_tasks()
    assert sent_kinds(order) == [Kind.CONFIRMATION, Kind.NEW_ORDER]
    assert not DBTaskResult.objects.exclude(status=TaskResultStatus.SUCCESSFUL).exists()


def test_reconcile_sends_the_emails_of_lost_tasks_once(client: Client) -> None:
    order = buy(client, make_product())
    lost = list(DBTaskResult.objects.all())
    DBTaskResult.objects.all().delete()
    pass_minutes(2)
    send_emails()
    assert sent_kinds(order) == [Kind.CONFIRMATION, Kind.NEW_ORDER]
    DBTaskResult.objects.bulk_create(lost)  # the worker was only very slow
    run_tasks()
    assert len(mail.outbox) == 2


def test_nothing_waits_for_a_task_of_a_killed_worker(client: Client) -> None:
    order = buy(client, make_product())
    for task in DBTaskResult.objects.all():
        task.claim("killed")
    run_tasks()
    assert mail.outbox == []
    pass_minutes(2)
    reconcile()
    assert sent_kinds(order) == [Kind.CONFIRMATION, Kind.NEW_ORDER]


def test_order_is_paid_although_the_task_engine_fails(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("no space left")

    monkeypatch.setattr(DBTaskResult.objects, "create", fail)
    order = buy(client, make_product())
    assert order.status == Order.Status.PAID
    pass_minutes(2)
    send_emails()
    assert sent_kinds(order) == [Kind.CONFIRMATION, Kind.NEW_ORDER]


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_worker_process_ends_when_no_task_is_left(client: Client) -> None:
    buy(client, make_product())
    call_command("db_worker", queue_name="*", batch=True, reload=False, startup_delay=False, interval=0, verbosity=0)
    assert len(mail.outbox) == 2


@pytest.mark.django_db(transaction=True)
def test_worker_sends_a_requested_link_without_reconcile(client: Client) -> None:
    make_user("alice@example.org")
    client.post(reverse("accounts:password_reset"), {"email": "alice@example.org"})
    assert (AccountMail.objects.count(), mail.outbox) == (1, [])
    run_tasks()
    assert [message.to for message in mail.outbox] == [["alice@example.org"]]


def test_requests_for_known_and_unknown_people_start_the_same_tasks(client: Client) -> None:
    make_user("alice@example.org")
    started = []
    for email in ("alice@example.org", "nobody@example.org"):
        client.post(reverse("accounts:password_reset"), {"email": email})
        started.append(sorted(DBTaskResult.objects.values_list("task_path", "args_kwargs")))
        DBTaskResult.objects.all().delete()
    assert started[0] == started[1]


def test_worker_detaches_the_card_that_a_guest_paid_with(client: Client, gateway: InstantGateway) -> None:
    buy(client, make_product())
    assert Card.objects.to_detach().count() == 1
    run_tasks()
    assert Card.objects.to_detach().count() == 0


def test_worker_detaches_a_removed_card(client: Client) -> None:
    client.force_login(make_user("alice@example.org"))
    card = Card.objects.get(pk=add_card(client).json()["card"])
    client.post(reverse("accounts:card_remove", args=[card.pk]))
    card.refresh_from_db()
    assert (card.active, card.is_detach_due) == (False, True)
    run_tasks()
    card.refresh_from_db()
    assert card.is_detach_due is False


@pytest.mark.django_db(transaction=True)
def test_worker_updates_the_customer_of_a_changed_email_address(simulator: Simulator) -> None:
    user = make_user("alice@example.org")
    profile = BillingProfile.objects.get(user=user)
    assert profile.customer_email == "alice@example.org"
    user.email = "new@example.org"
    user.save()
    profile.refresh_from_db()
    assert (profile.email, profile.customer_email) == ("new@example.org", "alice@example.org")
    run_tasks()
    profile.refresh_from_db()
    assert profile.customer_email == "new@example.org"


def test_arguments_of_tasks_contain_no_personal_data(client: Client) -> None:
    buy(client, make_product())
    client.post(reverse("accounts:password_reset"), {"email": "guest@example.org"})
    arguments = str(list(DBTaskResult.objects.values_list("args_kwargs", flat=True)))
    assert "confirmation" not in arguments
    assert "@" not in arguments


def test_old_tasks_are_pruned(client: Client) -> None:
    start(send_confirmation, 0, "2026-01-01T00:00:00+00:00")
    run_tasks()
    start(send_confirmation, 0, "2026-01-01T00:00:00+00:00")
    assert old_tasks().count() == 0
    DBTaskResult.objects.update(
        finished_at=F("finished_at") - timedelta(days=1), enqueued_at=F("enqueued_at") - timedelta(days=2)
    )
    assert old_tasks().count() == 1
    DBTaskResult.objects.update(enqueued_at=F("enqueued_at") - timedelta(days=6))
    assert old_tasks().count() == 2
