"""Settings that could take money wrongly."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from billing import checks

REAL = {"STRIPE_IS_REAL": True, "STRIPE_API_BASE": "https://api.stripe.com"}
LIVE = REAL | {"STRIPE_SECRET_KEY": "sk_live_x"}
HERE = {"STRIPE_API_BASE": "http://127.0.0.1:12112", "SITE_HOST": "127.0.0.1"}


def found(settings: Any, changes: dict[str, Any]) -> list[str]:
    """The ids of what is wrong."""
    for name, value in (HERE | changes).items():
        setattr(settings, name, value)
    return [str(message.id) for message in [*checks.payment_settings(), *checks.token_flow()]]


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
        (LIVE, ["billing.W001"]),
        (LIVE | {"STRIPE_CARD_FLOW": "setup_intent"}, []),
        ({"STRIPE_CARD_FLOW": "setup_intent"}, []),
        ({"STRIPE_CARD_FLOW": "setup-intent"}, ["billing.E007"]),
        ({"STRIPE_CARD_FLOW": ""}, ["billing.E007"]),
        ({"CARD_TRIES": {"profile": 10, "session": 0}}, ["billing.E008"]),
    ],
)
def test_check_finds_what_never_may_be(settings: Any, changes: dict[str, Any], ids: list[str]) -> None:
    assert found(settings, changes) == ids


def test_start_is_refused_with_what_to_set(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_live_x"
    settings.SITE_HOST = "127.0.0.1"
    with pytest.raises(ImproperlyConfigured, match="Unset STRIPE_API_BASE, or use a test key"):
        checks.refuse_dangerous_settings()


def test_start_with_good_settings_goes_on(settings: Any) -> None:
    settings.SITE_HOST = "127.0.0.1"
    checks.refuse_dangerous_settings()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_loopback_is_this_machine(host: str) -> None:
    assert checks.is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", None, "::", "192.168.1.1", "localhost.example", "127.evil.example", "127.0.0.1.example"]
)
def test_loopback_is_nothing_else(host: str | None) -> None:
    assert not checks.is_loopback(host)
