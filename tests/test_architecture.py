"""Rules for the code that import-linter cannot check: session keys, markup, browser tests, and sizes."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
SESSION_KEYS = ["cart_id", "cart_items", "billing_profile_id", "guest_email_id", "_password_reset_token", "order_ids"]
SESSION_KEYS += ["order_links", "held_order_ids", "details_order_id", "details_draft", "guest_times"]
SESSION_KEYS += ["staff_session", "waiting_sign_in", "new_second_factor"]


def python_files(root: Path) -> list[Path]:
    """Return the paths of all modules in the packages below `root`."""
    packages = [path for path in root.iterdir() if not path.name.startswith(".") and path.name != "var"]
    return sorted(path for package in packages for path in package.glob("**/*.py"))


def modules(root: Path) -> Iterator[Path]:
    """Yield the paths of all modules in the packages below `root`, without tests and migrations."""
    for path in python_files(root):
        relative = path.relative_to(root)
        if not {"tests", "migrations"} & set(relative.parts):
            yield relative


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """Return all nodes of the syntax tree of a module."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def modules_naming_key(root: Path, key: str) -> set[str]:
    """Return the modules that contain a session key as a string. Template variables and related names do not count."""
    found = set()
    for path in modules(root):
        if key not in (root / path).read_text(encoding="utf-8"):
            continue
        nodes = nodes_of(root / path)
        other = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg == "related_name"]
        if path.name == "context_processors.py":
            other += [name for node in nodes if isinstance(node, ast.Dict) for name in node.keys]
        if any(isinstance(node, ast.Constant) and node.value == key and node not in other for node in nodes):
            found.add(str(path))
    return found


@pytest.mark.parametrize("key", SESSION_KEYS)
def test_session_key_is_named_in_one_module(key: str) -> None:
    assert len(modules_naming_key(ROOT, key)) == 1


def test_session_key_named_twice_is_found(tmp_path: Path) -> None:
    for path, code in {
        "carts/models.py": 'CART_KEY = "cart_id"',
        "orders/views.py": 'def view(request):\n    return request.session.get("cart_id")',
        "orders/models.py": "cart_id = 1",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(code)
    assert modules_naming_key(tmp_path, "cart_id") == {"carts/models.py", "orders/views.py"}


def templates() -> list[Path]:
    return sorted((ROOT / "templates").rglob("*.html"))


SCRIPT_BODY = re.compile(r"<script(?![^>]*application/(?:ld\+)?json)[^>]*>\s*[^<\s]", re.IGNORECASE)
STYLE = re.compile(r"<style|\sstyle\s*=", re.IGNORECASE)
HANDLER = re.compile(r"\son[a-z]+\s*=|javascript:", re.IGNORECASE)


def is_email(path: Path) -> bool:
    """Check whether a template is for emails, which need style attributes because email clients load no stylesheet."""
    return "emails" in path.relative_to(ROOT).parts


@pytest.mark.parametrize("rule", [SCRIPT_BODY, STYLE, HANDLER])
def test_templates_contain_no_scripts_or_styles(rule: re.Pattern[str]) -> None:
    judged = [path for path in templates() if not (rule is STYLE and is_email(path))]
    assert len(judged) > 20
    assert [path.name for path in judged if rule.search(path.read_text(encoding="utf-8"))] == []


def test_pages_do_not_use_email_templates() -> None:
    pages = [path for path in templates() if not is_email(path)]
    including = re.compile(r"{%\s*(extends|include)\s+\S*emails/")
    assert [path.name for path in pages if including.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (SCRIPT_BODY, "<script>alert(1)</script>"),
        (SCRIPT_BODY, '<SCRIPT type="module">\n  go()\n</SCRIPT>'),
        (SCRIPT_BODY, "<script>{{ code }}</script>"),
        (STYLE, '<p style="color: red">'),
        (STYLE, "<p\nSTYLE = x>"),
        (STYLE, "<style>p { color: red }</style>"),
        (HANDLER, '<button onclick="go()">'),
        (HANDLER, "<img src=x onerror = go()>"),
        (HANDLER, '<a href="javascript:go()">'),
    ],
)
def test_script_or_style_in_a_template_is_found(rule: re.Pattern[str], text: str) -> None:
    assert rule.search(text)
    assert not rule.search('<script src="/static/js/shop.js" defer></script> <p class="price" data-on="x">a = b</p>')


# Kinds of keys


# Methods of Playwright that say how a page is now. After a click, the next page may not have come yet.
STATES_NOW = {"is_visible", "is_hidden", "is_enabled", "is_disabled", "is_checked", "is_editable", "input_value"}
STATES_NOW |= {"inner_text", "text_content", "all_inner_texts", "all_text_contents", "get_attribute"}
LOCATORS = re.compile(r"\.(locator|get_by_\w+)\(")


def states_asserted_now(code: str) -> list[str]:
    """Return the assertions that ask a page once. `expect` asks again until the page is as expected."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Assert):
            calls = [call.func for call in ast.walk(node.test) if isinstance(call, ast.Call)]
            methods = [method for method in calls if isinstance(method, ast.Attribute)]
            if any(
                method.attr in STATES_NOW or (method.attr == "count" and LOCATORS.search(ast.unparse(method)))
                for method in methods
            ):
                found.append(ast.unparse(node))
    return found


def test_browser_tests_wait_for_what_they_assert() -> None:
    paths = [path for path in python_files(ROOT) if path.name.startswith("test_")]
    found = {str(path): states_asserted_now(path.read_text(encoding="utf-8")) for path in paths}
    assert len(found) > 100
    assert {path: asserted for path, asserted in found.items() if asserted} == {}


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("assert not page.get_by_role('link', name='Refund').is_visible()", True),
        ("assert page.locator('tr').count() == 2", True),
        ("assert 'Paid' in [text for text in page.locator('h1').all_inner_texts()]", True),
        ("assert order.payments.count() == 1", False),
        ("expect(page.locator('tr')).to_have_count(2)", False),
    ],
)
def test_assertion_that_asks_a_page_once_is_found(code: str, is_found: bool) -> None:
    assert bool(states_asserted_now(code)) is is_found


def test_one_module_knows_the_prefixes_of_live_keys() -> None:
    """Check that no other module decides which keys move money. The simulator imports nothing of the shop."""
    naming = [path for path in modules(ROOT) if re.search(r'"[sr]k_live', (ROOT / path).read_text(encoding="utf-8"))]
    assert [str(path) for path in naming] == ["billing/stripe_calls/keys.py", "stripe_simulator/api.py"]


# Sizes: see CONTRIBUTING.md

MAX_MODULE_LINES, MAX_FOLDER_MODULES, MAX_FUNCTION_LINES = 350, 14, 40


def test_modules_are_short() -> None:
    lengths = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in modules(ROOT)}
    assert {path: length for path, length in lengths.items() if length > MAX_MODULE_LINES} == {}


def test_folders_hold_few_modules() -> None:
    counts = Counter(str(path.parent) for path in modules(ROOT) if path.name != "__init__.py")
    assert {folder: count for folder, count in counts.items() if count > MAX_FOLDER_MODULES} == {}


def test_functions_are_short() -> None:
    functions = [
        (f"{path}:{node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in modules(ROOT)
        for node in nodes_of(ROOT / path)
        if isinstance(node, ast.FunctionDef)
    ]
    assert [name for name, length in functions if length > MAX_FUNCTION_LINES] == []
    lengths = sorted(length for _name, length in functions)
    assert lengths[len(lengths) // 2] <= 6
    assert lengths[len(lengths) * 9 // 10] <= 15
