"""Tests for maintenance mode and the error pages that need neither the database nor a session."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from ecommerce.operations.maintenance import MAX_REASON_LENGTH, render_static_page


@pytest.fixture
def maintenance_file(settings: Any, tmp_path: Path) -> Path:
    """Turn on maintenance mode with the file and return its path."""
    settings.MAINTENANCE_FILE = tmp_path / "maintenance"
    settings.MAINTENANCE_FILE.touch()
    return tmp_path / "maintenance"


@pytest.mark.parametrize("path", ["/", "/products/", "/cart/", "/orders/X/status/", "/nothing/", "/%00"])
def test_maintenance_returns_503_without_the_database(client: Client, maintenance_file: Path, path: str) -> None:
    response = client.get(path)  # a test without the database mark fails at the first query
    assert (response.status_code, response.headers["Retry-After"], response.headers["Refresh"]) == (503, "300", "60")
    assert "We will be back soon" in response.text
    assert response.headers["Cache-Control"] == "no-store"


def test_maintenance_rejects_forms_without_a_refresh(client: Client, maintenance_file: Path) -> None:
    response = client.post("/cart/update/", {"product_id": "1"})
    assert (response.status_code, "Refresh" in response.headers) == (503, False)


def test_maintenance_page_shows_the_escaped_text_of_the_file(client: Client, maintenance_file: Path) -> None:
    maintenance_file.write_text("Stocktaking until 18:00 & <b>then</b> tea")
    assert "Stocktaking until 18:00 &amp; &lt;b&gt;then&lt;/b&gt; tea" in client.get("/").text


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * 10_000])
def test_maintenance_accepts_invalid_and_long_file_content(
    client: Client, maintenance_file: Path, content: bytes
) -> None:
    maintenance_file.write_bytes(content)
    response = client.get("/")
    assert (response.status_code, "x" * (MAX_REASON_LENGTH + 1) in response.text) == (503, False)


def test_maintenance_follows_the_setting(client: Client, settings: Any, db: None) -> None:
    settings.MAINTENANCE = True
    assert client.get("/").status_code == 503
    settings.MAINTENANCE = False
    assert client.get("/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), [("/health/", 200), ("/admin/login/", 200), ("/media/nothing.webp", 404)])
def test_maintenance_keeps_health_admin_and_media_available(
    client: Client, maintenance_file: Path, path: str, status: int
) -> None:
    assert client.get(path).status_code == status


@pytest.mark.django_db
def test_maintenance_keeps_the_webhook_available(client: Client, maintenance_file: Path) -> None:
    assert client.post("/billing/webhook/", b"{}", content_type="application/json").status_code == 400  # unsigned


@pytest.mark.parametrize("template", ["500.html", "503.html"])
def test_static_page_needs_no_database_and_links_to_products(template: str) -> None:
    page = render_static_page(template)  # a test without the database mark fails at the first query
    assert ("Hearth &amp; Clay" in page, 'href="/products/"' in page, 'content="noindex"' in page) == (True, True, True)
    assert "Login" not in page


@pytest.mark.django_db
def test_error_of_the_program_in_the_database_renders_the_500_page(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise connection.Database.ProgrammingError("no such column")

    client.cookies["sessionid"] = "a" * 32
    client.raise_request_exception = False
    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", fail)
    response = client.get("/cart/")
    assert (response.status_code, "That was our mistake, not yours." in response.text) == (500, True)
