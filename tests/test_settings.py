"""Tests for starting the shop with valid, invalid and missing settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as shop

PRODUCTION = {
    "DEBUG": "off",
    "SITE_URL": "https://shop.example",
    "SECRET_KEY": "a key that nobody can guess, " * 2,
    "ALLOWED_HOSTS": "shop.example",
    "SUPPORT_EMAIL": "support@shop.example",
    "DEFAULT_FROM_EMAIL": "orders@shop.example",
    "EMAIL_URL": "smtp+tls://user:password@mail.example:587",
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "STRIPE_API_BASE": "https://api.stripe.com",
}
START = "import django; django.setup(); print('started')"
READ = "from django.conf import settings as s; print({})"


def start(code: str = START, **environment: str) -> tuple[int, str]:
    """Start the shop in a separate process and return its exit code and output."""
    # Tests that import wsgi.py set PAGE_CACHE_DEFAULT in this process.
    inherited = {name: value for name, value in os.environ.items() if name != "PAGE_CACHE_DEFAULT"}
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=shop.BASE_DIR,
        env=inherited | {"DJANGO_SETTINGS_MODULE": "ecommerce.settings"} | PRODUCTION | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return process.returncode, process.stdout + process.stderr


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", ["SECRET_KEY", "ALLOWED_HOSTS", "SITE_URL", "STRIPE_SECRET_KEY"])
def test_start_without_a_required_variable_names_it(name: str) -> None:
    code, output = start(READ.format("s.DEBUG"), **{name: ""})
    assert code != 0
    assert f"DEBUG is off and {name} is not set. See docs/settings.md." in output


@pytest.mark.slow
def test_start_with_all_variables_succeeds() -> None:
    assert start() == (0, "started\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "flow"),
    [
        ({}, "setup_intent"),
        ({"STRIPE_SECRET_KEY": "rk_live_x"}, "setup_intent"),
        ({"STRIPE_SECRET_KEY": "sk_test_x", "STRIPE_PUBLISHABLE_KEY": "pk_test_x"}, "token"),
        ({"STRIPE_CARD_FLOW": "token"}, "token"),
        ({"STRIPE_SECRET_KEY": "sk_test_x", "STRIPE_PUBLISHABLE_KEY": "pk_test_x", "STRIPE_CARD_FLOW": "setup_intent"},
         "setup_intent"),
    ],
)  # fmt: skip
def test_live_keys_use_setup_intents_unless_the_setting_says_otherwise(environment: dict[str, str], flow: str) -> None:
    assert start(READ.format("s.STRIPE_CARD_FLOW"), **environment) == (0, f"{flow}\n")


@pytest.mark.slow
def test_start_keeps_and_checks_database_connections() -> None:
    values = "s.DATABASES['default']['CONN_MAX_AGE'], s.DATABASES['default']['CONN_HEALTH_CHECKS']"
    assert start(READ.format(f"({values})"), CONN_MAX_AGE="30") == (0, "(30, True)\n")
    code = "import ecommerce.asgi; from django.conf import settings as s; print(s.DATABASES['default']['CONN_MAX_AGE'])"
    status, output = start(code, CONN_MAX_AGE="30")
    assert (status, output.splitlines()[0]) == (0, "0")


@pytest.mark.slow
def test_start_with_an_https_url_enables_tls_settings() -> None:
    values = "(s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.STRIPE_IS_REAL)"
    assert start(READ.format(values)) == (0, "(True, True, True, True)\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["London", "Europe", "../UTC", "UTC+1"])
def test_start_with_an_unknown_time_zone_names_it(name: str) -> None:
    code, output = start(READ.format("s.DEBUG"), TIME_ZONE=name)
    assert code != 0
    assert f"TIME_ZONE must be the name of a time zone, such as Europe/London. It is {name!r}." in output


@pytest.mark.slow
@pytest.mark.parametrize(("name", "zone"), [("", "Europe/London"), ("Asia/Tokyo", "Asia/Tokyo")])
def test_start_uses_the_time_zone(name: str, zone: str) -> None:
    assert start(READ.format("(s.TIME_ZONE, s.USE_TZ)"), TIME_ZONE=name) == (0, f"('{zone}', True)\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SITE_URL", "https://shop.example/shop"), ("ALLOWED_HOSTS", "https://shop.example"), ("LOW_STOCK", "-1"),
        ("TRUSTED_PROXIES", "one"), ("CARD_TRIES_SHOP", "0"), ("PRICES_INCLUDE_TAX", "yep"), ("MAINTENANCE", "later"),
        ("SUPPORT_EMAIL", "help"), ("STAFF_EMAIL", "a@shop.example, b@shop.example"), ("DEFAULT_FROM_EMAIL", "Shop"),
        ("SHOP_COUNTRY", "UK"), ("SHOP_COUNTRIES", "GB,UK"), ("LANGUAGE_CODE", "fr"), ("LOG_LEVEL", "loud"),
        ("DATABASE_URL", "mysql://ann:secret@db/shop"), ("CACHE_URL", "cache://ann:secret@cache"),
        ("EMAIL_URL", "imap://ann:secret@mail"), ("STRIPE_API_BASE", "api.stripe.com"), ("VAR_DIR", "/dev/null/var"),
        ("STRIPE_SIMULATOR_URL", "localhost:port"), ("DEBUG", "of"), ("KEEP_CARTS_DAYS", "0"),
        ("CONN_MAX_AGE", "forever"), ("KEEP_GUESTS_DAYS", "-1"), ("KEEP_SIGN_INS_DAYS", "3651"),
        ("KEEP_STRIPE_EVENTS_DAYS", "a week"), ("KEEP_ACCOUNT_EMAILS_DAYS", "2"),
    ],
)  # fmt: skip
def test_start_with_an_invalid_value_names_the_variable(name: str, value: str) -> None:
    code, output = start(READ.format("s.DEBUG"), **{name: value})
    assert code != 0
    assert f"ImproperlyConfigured: {name} must be " in output.splitlines()[-1]
    assert "secret" not in output.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("currency", ["xyz", "dem", "pounds"])
def test_start_with_an_unknown_currency_names_it(currency: str) -> None:
    code, output = start(CURRENCY=currency)
    assert code != 0
    assert f"does not support the currency '{currency}'. Set CURRENCY" in output


@pytest.mark.slow
def test_start_with_an_unknown_storage_names_the_variable() -> None:
    code, output = start(MEDIA_STORAGE="storages.None")
    assert code != 0
    assert "MEDIA_STORAGE must be " in output.splitlines()[-1]


@pytest.mark.slow
def test_start_with_a_comma_in_the_shop_name_quotes_the_sender() -> None:
    expected = '"Hearth, Clay & Co" <shop@shop.example>'
    environment = {"SITE_NAME": "Hearth, Clay & Co", "DEFAULT_FROM_EMAIL": ""}
    assert start(READ.format("s.DEFAULT_FROM_EMAIL"), **environment) == (0, f"{expected}\n")


@pytest.mark.slow
def test_shops_on_two_ports_have_different_cookies_and_cache_keys() -> None:
    names = "[s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.MESSAGES_COOKIE_NAME, s.LANGUAGE_COOKIE_NAME]"
    code = READ.format(f"*{names}, s.CACHES['default']['KEY_PREFIX']")
    found = [start(code, SITE_URL=f"http://127.0.0.1:{port}")[1].split() for port in (8000, 8001)]
    assert found[0][:2] == ["sessionid", "csrftoken"]
    assert set(found[0]) & set(found[1]) == set()


@pytest.mark.slow
def test_shops_in_two_folders_have_different_keys_of_the_simulator(tmp_path: Path) -> None:
    code = READ.format("s.STRIPE_SECRET_KEY, s.STRIPE_PUBLISHABLE_KEY, s.STRIPE_WEBHOOK_SECRET, s.STRIPE_IS_REAL")
    unset = dict.fromkeys(PRODUCTION, "") | {"DEBUG": "on"}
    found = [start(code, VAR_DIR=str(tmp_path / name), **unset)[1].split() for name in "ab"]
    assert [keys[-1] for keys in found] == ["False", "False"]
    assert set(found[0][:3]) & set(found[1][:3]) == set()
    assert found[0][0].removeprefix("sk_test_") == found[0][1].removeprefix("pk_test_")


@pytest.mark.slow
@pytest.mark.parametrize(("value", "days"), [("", 60), ("1", 1), (" 90 ", 90), ("3650", 3650)])
def test_start_uses_the_number_of_days(value: str, days: int) -> None:
    assert start(READ.format("s.KEEP_DAYS['carts']"), KEEP_CARTS_DAYS=value) == (0, f"{days}\n")


@pytest.mark.slow
def test_start_with_a_live_key_and_the_simulator_url_fails() -> None:
    code, output = start(STRIPE_API_BASE="http://127.0.0.1:12112", SITE_URL="http://127.0.0.1:8000")
    assert code != 0
    assert "A live Stripe key would be sent to a server that is not Stripe's." in output


@pytest.mark.slow
def test_start_with_test_payments_on_a_public_url_fails() -> None:
    code, output = start(STRIPE_API_BASE="", STRIPE_SECRET_KEY="sk_test_simulator")
    assert code != 0
    assert "Test payments would be accepted on a site that others can reach." in output


@pytest.mark.slow
def test_start_in_debug_mode_needs_no_variables(tmp_path: Path) -> None:
    unset = dict.fromkeys(PRODUCTION, "") | {"DEBUG": "on", "VAR_DIR": str(tmp_path)}
    del unset["STRIPE_PUBLISHABLE_KEY"], unset["STRIPE_WEBHOOK_SECRET"]
    code, output = start(READ.format("(s.SITE_URL, s.IS_TLS, s.STRIPE_IS_REAL)"), **unset)
    assert (code, output) == (0, "('http://127.0.0.1:8000', False, False)\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "environment", "expected"),
    [
        ("django", {}, False),
        ("ecommerce.wsgi", {}, True),
        ("ecommerce.asgi", {}, True),
        ("ecommerce.wsgi", {"PAGE_CACHE": "off"}, False),
        ("django", {"PAGE_CACHE": "on"}, True),
    ],
)
def test_servers_turn_the_page_cache_on(module: str, environment: dict[str, str], expected: bool) -> None:
    code = f"import {module}; from django.conf import settings; print(settings.PAGE_CACHE)"
    assert start(code, PYTHONWARNINGS="ignore", **environment) == (0, f"{expected}\n")


@pytest.mark.slow
def test_page_cache_uses_the_redis_of_the_shop_and_both_give_up_soon() -> None:
    caches = "*[(config['LOCATION'], config['BACKEND']) for config in s.CACHES.values()], s.PAGE_CACHE_SLOTS"
    code, output = start(READ.format(caches), CACHE_URL="redis://127.0.0.1:6379/1", PAGE_CACHE_ENTRIES="50")
    cache = ("redis://127.0.0.1:6379/1", "core.resilience.redis_cache.LimitedRedisCache")
    assert (code, output) == (0, f"{cache} {cache} 50\n")
