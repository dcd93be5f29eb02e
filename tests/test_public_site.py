"""Tests that a shop that others can reach does not start with unsafe settings."""

import itertools
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as shop
from django.core.exceptions import ImproperlyConfigured

from ecommerce.operations import checks
from tests.test_settings import PRODUCTION, start

SAFE: dict[str, Any] = {
    "DEBUG": False, "SITE_HOST": "shop.example", "IS_TLS": True, "SECRET_KEY": PRODUCTION["SECRET_KEY"],
    "SECRET_KEY_FALLBACKS": [], "STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_PUBLISHABLE_KEY": "pk_live_x",
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "SUPPORT_EMAIL": "support@shop.example",
    "DEFAULT_FROM_EMAIL": "orders@shop.example", "STAFF_EMAIL": "staff@shop.example",
    "DATABASES": {"default": {"ENGINE": "core.database.postgresql"}},
    "CACHES": {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}},
    "TASK_ENGINE": "database", "STAFF_SECOND_FACTOR": "optional",
    "DEVELOPMENT_KEY": shop.DEVELOPMENT_KEY, "EMAIL_DEFAULTS": shop.EMAIL_DEFAULTS,
}  # fmt: skip
UNSAFE: list[tuple[str, Any, str]] = [
    ("DEBUG", True, "shop.E001"),
    ("SECRET_KEY", shop.DEVELOPMENT_KEY, "shop.E002"),
    ("SECRET_KEY", "k" * 49 + "j", "shop.E002"),
    ("SECRET_KEY", "a key of forty-nine characters: it is too short..", "shop.E002"),
    ("SECRET_KEY_FALLBACKS", ["short"], "shop.E002"),
    ("IS_TLS", False, "shop.E003"),
    ("STRIPE_PUBLISHABLE_KEY", "pk_test_x", "shop.E004"),
    ("EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend", "shop.E005"),
    ("SUPPORT_EMAIL", "help@shop.example", "shop.E006"),
    ("DEFAULT_FROM_EMAIL", '"Hearth & Clay" <shop@shop.example>', "shop.E006"),
]
DOUBTFUL: list[tuple[str, Any, str]] = [
    ("STAFF_EMAIL", "", "shop.W001"),
    ("DATABASES", {"default": {"ENGINE": "django.db.backends.sqlite3"}}, "shop.W002"),
    ("CACHES", {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}, "shop.W003"),
    ("TASK_ENGINE", "immediate", "shop.W004"),
    ("STAFF_SECOND_FACTOR", "off", "shop.W005"),
]


def ids(patch: pytest.MonkeyPatch, *changes: tuple[str, Any]) -> list[str]:
    """Let the checks see a safe public site with these changes, and return the ids of their messages."""
    patch.setattr(checks, "settings", SimpleNamespace(**SAFE | dict(changes)))
    return [str(message.id) for message in [*checks.check_public_site(), *checks.check_dependencies()]]


def test_safe_site_has_no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ids(monkeypatch) == []
    checks.reject_unsafe_settings()


@pytest.mark.parametrize(("name", "value", "expected"), UNSAFE + DOUBTFUL)
def test_each_unsafe_setting_has_a_message_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any, expected: str
) -> None:
    assert ids(monkeypatch, (name, value)) == [expected]
    assert all(message.hint for message in [*checks.check_public_site(), *checks.check_dependencies()])


def test_any_unsafe_settings_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try each pair of unsafe settings, and 200 random sets of them."""
    random = Random(1)  # noqa: S311
    subsets = [random.sample(UNSAFE, random.randint(1, len(UNSAFE))) for _number in range(200)]
    for subset in [*map(list, itertools.combinations(UNSAFE, 2)), *subsets]:
        by_name = {name: (value, expected) for name, value, expected in subset}
        found = ids(monkeypatch, *((name, value) for name, (value, _expected) in by_name.items()))
        assert set(found) == {expected for _value, expected in by_name.values()}
        with pytest.raises(ImproperlyConfigured, match=r"\(shop\.E00"):
            checks.reject_unsafe_settings()


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("name", "value", "_expected"), UNSAFE)
def test_site_on_this_machine_with_test_payments_may_have_all_defaults(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any, _expected: str
) -> None:
    local = [("SITE_HOST", "127.0.0.1"), ("STRIPE_SECRET_KEY", "sk_test_simulator_x"), ("DATABASES", {})]
    assert ids(monkeypatch, *local, (name, value)) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_live_key_makes_any_site_public(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert ids(monkeypatch, ("SITE_HOST", host), ("DEBUG", True)) == ["shop.E001"]


def test_rq_without_redis_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = ("CACHES", {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}})
    assert ids(monkeypatch, ("TASK_ENGINE", "rq"), ("SITE_HOST", "127.0.0.1"), ("STRIPE_SECRET_KEY", ""), cache) == [
        "shop.E007"
    ]


# Whole starts


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"DEBUG": "", "SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"DEBUG": "on"}, "Set DEBUG=off. (shop.E001)"),
        ({"SITE_URL": "http://shop.example"}, "(shop.E003)"),
        ({"STRIPE_SECRET_KEY": "rk_live_x", "STRIPE_PUBLISHABLE_KEY": "pk_test_x"}, "(shop.E004)"),
        ({"EMAIL_URL": ""}, "(shop.E005)"),
        ({"SUPPORT_EMAIL": "", "DEFAULT_FROM_EMAIL": ""}, "SUPPORT_EMAIL and DEFAULT_FROM_EMAIL"),
        ({"SECRET_KEY_FALLBACKS": "old, older"}, "(shop.E002)"),
    ],
)
@pytest.mark.slow
def test_start_with_an_unsafe_setting_fails_with_a_sentence(environment: dict[str, str], expected: str) -> None:
    code, output = start(**environment)
    assert code != 0
    assert expected in output
