"""Which modules are mutated and which tests are run, and how to read them."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parents[2]
APPS = ("core", "products", "accounts", "billing", "addresses", "carts", "orders")
GROUPS = {
    "orders/workflow": ["orders/workflow/*.py", "orders/workflow/erasure/*.py"],
    "orders/bookkeeping": ["orders/bookkeeping/*.py"],
    "billing": [
        "billing/answers.py",
        "billing/cards.py",
        "billing/gateway.py",
        "billing/limits.py",
        "billing/models/card.py",
        "billing/stripe_calls/*.py",
    ],
    "carts/pricing": ["carts/pricing/*.py"],
}


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def group_of(path: str) -> str:
    """Return the group of a mutated module."""
    return next(group for group, patterns in GROUPS.items() if any(Path(path).match(name) for name in patterns))


def mutated_modules() -> list[str]:
    """Return the paths of all modules that are mutated."""
    found = {path for patterns in GROUPS.values() for name in patterns for path in ROOT.glob(name)}
    return [str(path.relative_to(ROOT)) for path in sorted(found) if path.stat().st_size]


@cache
def imports_of(path: str) -> frozenset[str]:
    """Return the names of all modules, and of all names from modules, that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return frozenset(found)


def name_of(path: str) -> str:
    """Return the name by which a module is imported."""
    return path.removesuffix(".py").replace("/", ".")


def test_modules() -> list[str]:
    """Return the paths of the test modules whose tests are run.

    These are the tests of an app with mutated modules, and other tests that import a mutated module.
    """
    mutated = mutated_modules()
    apps, names = {path.split("/")[0] for path in mutated}, set(map(name_of, mutated))
    paths = [path for folder in APPS for path in (ROOT / folder / "tests").glob("test_*.py")]
    paths += [path for path in (ROOT / "tests").glob("test_*.py") if path.name != "test_mutants.py"]
    found = sorted(str(path.relative_to(ROOT)) for path in paths)
    return [path for path in found if path.split("/")[0] in apps or imports_of(path) & names]


def source_modules() -> Iterator[str]:
    """Yield the paths of all modules of the shop, and of the modules that tests import."""
    for folder in (*APPS, "ecommerce", "stripe_simulator", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            relative = path.relative_to(ROOT)
            if not path.name.startswith("test_") and "proofs" not in relative.parts and "mutants" not in relative.parts:
                yield str(relative)
    yield "conftest.py"


def functions_of(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str]]:
    """Yield each function and method of a module with its name, without functions inside functions."""
    for node in tree.body:
        is_class = isinstance(node, ast.ClassDef)
        for member in node.body if is_class else [node]:
            if isinstance(member, ast.FunctionDef):
                yield member, f"{node.name}.{member.name}" if is_class else member.name


class ChangedModule(SourceFileLoader):
    """Import a module from changed code instead of its file."""

    def __init__(self, path: str, code: CodeType) -> None:
        self.code = code
        super().__init__(name_of(path), str(ROOT / path))

    def get_code(self, fullname: str) -> CodeType:
        return self.code
