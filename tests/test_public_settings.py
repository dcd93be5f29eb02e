"""Tests that a shop that others can reach is either safe or does not start, whatever settings are missing."""

import itertools
import runpy
from collections.abc import Iterable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import environ
import pytest
from django.conf import settings as shop
from django.core.exceptions import ImproperlyConfigured

import billing.checks
from ecommerce.operations import checks
from ecommerce.variables import EMAIL_DEFAULTS, VARIABLES
from tests.test_settings import PRODUCTION

FULL = PRODUCTION | {
    "STAFF_EMAIL": "staff@shop.example", "TRUSTED_PROXIES": "1", "DATABASE_URL": "postgres://shop@127.0.0.1/shop",
    "CACHE_URL": "redis://127.0.0.1:6379/1",
}  # fmt: skip
NAMES = sorted(set(VARIABLES) - {"VAR_DIR", "STRIPE_API_BASE"})


def start(patch: pytest.MonkeyPatch, folder: Path, missing: Iterable[str], defaults: Iterable[str] = ()) -> Any:
    """Read the settings of a public shop without these variables, or with their defaults as values.

    Return the settings, or the message with which the start fails.
    """
    values = {name: text for name, text in FULL.items() if name not in missing and name != "STRIPE_API_BASE"}
    values |= {name: VARIABLES[name].text for name in defaults} | {"VAR_DIR": str(folder)}
    with patch.context() as change:
        change.setattr(environ.Env, "read_env", lambda *args, **options: None)
        for name in {*VARIABLES, "PAGE_CACHE_DEFAULT"} - set(values):
            change.delenv(name, raising=False)
        for name, text in values.items():
            change.setenv(name, text)
        try:
            found = runpy.run_path(str(Path(shop.BASE_DIR) / "ecommerce" / "settings.py"))
            settings = SimpleNamespace(**{name: value for name, value in found.items() if name.isupper()})
            change.setattr(checks, "settings", settings)
            change.setattr(billing.checks, "settings", settings)
            checks.reject_unsafe_settings()
        except ImproperlyConfigured as error:
            return str(error)
    return settings


def is_safe(settings: SimpleNamespace) -> bool:
    """Return whether strangers cannot read, forge, intercept or lose anything with these settings.

    A shop on this machine that takes test payments may have all defaults.
    """
    if settings.SITE_URL.startswith("http://127.0.0.1") and "live" not in settings.STRIPE_SECRET_KEY:
        return True
    unchanged = ("SECRET_KEY", "SITE_URL", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET")
    return all([
        *(getattr(settings, name) == FULL[name].strip() for name in unchanged),
        not settings.DEBUG,
        settings.SESSION_COOKIE_SECURE,
        settings.CSRF_COOKIE_SECURE,
        settings.SECURE_SSL_REDIRECT,
        "*" not in settings.ALLOWED_HOSTS,
        settings.STRIPE_API_BASE == "https://api.stripe.com",
        settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"),
        not set(EMAIL_DEFAULTS.values()) & {settings.SUPPORT_EMAIL, settings.DEFAULT_FROM_EMAIL},
    ])  # fmt: skip


def assert_safe_or_rejected(patch: pytest.MonkeyPatch, folder: Path, names: Iterable[str]) -> None:
    for how in ({"missing": names}, {"missing": (), "defaults": [name for name in names if VARIABLES[name].text]}):
        outcome = start(patch, folder, **how)
        if isinstance(outcome, str):
            assert outcome.endswith((".", ")")), (names, outcome)
            assert any(name in outcome for name in names), (names, outcome)
        else:
            assert is_safe(outcome), names


def test_public_shop_with_all_settings_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert is_safe(start(monkeypatch, tmp_path, ()))


@pytest.mark.parametrize("name", ["DEBUG", "SECRET_KEY", "EMAIL_URL", "SUPPORT_EMAIL", "STRIPE_WEBHOOK_SECRET"])
def test_public_shop_does_not_start_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    assert isinstance(start(monkeypatch, tmp_path, [name]), str)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.sampled(8)
def test_public_shop_without_one_setting_is_safe_or_rejected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    assert_safe_or_rejected(monkeypatch, tmp_path, [name])


@pytest.mark.slow
def test_public_shop_without_two_settings_is_safe_or_rejected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for pair in itertools.combinations(NAMES, 2):
        assert_safe_or_rejected(monkeypatch, tmp_path, pair)


@pytest.mark.slow
def test_public_shop_without_any_settings_is_safe_or_rejected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Try 200 random sets of settings."""
    random = Random(2)  # noqa: S311
    for _number in range(200):
        assert_safe_or_rejected(monkeypatch, tmp_path, random.sample(NAMES, random.randint(3, len(NAMES))))
