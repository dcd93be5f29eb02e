"""Which tests execute which function of the mutated modules. pytest loads this module as a plugin to measure it.

A test belongs to a mutant of a function if it executes that function. What runs when a module is imported belongs to
every test that executes a function of this module or of a module that imports it, and to the test modules that do.
"""

import ast
import builtins
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tests.mutants.places import (
    APPS,
    ROOT,
    ChangedModule,
    functions_of,
    imports_of,
    mutated_modules,
    name_of,
    read,
    source_modules,
    test_modules,
)

USED = "not browser and not proof"  # Slow tests too: many workflows have no others.
MOST_TESTS = 200  # for a mutant that is known to survive
NOTE = "__note_execution__"
FOLDER_VARIABLE = "MUTANTS_COVERAGE"
Measured = dict[str, Any]  # a node ID: {"seconds": 0.1, "places": ["billing/limits.py::reject"]}


class RecordingFinder(MetaPathFinder):
    """Import the modules of the shop with a call at the start of each function that notes its name."""

    def __init__(self) -> None:
        self.mutated = set(mutated_modules())

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        path = name.replace(".", "/") + ".py"
        if (
            path.split("/")[0] not in APPS
            or {"tests", "migrations"} & set(path.split("/"))
            or not (ROOT / path).exists()
        ):
            return None
        return spec_from_file_location(name, ROOT / path, loader=ChangedModule(path, self.code_of(path)))

    def code_of(self, path: str) -> CodeType:
        """Return the code of a module that notes its functions if the module is mutated, or only the module if not."""
        tree = ast.parse(read(path))
        for function, name in functions_of(tree):
            place = f"{path}::{name if path in self.mutated else ''}"
            call = ast.Expr(ast.Call(ast.Name(NOTE, ast.Load()), [ast.Constant(place)], []))
            has_docstring = ast.get_docstring(function) is not None and len(function.body) > 1
            function.body.insert(int(has_docstring), ast.copy_location(call, function.body[0]))
        return compile(ast.fix_missing_locations(tree), str(ROOT / path), "exec", dont_inherit=True)


class Recorder:
    """A pytest plugin that notes for each test what it executes and how long it takes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.executed: set[str] = set()
        self.tests: Measured = {}
        setattr(builtins, NOTE, self.executed.add)
        sys.meta_path.insert(0, RecordingFinder())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        forget_prepared_queries(mutated_modules())
        self.executed.clear()
        began = time.perf_counter()
        try:
            return (yield)
        finally:
            seconds = round(time.perf_counter() - began, 3)
            self.tests[item.nodeid] = {"seconds": seconds, "places": sorted(self.executed)}

    def pytest_sessionfinish(self) -> None:
        if self.tests:
            (self.folder / f"{os.getpid()}.json").write_text(json.dumps(self.tests), encoding="utf-8")


def forget_prepared_queries(paths: Iterable[str]) -> None:
    """Let prepared queries of these modules be made again, so that every test that needs one executes its function."""
    modules = [sys.modules[name] for path in paths if (name := name_of(path)) in sys.modules]
    for value in [value for module in modules for value in vars(module).values()]:
        if type(value).__name__ == "PreparedQuery":  # The shop must not be imported here before pytest configures it.
            value._prepared.clear()


# pytest imports a plugin before it configures Django, so no module of the shop was imported yet.
RECORDER = Recorder(Path(os.environ[FOLDER_VARIABLE])) if FOLDER_VARIABLE in os.environ else None


def pytest_configure(config: pytest.Config) -> None:
    if RECORDER:
        config.pluginmanager.register(RECORDER)


def measure(store: Path, jobs: int) -> Measured:
    """Return what each test executes. Run only the test modules that changed, or all if the shop changed."""
    shop = digest(source_modules())
    known = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    digests = {path: digest([path], shop) for path in test_modules()}
    if stale := [path for path in digests if known.get(path, {}).get("digest") != digests[path]]:
        found = _run(stale, jobs)
        for path in stale:
            tests = {name: values for name, values in found.items() if name.split("::")[0] == path}
            known[path] = {"digest": digests[path], "tests": tests}
        store.write_text(json.dumps(known), encoding="utf-8")
    return {name: values for path in digests for name, values in known[path]["tests"].items()}


def _run(paths: list[str], jobs: int) -> Measured:
    """Run the tests of some test modules and return what they executed."""
    sys.stdout.write(f"Running the tests of {len(paths)} modules to see what they execute ...\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {FOLDER_VARIABLE: folder, "VAR_DIR": folder}
        options = ["-q", "-p", "tests.mutants.coverage", "-p", "no:randomly", "-p", "no:cacheprovider"]
        command = [sys.executable, "-m", "pytest", *options, "-n", str(jobs), "-m", USED, *paths]
        status = subprocess.run(command, cwd=ROOT, env=environment).returncode
        if status not in (0, 5):
            sys.exit("The tests must pass before mutants can be tried.")
        found: Measured = {}
        for path in Path(folder).glob("*.json"):
            found |= json.loads(path.read_text(encoding="utf-8"))
        return found


def tests_of(path: str, function: str, measured: Measured) -> list[str]:
    """Return the tests that execute a function or module, those that say most about it first.

    First come the tests that import the module, then those of the same app, and of these those that execute least.
    """
    place, app, module = f"{path}::{function}", path.split("/")[0], name_of(path)
    covering = {name: values for name, values in measured.items() if place in values["places"]}
    if not covering:  # It runs at import, as the decorators of a function do that no test executes.
        modules = {path, *importers(path)}
        for name, values in measured.items():
            executed = {place.split("::")[0] for place in values["places"]}
            if executed & modules or module in imports_of(name.split("::")[0]):
                covering[name] = values

    def rank(test: str) -> tuple[bool, bool, int, str]:
        test_path = test.split("::")[0]
        return (
            module not in imports_of(test_path),
            not test_path.startswith(f"{app}/"),
            len(covering[test]["places"]),
            test,
        )

    return sorted(covering, key=rank)


@cache
def importers(path: str) -> frozenset[str]:
    """Return the paths of the modules that import a module."""
    return frozenset(other for other in source_modules() if name_of(path) in imports_of(other))


def digest(paths: Iterable[str], *more: str) -> str:
    """Return a digest of the contents of some modules."""
    return hashlib.sha256("\0".join([*more, *(f"{path}\0{read(path)}" for path in paths)]).encode()).hexdigest()
