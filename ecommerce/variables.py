"""All environment variables of the shop. They are declared only here.

`settings.py` reads each one with `value`. `make settings` makes docs/settings.md and .env.example from this list.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from addresses.countries import NON_DESTINATIONS
from addresses.country_rules import known_countries
from core.shop import NEUTRAL_NAME
from core.times import is_time_zone
from ecommerce import environment as read

LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]  # each by its own name; another one needs a folder in locale/
TASK_ENGINES = {"immediate": "django_tasks.backends.immediate.ImmediateBackend"} | {
    "database": "django_tasks_db.DatabaseBackend",
    "rq": "django_tasks_rq.RQBackend",
}
LOG_FORMATS = ["json", "text"]
LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
EMAIL_DEFAULTS = {"SUPPORT_EMAIL": "help@shop.example", "DEFAULT_FROM_EMAIL": "shop@shop.example"}  # nobody reads them
_destinations = known_countries() - NON_DESTINATIONS
_days = read.number_of(1, 3650)
_tries = read.number_of(1, 1_000_000_000)


@dataclass(frozen=True)
class Variable:
    """One environment variable.

    `text` is the default, as it would be written in .env. `otherwise` describes a default that settings.py computes.
    Values of `is_secret` variables are never shown. With `keep_blank`, a blank value does not mean the default.
    A variable that `must_be_set` stops the start in production. One `for_production` has a default that is only good
    for development, and a check asks for it.
    """

    name: str
    text: str
    read: Callable[[str], Any]
    help: str
    otherwise: str = ""
    is_secret: bool = False
    keep_blank: bool = False
    must_be_set: bool = False
    for_production: bool = False


def text_of(text: str) -> str:
    """Read any text."""
    return text


def list_of(text: str) -> list[str]:
    """Read values that are separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def optional_url_of(text: str) -> str:
    """Read the URL of a server, or nothing."""
    return read.url_of(text) if text else ""


def bucket_of(text: str) -> str:
    """Read the name of a bucket, or nothing. A name with dots does not work with https."""
    if text and not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", text):
        raise ValueError("the name of a bucket: a-z, 0-9 and -")
    return text


def region_of(text: str) -> str:
    """Read the name of a region, or nothing."""
    if text and not re.fullmatch(r"[a-z0-9-]{1,40}", text):
        raise ValueError("the name of a region, such as eu-central-1")
    return text


def currency_of(text: str) -> str:
    """Read the code of a currency, in any case. A check rejects currencies that the shop does not support."""
    return text.lower()


def time_zone_of(text: str) -> str:
    """Read the name of a time zone."""
    if not is_time_zone(text):
        raise ValueError("the name of a time zone, such as Europe/London")
    return text


SITE = [
    Variable(
        "DEBUG", "on", read.debug_of, "Show error pages with code and settings. Blank means off.",
        keep_blank=True, for_production=True,
    ),
    Variable(
        "SECRET_KEY", "", text_of, 'Signs sessions and links. Make one: python -c "import secrets; '
        'print(secrets.token_urlsafe(60))"', "a key that everyone knows", is_secret=True, must_be_set=True,
    ),
    Variable(
        "SECRET_KEY_FALLBACKS", "", list_of, "Former keys, separated by commas. What they have signed stays valid.",
        is_secret=True,
    ),
    Variable(
        "SITE_URL", "", read.url_of, "The shop's URL without a path, such as https://shop.example. https enables HSTS, "
        "redirects and secure cookies.", "where make run last started, or http://127.0.0.1:8000", must_be_set=True,
    ),
    Variable(
        "ALLOWED_HOSTS", "", read.hosts_of, "Host names that the shop answers to, such as "
        "shop.example,www.shop.example.", "this machine and the host of SITE_URL", must_be_set=True,
    ),
    Variable(
        "TRUSTED_PROXIES", "0", read.number_of(0, 10), "Number of your proxies that append to X-Forwarded-For and set "
        "X-Forwarded-Proto. With 0 both headers are ignored, and all visitors behind a proxy count as one client.",
    ),
    Variable(
        "HSTS_SECONDS", "3600", read.number_of(0, 63_072_000), "How long browsers insist on https. Raise it to "
        "31536000 when https has worked for a week, because it cannot be taken back.",
    ),
    Variable("HSTS_SUBDOMAINS", "off", read.switch_of, "Browsers insist on https for all subdomains too."),
    Variable("HSTS_PRELOAD", "off", read.switch_of, "Browsers may list the site for good."),
    Variable(
        "SITE_NAME", NEUTRAL_NAME, read.name_of, "The shop's name, up to 100 characters. It fills the row about the "
        "shop at the first migration. From then on, staff change the name in the admin.",
    ),
    Variable(
        "SUPPORT_EMAIL", EMAIL_DEFAULTS["SUPPORT_EMAIL"], read.email_of, "One email address, shown on all pages and in "
        "emails. It fills the row about the shop like SITE_NAME.", for_production=True,
    ),
    Variable(
        "STAFF_EMAIL", "", read.optional_email_of, "One recipient of emails to staff. Blank: no emails to staff.",
        "SUPPORT_EMAIL", keep_blank=True,
    ),
    Variable(
        "STAFF_SECOND_FACTOR", "optional", read.choice_of(["off", "optional", "required"]), "Codes of an app after the "
        "password of staff. off: nobody enters one. optional: those who have set it up. required: all set it up before "
        "they use the admin.",
    ),
    Variable("TIME_ZONE", "Europe/London", time_zone_of, "Of all dates and times that the shop shows. Rows store UTC."),
    Variable(
        "LANGUAGE_CODE", "en-gb", read.choice_of(code for code, _name in LANGUAGES), "en-gb or de: the language of the "
        "catalog and of emails to staff. Visitors choose theirs.",
    ),
    Variable(
        "LOG_LEVEL", "INFO", read.choice_of(LOG_LEVELS), f"One of {', '.join(LOG_LEVELS)}. INFO logs one line per "
        "request, and problems. DEBUG also logs static files and probes.",
    ),
    Variable(
        "LOG_FORMAT", "", read.choice_of(LOG_FORMATS), f"{' or '.join(LOG_FORMATS)}. Neither contains personal data.",
        "json, with DEBUG text",
    ),
    Variable(
        "PROBE_TOKEN", "", text_of, "A bearer token for the details of /readyz. This machine sees them without one.",
        is_secret=True,
    ),
    Variable(
        "MAINTENANCE", "off", read.switch_of, "Pages return 503. A file named maintenance in VAR_DIR does the same "
        "without a restart, and pages show its text.",
    ),
]  # fmt: skip
STORAGE = [
    Variable(
        "VAR_DIR", "var", read.folder_of, "The folder for everything that the shop writes: database, uploads, emails.",
    ),
    Variable(
        "DATABASE_URL", "", read.database_of, "postgres://user:password@127.0.0.1:5432/shop, or "
        "sqlite:///path/shop.sqlite3 for one machine.", "shop.sqlite3 in VAR_DIR", is_secret=True,
    ),
    Variable(
        "CONN_MAX_AGE", "600", read.number_of(0, 86_400), "Seconds for which each thread keeps its database "
        "connection. 0: one connection per request.",
    ),
    Variable(
        "DATABASE_SECONDS", "10", read.number_of(1, 600), "How long a request waits for a statement on PostgreSQL, and "
        "half as long for a lock.",
    ),
    Variable(
        "CACHE_URL", "locmemcache://", read.cache_of, "redis://127.0.0.1:6379/1, or locmemcache:// for a cache in each "
        "process. Shops can share a server, because their keys differ.", is_secret=True,
    ),
    Variable(
        "PAGE_CACHE", "off", read.switch_of, "Keep whole catalog pages. They are always current.",
        "on in wsgi.py, asgi.py and make run, off elsewhere",
    ),
    Variable(
        "PAGE_CACHE_ENTRIES", "1000", read.number_of(10, 1_000_000), "Pages that each process keeps, and with "
        "CACHE_URL the Redis server.",
    ),
    Variable(
        "TASK_ENGINE", "immediate", read.choice_of(TASK_ENGINES), "Who sends emails and does other background work. "
        "immediate: the web processes, after the response, and reconcile. database: workers (manage.py db_worker "
        "--queue-name '*'). rq: RQ workers on the Redis of CACHE_URL (manage.py rqworker --job-class "
        "django_tasks_rq.Job default slow), with the packages of requirements-rq.txt.",
        "database in make run, immediate elsewhere",
    ),
    Variable("MEDIA_ROOT", "", text_of, "The folder of uploaded pictures.", "media in VAR_DIR"),
    Variable(
        "MEDIA_STORAGE", "", text_of, "A storage class for uploaded pictures, by its import path.",
        "files in MEDIA_ROOT",
    ),
    Variable(
        "MEDIA_BUCKET", "", bucket_of, "Pictures are in this S3 bucket instead. It needs requirements-s3.txt, and "
        "everyone must be able to read it.",
    ),
    Variable(
        "MEDIA_REGION", "", region_of, "Its region at Amazon, such as eu-central-1. The keys are AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, or the server has a role.",
    ),
    Variable("MEDIA_ENDPOINT", "", optional_url_of, "The URL of another storage that speaks S3."),
    Variable(
        "MEDIA_PUBLIC_URL", "", optional_url_of, "https://files.shop.example, if a CDN or a domain of your own serves "
        "the bucket.",
    ),
]  # fmt: skip
EMAIL = [
    Variable(
        "EMAIL_URL", "", read.email_server_of, "smtp+tls://user:password@mail.example:587", "files in VAR_DIR/mail",
        is_secret=True, for_production=True,
    ),
    Variable(
        "DEFAULT_FROM_EMAIL", "", read.sender_of, 'One email address, with or without a name: "Hearth, Clay & Co" '
        "<shop@shop.example>.", f"SITE_NAME with {EMAIL_DEFAULTS['DEFAULT_FROM_EMAIL']}", for_production=True,
    ),
]  # fmt: skip
MONEY = [
    Variable("CURRENCY", "gbp", currency_of, "Cannot be changed after the first order."),
    Variable(
        "SHOP_COUNTRY", "GB", read.country_of(_destinations), "The first country of the address form and of the "
        "estimate in the cart.",
    ),
    Variable(
        "SHOP_COUNTRIES", "", read.countries_of(_destinations), "Countries that the shop ships to, such as GB,IE,FR.",
        "all countries",
    ),
    Variable(
        "PRICES_INCLUDE_TAX", "on", read.switch_of, "Off: tax is added to product prices. Staff set rates and delivery "
        "methods in the admin.",
    ),
    Variable(
        "LOW_STOCK", "5", read.number_of(0, 1_000_000), "At or below this number, pages show how many are left. Staff "
        "get one email per restock.",
    ),
]  # fmt: skip
STRIPE = [
    Variable(
        "STRIPE_SECRET_KEY", "", text_of, "sk_test_... or sk_live_...", "test payments in the Stripe simulator",
        is_secret=True, must_be_set=True,
    ),
    Variable(
        "STRIPE_PUBLISHABLE_KEY", "", text_of, "pk_test_... or pk_live_...", "the simulator's key",
        for_production=True,
    ),
    Variable(
        "STRIPE_WEBHOOK_SECRET", "", text_of, "whsec_..., of the webhook endpoint SITE_URL/billing/webhook/. Two, "
        "separated by a comma, while you replace it.", "the simulator's secret", is_secret=True, for_production=True,
    ),
    Variable(
        "STRIPE_CARD_FLOW", "", text_of, "How cards are entered: token or setup_intent.",
        "setup_intent with a live key, otherwise token",
    ),
    Variable("CARD_TRIES_PROFILE", "10", _tries, "Declined cards per hour and customer. Beyond that they must wait."),
    Variable("CARD_TRIES_SESSION", "10", _tries, "The same per session."),
    Variable("CARD_TRIES_ADDRESS", "30", _tries, "The same per IP address."),
    Variable(
        "CARD_TRIES_SHOP", "200", _tries, "The same for all visitors together. Beyond that, new guests and new "
        "customers confirm their email address, and banks are asked for 3-D Secure.",
    ),
    Variable("CARD_TRIES_NO_ORDER", "3", _tries, "Cards per hour of guests who have nothing to order."),
    Variable("LIMIT_STRIPE_CALLS", "30", _tries, "Calls to Stripe per minute that one IP address causes."),
    Variable("LIMIT_GUESTS_ADDRESS", "60", _tries, "Guest checkouts per hour of one IP address."),
    Variable("LIMIT_GUESTS_SESSION", "10", _tries, "Guest checkouts per hour of one session."),
    Variable(
        "STRIPE_API_BASE", "", read.url_of, "For tests only: another server on this machine that implements Stripe's "
        "API.", "https://api.stripe.com, or the simulator",
    ),
    Variable(
        "STRIPE_SIMULATOR_URL", "", read.url_of, "Where the Stripe simulator listens.",
        "where make run last started it, or http://127.0.0.1:12112",
    ),
    Variable(
        "STRIPE_SIMULATOR_STATE", "", text_of, "The file in which the simulator keeps its state.",
        "stripe-simulator.sqlite3 in VAR_DIR",
    ),
]  # fmt: skip
RETENTION = [
    Variable("KEEP_CARTS_DAYS", "60", _days, "Carts of visitors without an account or order, since their last change."),
    Variable(
        "KEEP_GUESTS_DAYS", "30", _days, "Guests who did not order, with their email addresses and their customers at "
        "Stripe.",
    ),
    Variable(
        "KEEP_ACCOUNT_EMAILS_DAYS", "90", read.number_of(3, 3650), "The list of emails about accounts. Their links are "
        "valid for up to three days.",
    ),
    Variable(
        "KEEP_SIGN_INS_DAYS", "90", _days, "Wrong passwords, and sign-ups with an email address that has an account.",
    ),
    Variable("KEEP_STRIPE_EVENTS_DAYS", "90", _days, "Webhook events of Stripe that were processed."),
    Variable(
        "WITHDRAWAL_RETENTION_DAYS", "1095", read.number_of(365, 3650), "Names, email addresses and texts of "
        "withdrawals that match no order. Afterwards they are cleared; the declaration itself stays.",
    ),
]  # fmt: skip
GROUPS: dict[str, list[Variable]] = {
    "The site": SITE,
    "Database, cache and files": STORAGE,
    "Email": EMAIL,
    "Prices and countries": MONEY,
    "Payments": STRIPE,
    "How many days reconcile keeps rows": RETENTION,
}
VARIABLES = {variable.name: variable for group in GROUPS.values() for variable in group}


def value(name: str, default: str | None = None) -> Any:
    """Return the value of the environment variable, or of `default` (the declared one) if it is not set.

    Raise ImproperlyConfigured if the value is invalid, or if it must be set and DEBUG is off.
    """
    variable = VARIABLES[name]
    is_set = bool(os.environ.get(name, "").strip())
    if variable.must_be_set and not is_set and not value("DEBUG"):
        raise ImproperlyConfigured(f"DEBUG is off and {name} is not set. See docs/settings.md.")
    text = variable.text if default is None else default
    return read.setting(name, text, variable.read, is_secret=variable.is_secret, keep_blank=variable.keep_blank)
