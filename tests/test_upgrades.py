"""A test for the upgrade from the released version: `manage.py migrate` on a database that the release has made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db.migrations.loader import MigrationLoader

from tests.migration_lint import released

pytestmark = pytest.mark.slow


def released_states() -> list[tuple[str, str]]:
    """Return the last released migration of each app."""
    graph, names = MigrationLoader(None).graph, released.names()
    followed = {
        (parent.key[0], parent.key[1])
        for node in names
        for parent in graph.node_map[node].parents
        if parent.key[0] == node[0]
    }
    return sorted(names - followed)


def manage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a management command with a database of its own in this folder."""
    variables = {"DATABASE_URL": f"sqlite:///{folder / 'shop.sqlite3'}", "VAR_DIR": str(folder)}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=os.environ | variables, capture_output=True, text=True, check=False
    )


def test_each_app_has_one_released_state() -> None:
    apps = [app for app, _name in released_states()]
    assert (len(apps), "orders" in apps) == (len(set(apps)), True)


def test_released_version_is_upgraded_by_one_command(tmp_path: Path) -> None:
    for app, name in released_states():
        done = manage(tmp_path, "migrate", app, name, "--skip-checks")
        assert done.returncode == 0, done.stderr
    done = manage(tmp_path, "migrate")
    assert done.returncode == 0, done.stderr
    assert manage(tmp_path, "migrate", "--check").returncode == 0
