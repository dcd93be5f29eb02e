"""Try mutants: fork a process for each, load the mutated module there, and run its tests until one fails.

No file of the project changes. The mutated code only exists in the memory of the forked process, and its database and
files are in a temporary folder.
"""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.mutations import Mutant
from tests.mutants.places import ROOT, ChangedModule, name_of

OPTIONS = [
    "-x",
    "-q",
    "-p",
    "no:randomly",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "--reuse-db",
    "--hypothesis-seed=0",
    "-Wignore::pytest.PytestAssertRewriteWarning",  # of what `preload` imports
]
PRELOADED = ["django.test", "django.contrib.admin", "stripe", "hypothesis", "requests", "stripe_simulator.server"]
NO_TESTS = 5  # pytest's exit status


@dataclass(frozen=True)
class Task:
    """A mutant with its code, its tests, and the seconds after which it counts as killed."""

    mutant: Mutant
    code: str
    tests: Sequence[str]
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: "killed", "timed out" or "survived", and the test that failed."""

    result: str
    test: str = ""
    seconds: float = 0.0
    output: str = ""  # of a process that failed outside a test


class MutantFinder(MetaPathFinder):
    """Import the mutated module from the mutated code."""

    def __init__(self, path: str, code: str) -> None:
        self.loader = ChangedModule(path, compile(code, str(ROOT / path), "exec", dont_inherit=True))

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        return spec_from_file_location(name, self.loader.path, loader=self.loader) if name == self.loader.name else None


class ChosenTests:
    """A pytest plugin that runs only some tests, in their order, and stores the name of the one that fails."""

    def __init__(self, names: Sequence[str], failed: Path) -> None:
        self.order = {name: number for number, name in enumerate(names)}
        self.failed = failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order), key=lambda item: self.order[item.nodeid]
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.write_text(report.nodeid, encoding="utf-8")


def preload() -> None:
    """Import what all tests need, except the shop, once for all forked processes."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
    sys.dont_write_bytecode = True
    for name in PRELOADED:
        __import__(name)


class Trials:
    """Run tasks in up to `jobs` processes at a time."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        self.running: dict[int, tuple[Task, Path, float]] = {}

    def run(self, tasks: Sequence[Task], report: Callable[[Task, Outcome], None]) -> None:
        """Run all tasks and report each outcome. End all processes if an exception is raised."""
        waiting = list(reversed(tasks))
        try:
            while waiting or self.running:
                while waiting and len(self.running) < self.jobs:
                    self._start(waiting.pop())
                for task, outcome in self._finished():
                    report(task, outcome)
                time.sleep(0.02)
        finally:
            for pid in self.running:
                _kill(pid)
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, task: Task) -> None:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        sys.stdout.flush()
        if pid := os.fork():
            self.running[pid] = task, folder, time.monotonic()
            return
        status = 1
        try:
            os.setsid()
            status = _run(task, folder, self.folder / "test.sqlite3")
        except BaseException:
            (folder / "output").write_text(traceback.format_exc(), encoding="utf-8")
        finally:
            os._exit(status)

    def _finished(self) -> Iterator[tuple[Task, Outcome]]:
        """Yield the outcomes of the processes that ended or took too long."""
        for pid, (task, folder, began) in list(self.running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            seconds = time.monotonic() - began
            if not ended and seconds < task.seconds:
                continue
            del self.running[pid]
            _kill(pid, is_running=not ended)
            yield task, _outcome(os.waitstatus_to_exitcode(status) if ended else None, folder, seconds)
            shutil.rmtree(folder, ignore_errors=True)


def _outcome(status: int | None, folder: Path, seconds: float) -> Outcome:
    """Return the outcome for an exit status, which is None if the process was ended."""
    if status is None:
        return Outcome("timed out", "", seconds)
    if status == NO_TESTS:
        raise RuntimeError((folder / "output").read_text(encoding="utf-8"))
    failed = folder / "failed"
    if failed.exists():
        return Outcome("killed", failed.read_text(encoding="utf-8"), seconds)
    if status:
        return Outcome("killed", "", seconds, (folder / "output").read_text(encoding="utf-8")[-3000:])
    return Outcome("survived", "", seconds)


def _run(task: Task, folder: Path, database: Path) -> int:
    """Run the tests of a mutant in this process and return pytest's exit status."""
    output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(ROOT)
    os.environ |= {"VAR_DIR": str(folder), "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis")}
    os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'shop.sqlite3'}"
    if database.exists():
        shutil.copy(database, folder / "test.sqlite3")
    name = name_of(task.mutant.path)
    assert name not in sys.modules, name
    sys.meta_path.insert(0, MutantFinder(task.mutant.path, task.code))
    modules = dict.fromkeys(test.split("::")[0] for test in task.tests)
    options = [*OPTIONS, f"--basetemp={folder / 'temporary'}", *modules]
    status = int(pytest.main(options, plugins=[ChosenTests(task.tests, folder / "failed")]))
    if not status and not database.exists():
        with contextlib.suppress(OSError):
            shutil.copy(folder / "test.sqlite3", database.with_suffix(".new"))
            database.with_suffix(".new").rename(database)
    return status


def _kill(pid: int, is_running: bool = True) -> None:
    """End a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if is_running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
