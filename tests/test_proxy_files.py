"""Tests of the `proxy_files` command: what the error pages of a proxy say, and who may read it."""

import os
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError

from core.shop.current import stored_shop
from ecommerce.management.commands import proxy_files as command
from ecommerce.operations import proxy_files

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def collected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the headers of static files, which tests do not collect."""
    monkeypatch.setattr(proxy_files, "static_file_headers", dict)


@pytest.fixture
def acted_as(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Let the process seem to be root, and return the users and groups that it becomes."""
    became: list[tuple[int, int]] = []
    now = SimpleNamespace(user=0, group=0)

    def set_group(group: int) -> None:
        assert now.user == 0  # only root may change the group
        now.group = group

    def set_user(user: int) -> None:
        now.user = user
        became.append((user, now.group))

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "setegid", set_group)
    monkeypatch.setattr(os, "seteuid", set_user)
    return became


def written(folder: Path) -> tuple[str, str]:
    """Run the command. Return the error page for visitors with English, and the warnings."""
    errors = StringIO()
    call_command("proxy_files", str(folder), stdout=StringIO(), stderr=errors)
    return (folder / "pages" / "503.en-gb.html").read_text(encoding="utf-8"), errors.getvalue()


def test_error_pages_have_the_name_that_staff_entered(tmp_path: Path) -> None:
    shop = stored_shop()
    shop.name = "Kiln Row"
    shop.save()
    page, warnings = written(tmp_path)
    assert ("Kiln Row" in page, warnings) == (True, "")


def test_error_pages_without_a_database_have_the_name_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def fail() -> Any:
        raise OperationalError("role “root” does not exist")

    settings.SITE_NAME = "Name of the settings"
    monkeypatch.setattr(command, "current_shop", fail)
    page, warnings = written(tmp_path)
    assert ("Name of the settings" in page, "role “root” does not exist" in warnings) == (True, True)


def test_root_reads_the_database_as_the_owner_of_the_shops_folder(acted_as: list[tuple[int, int]]) -> None:
    owner = SimpleNamespace(st_uid=1001, st_gid=1002)
    folder: Any = SimpleNamespace(stat=lambda: owner)
    with proxy_files.acting_as_owner_of(folder):
        assert acted_as == [(1001, 1002)]
    assert acted_as[1:] == [(0, 1002)]


def test_other_users_stay_who_they_are(acted_as: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1001)
    with proxy_files.acting_as_owner_of(Path("/")):
        pass
    assert acted_as == []
