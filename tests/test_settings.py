"""Tests for starting the shop with valid, invalid and missing settings."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as shop

PRODUCTION = {
    "DEBUG": "off",
    "SITE_URL": "https://shop.example",
    "SECRET_KEY": "k" * 50,
    "ALLOWED_HOSTS": "shop.example",
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "STRIPE_API_BASE": "https://api.stripe.com",
}
START = "import django; django.setup(); print('started')"
READ = "from django.conf import settings as s; print({})"


def start(code: str = START, **environment: str) -> tuple[int, str]:
    """Start the shop in a separate process and return its exit code and output."""
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=shop.BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "ecommerce.settings"} | PRODUCTION | environment,
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
    assert f"DEBUG is off and {name} is not set. See .env.example." in output


@pytest.mark.slow
def test_start_with_all_variables_succeeds() -> None:
    assert start() == (0, "started\n")


def test_start_with_an_https_url_enables_tls_settings() -> None:
    values = "(s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.STRIPE_IS_REAL)"
    assert start(READ.format(values)) == (0, "(True, True, True, True)\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["London", "Europe", "../UTC", "UTC+1"])
def test_start_with_an_unknown_time_zone_names_it(name: str) -> None:
    code, output = start(READ.format("s.DEBUG"), TIME_ZONE=name)
    assert code != 0
    assert f"TIME_ZONE is not a time zone: {name!r}. Set it to a name such as Europe/London." in output


@pytest.mark.slow
@pytest.mark.parametrize(("name", "zone"), [("", "Europe/London"), ("Asia/Tokyo", "Asia/Tokyo")])
def test_start_uses_the_time_zone(name: str, zone: str) -> None:
    assert start(READ.format("(s.TIME_ZONE, s.USE_TZ)"), TIME_ZONE=name) == (0, f"('{zone}', True)\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "least"),
    [
        ("KEEP_CARTS_DAYS", "0", 1),
        ("KEEP_GUESTS_DAYS", "-1", 1),
        ("KEEP_SIGN_INS_DAYS", "3651", 1),
        ("KEEP_STRIPE_EVENTS_DAYS", "a week", 1),
        ("KEEP_ACCOUNT_EMAILS_DAYS", "2", 3),
    ],
)
def test_start_with_an_invalid_number_of_days_names_it(name: str, value: str, least: int) -> None:
    code, output = start(READ.format("s.DEBUG"), **{name: value})
    assert code != 0
    assert f"{name} is not a number of days from {least} to 3650: {value!r}. See .env.example." in output


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


def test_start_in_debug_mode_needs_no_variables() -> None:
    unset = dict.fromkeys(PRODUCTION, "") | {"DEBUG": "on", "STRIPE_API_BASE": shop.SIMULATOR_URL}
    del unset["STRIPE_PUBLISHABLE_KEY"], unset["STRIPE_WEBHOOK_SECRET"]
    code, output = start(READ.format("(s.SITE_URL, s.IS_TLS, s.STRIPE_IS_REAL)"), **unset)
    assert (code, output) == (0, "('http://127.0.0.1:8000', False, False)\n")
