"""Fixtures for the tests of every app."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.test import Client, TransactionTestCase, override_settings
from django.utils import translation
from hypothesis import settings as hypothesis_settings

from billing.stripe_calls import admission
from core.page_cache import storage
from core.page_cache.version_cache import VersionCache
from core.shop import current
from core.shop.models import Shop
from stripe_simulator.server import Simulator
from tests import stripe_mock as mock

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
CHROMIUMS = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"]
UNREACHABLE_URL = "http://127.0.0.1:9"  # the discard port: connections are refused immediately
hypothesis_settings.register_profile("long", max_examples=20_000)  # select with `pytest --hypothesis-profile=long`


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the cases of a `sampled` test as slow, except every `step`th one.

    Raise UsageError if the marker is on a test without cases: then it is above the wrong function.
    """
    sampled, callspec = item.get_closest_marker("sampled"), getattr(item, "callspec", None)
    if sampled in item.own_markers and callspec is None:
        raise pytest.UsageError(f"{item.nodeid} is sampled, but not parametrized.")
    if sampled and callspec and max(callspec.indices.values()) % sampled.args[0]:
        item.add_marker(pytest.mark.slow)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run browser tests first, so that all worker processes finish at about the same time."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


def pytest_configure() -> None:
    """Replace the flush after tests that commit. Django's flush takes a quarter of a second per test.

    Close each connection after its request, because PostgreSQL does not delete a database that a thread still uses.
    """
    from django.conf import settings

    settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
    TransactionTestCase._fixture_teardown = delete_all_rows  # type: ignore[method-assign, assignment]


def delete_all_rows(case: TransactionTestCase) -> None:
    """Delete all rows except content types and permissions, which no test changes.

    The order of the tables does not matter, because foreign keys are only checked at the end of the transaction.
    """
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType

    from tests.makers import make_standard_delivery

    kept = {ContentType._meta.db_table, Permission._meta.db_table}
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with transaction.atomic(), connection.cursor() as cursor:
        for table in set(tables) - kept:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608 - one of our tables
    make_standard_delivery()  # as the migration creates it


def skip_unless_ci(reason: str) -> None:
    """Skip the test with a reason. Fail instead in CI, where every tool must be installed."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def settings_of_tests() -> Iterator[None]:
    """Set what is the same in every test. One override is faster than one for each setting and test.

    Stripe is unreachable unless a test requests the simulator, and password hashing is fast. The site has its default
    URL and cookie names, even if this checkout was last run on another port.
    """
    with override_settings(
        SITE_NAME="Hearth & Clay",  # with a character that HTML escapes
        SITE_URL="http://127.0.0.1:8000",
        SITE_HOST="127.0.0.1",
        SESSION_COOKIE_NAME="sessionid",
        CSRF_COOKIE_NAME="csrftoken",
        MESSAGES_COOKIE_NAME="messages",
        LANGUAGE_COOKIE_NAME="django_language",
        STRIPE_API_BASE=UNREACHABLE_URL,
        STRIPE_IS_REAL=False,
        STRIPE_SECRET_KEY="sk_test_tests",
        STRIPE_PUBLISHABLE_KEY="pk_test_tests",
        STRIPE_WEBHOOK_SECRET="whsec_tests",
        CARD_TRIES=dict.fromkeys(django_settings.CARD_TRIES, 10_000),  # all tests pay from one IP address
        REQUEST_LIMITS=dict.fromkeys(django_settings.REQUEST_LIMITS, 10_000),
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        AXES_ENABLED=False,  # only the tests of the sign-in lockout enable it
    ):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Delete the row about the shop, so that all tests begin without one, as after a test that commits."""
    with django_db_blocker.unblock():
        Shop.objects.all().delete()


@pytest.fixture(scope="session")
def media_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder for the uploads of all tests."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(autouse=True)
def isolated_settings(settings: Any, media_folder: Path) -> Iterator[None]:
    """Isolate each test: the cache is empty, uploads have a folder of their own, and the language is the default.

    Earlier tests leave no time-outs of calls to Stripe.
    """
    uploads = media_folder / uuid.uuid4().hex
    uploads.mkdir()
    settings.MEDIA_ROOT = str(uploads)
    cache.clear()
    VersionCache.clear_all()
    current.forget()
    admission.breaker.record(is_timeout=False)
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture
def without_renditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the renditions, because those of all sample pictures take seconds."""
    from products.images.renditions import RenditionImageFile
    from products.management.commands import seed

    monkeypatch.setattr(RenditionImageFile, "create_renditions", lambda file: 0)
    monkeypatch.setattr(seed, "prepare", lambda path: ContentFile(path.read_bytes(), path.name))


@pytest.fixture
def page_cache(settings: Any) -> None:
    """Turn the page cache on, as in production. It is empty."""
    settings.PAGE_CACHE = True
    storage.clear()


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Simulator]:
    """Start one simulator per test process."""
    simulator = Simulator(webhook_secret="whsec_tests")
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def simulator(running_simulator: Simulator, isolated_settings: None, settings: Any) -> Iterator[Simulator]:
    """Return an empty simulator, with the shop configured to use it."""
    running_simulator.webhook_url = ""
    running_simulator.reset()
    settings.STRIPE_API_BASE = running_simulator.url
    settings.STRIPE_JS_URL = running_simulator.url + "/endive/stripe.js"
    yield running_simulator
    running_simulator.webhook_url = ""


@pytest.fixture(scope="session")
def stripe_mock_url() -> Iterator[str]:
    """Return the URL of a real stripe-mock. Without one, skip the tests that need it, or fail them in CI."""
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
    """Return the client of a second visitor."""
    return Client()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Launch a real browser: the one CHROMIUM names, else Debian's, else the one that Playwright installed.

    Debian's headless shell comes before its full Chromium because it is three times as fast.
    """
    from playwright.sync_api import Error, expect, sync_playwright

    from tests.browser import TIMEOUT

    # Playwright runs an event loop in the test thread. Without this, Django would refuse database access from it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        try:
            path = os.environ.get("CHROMIUM") or next(filter(os.path.exists, CHROMIUMS), None)
            browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        except Error:
            skip_unless_ci(
                "No Chromium. Install it (`apt-get install chromium-headless-shell`) or set CHROMIUM to its path."
            )
        yield browser
        browser.close()
