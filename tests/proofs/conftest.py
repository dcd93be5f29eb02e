"""Pytest hooks and fixtures for the proofs."""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from core.background.tasks import IMMEDIATE
from orders.workflow import payments
from stripe_simulator.server import Simulator
from tests.proofs import disabled_guards
from tests.proofs.abuse_server import abuse_server as abuse_server
from tests.proofs.abuse_server import guest as guest
from tests.proofs.abuse_server import shop as shop
from tests.proofs.processes import ChildEnvironment
from tests.proofs.proof_report import SCALE, ProofReport
from tests.workers import use_engine


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the short abuse tests last, so that all worker processes end at about the same time.

    With SCALE=small, run only every second case of the parametrized abuse tests, and the other half the next day.
    """
    items.sort(key=lambda item: "/proofs/test_abuse_" in item.nodeid)
    if SCALE != "small":
        return
    seen: Counter[str] = Counter()
    left_out = []
    for item in items:
        test = item.nodeid.partition("[")[0]
        seen[test] += "[" in item.nodeid and "/proofs/test_abuse_" in test
        if seen[test] and (seen[test] + datetime.now(UTC).toordinal()) % 2:
            left_out.append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Iterator[ProofReport]:
    """Yield the record of what a proof tried and found. Fail the test if it found a problem."""
    report = ProofReport(getattr(request.module, "PROOF", request.module.__name__.rpartition("test_")[2].capitalize()))
    yield report
    if path := os.environ.get("PROOF_RESULTS"):
        report.write(path)
    if problems := report.problems():
        pytest.fail("\n".join(problems[:20]), pytrace=False)


@pytest.fixture
def engine(request: pytest.FixtureRequest, settings: Any) -> str:
    """Use the task engine of this case, or the database engine for all cases if TASK_ENGINE says so."""
    name: str = settings.TASK_ENGINE if settings.TASK_ENGINE != IMMEDIATE else request.param
    use_engine(name, settings)
    return name


@pytest.fixture
def place(simulator: Simulator, transactional_db: None, settings: Any, tmp_path: Path) -> ChildEnvironment:
    """Return the environment for child processes: this test's database, simulator and email folder.

    This process uses the same email folder.
    """
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    name = str(connection.settings_dict["NAME"])
    return ChildEnvironment(name, simulator.url, settings.EMAIL_FILE_PATH, settings.TASK_ENGINE)


@pytest.fixture
def create_and_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the shop create and confirm a new intent each time Pay is pressed, in this process too, for one test."""
    for name in ("ensure_intent", "_start"):
        monkeypatch.setattr(payments, name, getattr(payments, name))  # so that monkeypatch restores both
    disabled_guards.create_intent_for_each_press()
