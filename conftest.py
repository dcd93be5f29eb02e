"""Fixtures for the tests of every app."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client, TransactionTestCase
from django.utils import translation
from hypothesis import settings as hypothesis_settings

from billing.simulator.server import Simulator
from ecommerce.tests import stripe_mock as mock

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
CHROMIUMS = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"]
NOBODY = "http://127.0.0.1:9"  # the discard port: connections are refused at once
hypothesis_settings.register_profile("long", max_examples=20_000)  # for `pytest --hypothesis-profile=long`


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow layers first, so that the processes end together."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


def pytest_configure() -> None:
    """Tests that commit end with an emptied database: Django's way, a flush, takes a quarter of a second each."""
    TransactionTestCase._fixture_teardown = empty_the_database  # type: ignore[method-assign, assignment]


def empty_the_database(case: TransactionTestCase) -> None:
    """Delete all rows but those that no test touches, in any order: foreign keys are looked at in the end."""
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType

    from ecommerce.tests.makers import make_standard_delivery

    kept = {ContentType._meta.db_table, Permission._meta.db_table}
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with transaction.atomic(), connection.cursor() as cursor:
        for table in set(tables) - kept:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608 - a table of ours
    make_standard_delivery()  # as the migration does


def skip_unless_ci(reason: str) -> None:
    """Skip with a reason; in CI nothing that should run may be missing."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def laptop(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No Stripe unless a test asks for one, quick passwords, an empty cache, uploads and a language of its own."""
    settings.STRIPE_API_BASE = NOBODY
    settings.STRIPE_IS_REAL = False
    settings.STRIPE_SECRET_KEY = "sk_test_tests"
    settings.STRIPE_PUBLISHABLE_KEY = "pk_test_tests"
    settings.STRIPE_WEBHOOK_SECRET = "whsec_tests"
    settings.CARD_TRIES = dict.fromkeys(settings.CARD_TRIES, 10_000)  # all tests pay from one address
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.AXES_ENABLED = False  # limits sign-ins in its own tests alone
    settings.MEDIA_ROOT = str(tmp_path_factory.mktemp("media"))
    cache.clear()
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Simulator]:
    """One simulator a test process."""
    simulator = Simulator(webhook_secret="whsec_tests")
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def simulator(running_simulator: Simulator, laptop: None, settings: Any) -> Iterator[Simulator]:
    """A simulator that has forgotten everything, and a shop that talks to it."""
    running_simulator.webhook_url = ""
    running_simulator.reset()
    settings.STRIPE_API_BASE = running_simulator.url
    settings.STRIPE_JS_URL = running_simulator.url + "/endive/stripe.js"
    yield running_simulator
    running_simulator.webhook_url = ""


@pytest.fixture(scope="session")
def stripe_mock_url() -> Iterator[str]:
    """A real stripe-mock; where there is none its tests are skipped, in CI they fail."""
    if url := mock.server():
        yield url
        return
    path = None if os.environ.get("STRIPE_MOCK_URL") else mock.program()
    if path is None:
        skip_unless_ci(mock.HOW_TO_GET_IT)
    process, url = mock.start(str(path))
    with process:
        yield url
        process.terminate()


@pytest.fixture
def other_client() -> Client:
    """A second visitor's browser."""
    return Client()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A real browser: CHROMIUM, Debian's (its headless shell is three times as quick), or Playwright's own."""
    from playwright.sync_api import Error, sync_playwright

    # Playwright keeps an event loop in the thread of the tests, which Django would take for a mistake of ours.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        try:
            path = os.environ.get("CHROMIUM") or next(filter(os.path.exists, CHROMIUMS), None)
            browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        except Error:
            skip_unless_ci(
                "No Chromium. Install it (`apt-get install chromium-headless-shell`) or name one with CHROMIUM."
            )
        yield browser
        browser.close()
