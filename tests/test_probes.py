"""Tests of /healthz and /readyz."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from accounts.models import AccountMail
from billing.models import StripeEvent
from core.background.models import BackgroundRun, record_finish
from ecommerce import __version__
from orders.bookkeeping.reconcile import RECONCILE
from tests.visitors import count_queries

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
PATHS = ["/healthz", "/readyz"]
PARTS = {"last_finished_reconcile", "oldest_unsent_email", "oldest_unprocessed_event"}
STRANGER = {"REMOTE_ADDR": "192.0.2.1"}


@pytest.fixture(autouse=True)
def finished_reconcile(db: None) -> None:
    record_finish(RECONCILE)


def details(client: Client, **options: Any) -> dict[str, Any]:
    response = client.get("/readyz", **options)
    assert response.status_code == 200
    return response.json()


@pytest.mark.parametrize("path", PATHS)
def test_probe_needs_no_host_name_and_no_https(client: Client, settings: Any, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = client.get(path, headers={"Host": "10.0.0.5"})
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")
    assert not response.cookies


@pytest.mark.parametrize("path", PATHS)
def test_probe_accepts_only_get_and_head(client: Client, path: str) -> None:
    assert [client.head(path).status_code, client.post(path).status_code] == [200, 405]


@pytest.mark.parametrize("path", PATHS)
def test_probe_answers_in_maintenance(client: Client, settings: Any, path: str) -> None:
    settings.MAINTENANCE = True
    assert client.get(path).status_code == 200


def test_healthz_asks_no_database(client: Client) -> None:
    with count_queries() as queries:
        assert client.get("/healthz").text == "ok"
    assert queries == []


def test_readyz_says_that_the_database_is_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", fail)
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "unavailable")
    assert response.headers["Retry-After"] == "10"
    assert client.get("/healthz").status_code == 200


def test_readyz_says_that_a_migration_is_missing(client: Client) -> None:
    MigrationRecorder(connection).record_unapplied("orders", "0001_initial")
    response = client.get("/readyz")
    assert (response.status_code, "manage.py migrate" in response.json()["reason"]) == (503, True)


def test_migration_of_a_newer_release_does_not_matter(client: Client) -> None:
    MigrationRecorder(connection).record_applied("orders", "9999_next")
    assert client.get("/readyz").json()["status"] == "ok"


def make_late_email() -> None:
    AccountMail.objects.queue("reset", "alice@example.org", "client", None)
    AccountMail.objects.update(timestamp=timezone.now() - timedelta(minutes=16))


def make_late_event() -> None:
    StripeEvent.objects.create(stripe_id="evt_1", type="charge.succeeded")
    StripeEvent.objects.update(received=timezone.now() - timedelta(minutes=16))


def make_late_reconcile() -> None:
    BackgroundRun.objects.update(finished=timezone.now() - timedelta(minutes=16))


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (make_late_email, "oldest_unsent_email"), (make_late_event, "oldest_unprocessed_event"),
        (make_late_reconcile, "last_finished_reconcile"),
    ],
)  # fmt: skip
def test_late_work_makes_the_shop_degraded(client: Client, make: Any, part: str) -> None:
    assert details(client)["status"] == "ok"
    make()
    found = details(client)
    assert found["status"] == "degraded"
    assert [name for name, value in found.items() if name not in ("status", "version") and value["is_late"]] == [part]
    assert 950 < found[part]["seconds"] < 1000


def test_reconcile_that_never_finished_makes_the_shop_degraded(client: Client) -> None:
    BackgroundRun.objects.update(began=timezone.now(), finished=None)
    assert details(client)["last_finished_reconcile"] == {"seconds": None, "is_late": True}


def test_cache_that_fails_makes_the_shop_degraded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(cache, "set", fail)
    assert (details(client)["status"], details(client)["cache"]["is_late"]) == ("degraded", True)


@pytest.mark.parametrize(
    "options",
    [
        STRANGER, {"headers": {"X-Forwarded-For": "192.0.2.1"}}, {"headers": {"Forwarded": "for=192.0.2.1"}},
        {"REMOTE_ADDR": ""}, STRANGER | {"headers": {"Authorization": "Bearer wrong"}},
        STRANGER | {"headers": {"Authorization": ""}},
    ],
)  # fmt: skip
def test_strangers_learn_only_that_the_shop_is_ready(client: Client, settings: Any, options: dict[str, Any]) -> None:
    settings.PROBE_TOKEN = "a secret token"
    make_late_email()
    assert details(client, **options) == {"status": "ok"}


def test_without_a_token_an_empty_one_opens_nothing(client: Client, settings: Any) -> None:
    settings.PROBE_TOKEN = ""
    assert details(client, **STRANGER, headers={"Authorization": "Bearer "}) == {"status": "ok"}


def test_token_shows_the_details(client: Client, settings: Any) -> None:
    settings.PROBE_TOKEN = "a secret token"
    found = details(client, **STRANGER, headers={"Authorization": "Bearer a secret token"})
    assert set(found) == {"status", "version", "cache", *PARTS}
    assert found["version"] == __version__
