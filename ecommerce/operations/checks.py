"""System checks for a shop that others can reach, or that takes real money. Each message has an id and a hint.

Errors stop the start of every process, because gunicorn does not run system checks. Warnings are reported by
`manage.py check --deploy`.
"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from billing.checks import check_payment_settings, is_loopback
from billing.stripe_calls.keys import is_live, is_test
from core.background.tasks import IMMEDIATE
from ecommerce.environment import SQLITE
from ecommerce.operations.media_checks import check_bucket

MIN_KEY_LENGTH, MIN_KEY_CHARACTERS = 50, 5  # of Django's own check security.W009


def is_public() -> bool:
    """Return whether others can reach the site, or a live key moves real money."""
    return not is_loopback(settings.SITE_HOST) or is_live(settings.STRIPE_SECRET_KEY)


@register(Tags.security)
def check_public_site(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Return errors E001 to E006, which are never acceptable on a public site, and E007."""
    public = [*_check_site(), *_check_keys(), *_check_email()] if is_public() else []
    return [*public, *_check_tasks()]


def _check_tasks() -> Iterator[CheckMessage]:
    """Check that RQ has a Redis server (E007)."""
    if settings.TASK_ENGINE == "rq" and settings.CACHES["default"]["BACKEND"].endswith("LocMemCache"):
        yield Error(
            "TASK_ENGINE=rq needs a Redis server for its queue.",
            hint="Set CACHE_URL to a Redis server, or TASK_ENGINE=database.",
            id="shop.E007",
        )


def _check_site() -> Iterator[CheckMessage]:
    """Check that strangers see no debug pages, cannot forge signatures and use https (E001 to E003)."""
    if settings.DEBUG:
        yield Error(
            "DEBUG is on, so every visitor could read the settings and the code.", hint="Set DEBUG=off.", id="shop.E001"
        )
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if any(len(key) < MIN_KEY_LENGTH or _is_simple(key) for key in keys):
        yield Error(
            "SECRET_KEY can be guessed, so anyone could sign in as staff and forge links in emails.",
            hint='Set it to the output of: python -c "import secrets; print(secrets.token_urlsafe(60))"',
            id="shop.E002",
        )
    if not settings.IS_TLS:
        yield Error(
            "SITE_URL begins with http, so passwords and sessions would be sent unencrypted.",
            hint="Set SITE_URL to an address that begins with https://.",
            id="shop.E003",
        )


def _is_simple(key: str) -> bool:
    return len(set(key)) < MIN_KEY_CHARACTERS or key == settings.DEVELOPMENT_KEY


def _check_keys() -> Iterator[CheckMessage]:
    """Check that the keys of Stripe are all for tests or all live (E004)."""
    keys = (settings.STRIPE_SECRET_KEY, settings.STRIPE_PUBLISHABLE_KEY)
    if any(map(is_test, keys)) and any(map(is_live, keys)):
        yield Error(
            "One Stripe key is for tests and the other one is live, so no card could be charged.",
            hint="Set STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY to keys of the same mode.",
            id="shop.E004",
        )


def _check_email() -> Iterator[CheckMessage]:
    """Check that emails reach people, and that their answers reach the shop (E005 and E006)."""
    if not settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        yield Error(
            "Emails would be written to files and count as sent.",
            hint="Set EMAIL_URL, for example to smtp+tls://user:password@mail.example:587.",
            id="shop.E005",
        )
    unset = [name for name in ("SUPPORT_EMAIL", "DEFAULT_FROM_EMAIL") if settings.EMAIL_DEFAULTS[name] in _email(name)]
    if unset:
        yield Error(
            f"Not set: {' and '.join(unset)}. Customers would write to an address that nobody reads.",
            hint="Set it to an address of the shop.",
            id="shop.E006",
        )


def _email(name: str) -> str:
    return str(getattr(settings, name))


@register(Tags.security, deploy=True)
def check_dependencies(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn about defaults for one process on one machine (W001 to W004), and of no second factor (W005)."""
    return list(_check_dependencies()) if is_public() else []


def _check_dependencies() -> Iterator[CheckMessage]:
    if not settings.STAFF_EMAIL:
        yield Warning(
            "STAFF_EMAIL is empty, so nobody is told about orders that need attention.",
            hint="Set it to the address of those who process orders.",
            id="shop.W001",
        )
    if settings.DATABASES["default"]["ENGINE"] == SQLITE:
        yield Warning(
            "The database is a file, which only the processes of this machine can share.",
            hint="Set DATABASE_URL to a PostgreSQL server, or silence shop.W002 if one machine is enough.",
            id="shop.W002",
        )
    if settings.CACHES["default"]["BACKEND"].endswith("LocMemCache"):
        yield Warning(
            "Each process keeps pages and lists of its own, so each of them has to make them first.",
            hint="Set CACHE_URL to a Redis server, or silence shop.W003 if this is fast enough.",
            id="shop.W003",
        )
    if settings.TASK_ENGINE == IMMEDIATE:
        yield Warning(
            "The web processes send emails themselves, so a slow mail server occupies their threads.",
            hint="Set TASK_ENGINE=database and run `manage.py db_worker --queue-name '*'`, or silence shop.W004.",
            id="shop.W004",
        )
    if settings.STAFF_SECOND_FACTOR == "off":
        yield Warning(
            "STAFF_SECOND_FACTOR is off, so whoever knows a password of staff can use the admin.",
            hint="Set STAFF_SECOND_FACTOR to optional or required.",
            id="shop.W005",
        )


def reject_unsafe_settings() -> None:
    """Raise ImproperlyConfigured, with all messages and hints, if a check finds errors."""
    found = [*check_payment_settings(), *check_public_site(), *check_bucket()]
    errors = [f"{error.msg} {error.hint} ({error.id})" for error in found]
    if errors:
        raise ImproperlyConfigured(" ".join(errors))
