"""Tests for the checks of payment settings."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from billing import checks
from ecommerce.operations.checks import reject_unsafe_settings

REAL = {"STRIPE_IS_REAL": True, "STRIPE_API_BASE": "https://api.stripe.com"}
LIVE = REAL | {"STRIPE_SECRET_KEY": "sk_live_x"}
LOCAL = {"STRIPE_API_BASE": "http://127.0.0.1:12112", "SITE_HOST": "127.0.0.1"}


def message_ids(settings: Any, changes: dict[str, Any]) -> list[str]:
    """Apply the changes to safe local settings and return the ids of the messages."""
    for name, value in (LOCAL | changes).items():
        setattr(settings, name, value)
    return [str(message.id) for message in [*checks.check_payment_settings(), *checks.check_token_flow()]]


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ({}, []),
        (REAL, []),
        (REAL | {"SITE_HOST": "shop.example"}, []),
        ({"SITE_HOST": "localhost"}, []),
        ({"SITE_HOST": "::1"}, []),
        ({"STRIPE_SECRET_KEY": "sk_live_x"}, ["billing.E001", "billing.W001"]),
        ({"STRIPE_SECRET_KEY": "rk_live_x"}, ["billing.E001", "billing.W001"]),
        ({"STRIPE_API_BASE": "http://stripe.example"}, ["billing.E002"]),
        ({"STRIPE_API_BASE": "http://127.0.0.1.example"}, ["billing.E002"]),
        ({"STRIPE_API_BASE": "http://127.0.0.1@evil.example"}, ["billing.E002"]),
        ({"STRIPE_API_BASE": ""}, ["billing.E002"]),
        ({"SITE_HOST": "shop.example"}, ["billing.E003"]),
        ({"SITE_HOST": "127.evil.example"}, ["billing.E003"]),
        ({"SITE_HOST": ""}, ["billing.E003"]),
        ({"CURRENCY": "kwd"}, ["billing.E004"]),
        ({"CURRENCY": "ugx"}, ["billing.E004"]),
        ({"CURRENCY": "pounds"}, ["billing.E004"]),
        ({"CURRENCY": ""}, ["billing.E004"]),
        ({"CURRENCY": "jpy"}, []),
        (REAL | {"STRIPE_WEBHOOK_SECRET": ""}, ["billing.E005"]),
        (REAL | {"STRIPE_PUBLISHABLE_KEY": ""}, ["billing.E005"]),
        (REAL | {"STRIPE_PUBLISHABLE_KEY": "", "DEBUG": True}, []),
        (REAL | {"STRIPE_SECRET_KEY": "rk_test_..."}, ["billing.E006"]),
        (REAL | {"STRIPE_PUBLISHABLE_KEY": "pk_live_..."}, ["billing.E006"]),
        (REAL | {"STRIPE_WEBHOOK_SECRET": "whsec_new,whsec_..."}, ["billing.E006"]),
        (LIVE, ["billing.W001"]),
        (LIVE | {"STRIPE_CARD_FLOW": "setup_intent"}, []),
        ({"STRIPE_CARD_FLOW": "setup_intent"}, []),
        ({"STRIPE_CARD_FLOW": "setup-intent"}, ["billing.E007"]),
        ({"STRIPE_CARD_FLOW": ""}, ["billing.E007"]),
        ({"CARD_TRIES": {"profile": 10, "session": 0}}, ["billing.E008"]),
    ],
)
def test_payment_settings_reports_each_dangerous_setting(
    settings: Any, changes: dict[str, Any], ids: list[str]
) -> None:
    assert message_ids(settings, changes) == ids


def test_startup_with_dangerous_settings_raises_an_error_with_a_hint(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_live_x"
    settings.SITE_HOST = "127.0.0.1"
    with pytest.raises(ImproperlyConfigured, match="Unset STRIPE_API_BASE, or use a test key"):
        reject_unsafe_settings()


def test_startup_with_safe_settings_succeeds(settings: Any) -> None:
    settings.SITE_HOST = "127.0.0.1"
    reject_unsafe_settings()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_is_loopback_accepts_hosts_of_this_machine(host: str) -> None:
    assert checks.is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", None, "::", "192.168.1.1", "localhost.example", "127.evil.example", "127.0.0.1.example"]
)
def test_is_loopback_rejects_other_hosts(host: str | None) -> None:
    assert not checks.is_loopback(host)
