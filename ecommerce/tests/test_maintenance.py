"""Closed for work, and the pages that need neither database nor session."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from ecommerce.maintenance import LONGEST_REASON, static_page


@pytest.fixture
def closed(settings: Any, tmp_path: Path) -> Path:
    """The shop is closed by a file."""
    settings.MAINTENANCE_FILE = tmp_path / "maintenance"
    settings.MAINTENANCE_FILE.touch()
    return tmp_path / "maintenance"


@pytest.mark.parametrize("path", ["/", "/products/", "/cart/", "/orders/X/status/", "/nothing/", "/%00"])
def test_closed_shop_answers_503_without_the_database(client: Client, closed: Path, path: str) -> None:
    answer = client.get(path)  # a test without the database mark fails at the first query
    assert (answer.status_code, answer.headers["Retry-After"], answer.headers["Refresh"]) == (503, "300", "60")
    assert "We will be back soon" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_closed_shop_takes_no_form_and_sends_nobody_around(client: Client, closed: Path) -> None:
    answer = client.post("/cart/update/", {"product_id": "1"})
    assert (answer.status_code, "Refresh" in answer.headers) == (503, False)


def test_closed_shop_says_why_in_the_operators_words(client: Client, closed: Path) -> None:
    closed.write_text("Stocktaking until 18:00 & <b>then</b> tea")
    assert "Stocktaking until 18:00 &amp; &lt;b&gt;then&lt;/b&gt; tea" in client.get("/").text


@pytest.mark.parametrize("words", [b"\xff\xfe\x00", b"x" * 10_000])
def test_closed_shop_survives_what_no_operator_means(client: Client, closed: Path, words: bytes) -> None:
    closed.write_bytes(words)
    answer = client.get("/")
    assert (answer.status_code, "x" * (LONGEST_REASON + 1) in answer.text) == (503, False)


def test_shop_is_closed_by_a_setting_and_open_again_without_it(client: Client, settings: Any, db: None) -> None:
    settings.MAINTENANCE = True
    assert client.get("/").status_code == 503
    settings.MAINTENANCE = False
    assert client.get("/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), [("/health/", 200), ("/admin/login/", 200), ("/media/nothing.webp", 404)])
def test_closed_shop_goes_on_for_machines_and_staff(client: Client, closed: Path, path: str, status: int) -> None:
    assert client.get(path).status_code == status


@pytest.mark.django_db
def test_closed_shop_still_listens_to_stripe(client: Client, closed: Path) -> None:
    assert client.post("/billing/webhook/", b"{}", content_type="application/json").status_code == 400  # unsigned


@pytest.mark.parametrize("template", ["500.html", "503.html"])
def test_page_of_an_outage_needs_no_database_and_shows_a_way_on(template: str) -> None:
    page = static_page(template)  # a test without the database mark fails at the first query
    assert ("Hearth &amp; Clay" in page, 'href="/products/"' in page, 'content="noindex"' in page) == (True, True, True)
    assert "Login" not in page


@pytest.mark.django_db
def test_database_that_is_away_is_a_page_of_the_shop(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: Any, **_more: Any) -> None:
        raise connection.Database.OperationalError("gone")

    client.cookies["sessionid"] = "a" * 32
    client.raise_request_exception = False
    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", away)
    answer = client.get("/cart/")
    assert (answer.status_code, "That was our mistake, not yours." in answer.text) == (500, True)
