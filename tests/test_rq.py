"""Tests for background work by RQ workers, with a real Redis."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from orders.bookkeeping.pruning import DAILY, PRUNE


@pytest.mark.slow
def test_rq_worker_runs_tasks(redis_url: str, tmp_path: Path) -> None:
    """Start a task in one process and run it in an RQ worker."""
    queue = "from orders.bookkeeping.tasks import prune, send_due_emails; prune.enqueue(); send_due_emails.enqueue()"
    environment = os.environ | {"TASK_ENGINE": "rq", "CACHE_URL": redis_url, "VAR_DIR": str(tmp_path)}
    environment.pop("DATABASE_URL", None)
    worker = ["rqworker", "--burst", "--job-class", "django_tasks_rq.Job", "default", "slow"]
    outputs = []
    for command in (["migrate", "-v", "0"], ["shell", "-v", "0", "-c", queue], worker):
        done = subprocess.run(
            [sys.executable, "manage.py", *command], env=environment, cwd=settings.BASE_DIR, capture_output=True,
            text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout + done.stderr)
    assert "orders.bookkeeping.tasks.send_due_emails" in outputs[-1]
    assert "failed" not in outputs[-1].lower()
    with sqlite3.connect(tmp_path / "shop.sqlite3") as rows:
        finished = {name for (name,) in rows.execute("SELECT name FROM core_backgroundrun WHERE finished IS NOT NULL")}
    assert finished == {PRUNE, *DAILY}
