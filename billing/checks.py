"""System checks for the payment settings. Each message has an id and a hint."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from billing.stripe_calls.keys import is_live
from core import money

CARD_FLOWS = ("token", "setup_intent")
KEYS = ("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET")


def is_loopback(host: str | None) -> bool:
    """Return True only if `host` is certain to be this machine."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:  # a host name, which can resolve to any machine, even 127.0.0.1.example
        return False


@register(Tags.security)
def check_payment_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Return errors E001 to E008, which are never acceptable."""
    test_payments = [] if settings.STRIPE_IS_REAL else _check_test_payments()
    return [*test_payments, *_check_real_payments(), *_check_currency(), *_check_cards()]


def _check_test_payments() -> Iterator[CheckMessage]:
    """Check that test payments stay on this machine and live keys are sent only to Stripe (E001 to E003)."""
    if is_live(settings.STRIPE_SECRET_KEY):
        yield Error(
            "A live Stripe key would be sent to a server that is not Stripe's.",
            hint="Unset STRIPE_API_BASE, or use a test key.",
            id="billing.E001",
        )
    if not is_loopback(urlsplit(settings.STRIPE_API_BASE).hostname):
        yield Error(
            "STRIPE_API_BASE is neither Stripe nor a server on this machine.",
            hint="Unset it to use Stripe itself.",
            id="billing.E002",
        )
    if not is_loopback(settings.SITE_HOST):
        yield Error(
            "Test payments would be accepted on a site that others can reach.",
            hint="Set STRIPE_SECRET_KEY to accept real payments, or keep SITE_URL on 127.0.0.1.",
            id="billing.E003",
        )


def _check_currency() -> Iterator[CheckMessage]:
    """Check that the shop supports the currency (E004)."""
    if not money.is_supported(settings.CURRENCY):
        yield Error(
            f"The shop does not support the currency {settings.CURRENCY!r}.",
            hint="Set CURRENCY to the code of a currency, such as gbp.",
            id="billing.E004",
        )


def _check_real_payments() -> Iterator[CheckMessage]:
    """Check that the settings that Stripe requires in production are set, and not as in the guide (E005 and E006)."""
    missing = [name for name in ("STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET") if not getattr(settings, name)]
    if missing and settings.STRIPE_IS_REAL and not settings.DEBUG:
        yield Error(f"Not set: {' and '.join(missing)}.", hint="See docs/settings.md.", id="billing.E005")
    examples = [name for name in KEYS if "..." in getattr(settings, name)]
    if examples:
        yield Error(
            f"Still the value of the example: {', '.join(examples)}.",
            hint="Copy the value from the Stripe Dashboard.",
            id="billing.E006",
        )


def _check_cards() -> Iterator[CheckMessage]:
    """Check the way cards are saved and the limits of card attempts (E007 and E008)."""
    if settings.STRIPE_CARD_FLOW not in CARD_FLOWS:
        yield Error(
            f"STRIPE_CARD_FLOW has an unknown value: {settings.STRIPE_CARD_FLOW!r}.",
            hint=f"Set it to {' or '.join(CARD_FLOWS)}.",
            id="billing.E007",
        )
    if min(*settings.CARD_TRIES.values(), *settings.REQUEST_LIMITS.values()) < 1:
        yield Error(
            "A limit on card attempts or requests is below 1, so no payment would be possible.",
            hint="Set the CARD_TRIES_... and LIMIT_... variables to 1 or more.",
            id="billing.E008",
        )


@register(Tags.security, deploy=True)
def check_token_flow(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn about a live key with the token flow, for which Stripe is ending support (W001)."""
    if not is_live(settings.STRIPE_SECRET_KEY) or settings.STRIPE_CARD_FLOW != "token":
        return []
    return [
        Warning(
            "Cards are saved from tokens, and Stripe is ending support for them (no date is set).",
            hint="Set STRIPE_CARD_FLOW=setup_intent.",
            id="billing.W001",
        )
    ]
