"""Tests for requirements of ASVS that concern all of the code, or that no other test proves. See docs/asvs.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as shop
from django.test import Client

from accounts.models import User
from accounts.sessions import SessionStore
from tests.makers import make_user
from tests.test_architecture import ROOT, modules, nodes_of

pytestmark = pytest.mark.slow

# `make run` starts its servers as processes. The simulator is a development tool.
MAY_START_PROCESSES = {"ecommerce/management/commands/demo.py"}
COMMANDS = {"subprocess", "pty", "os.system", "os.popen", "os.execv", "os.spawnv"}
CODE = {"eval", "exec", "compile"}
XML = {"xml", "lxml", "defusedxml", "html5lib"}
WEAK_HASHES = {"md5", "sha1", "hashlib.md5", "hashlib.sha1"}
# Scripts that interpret text as HTML or code, keep data in the browser, or prevent pasting.
RISKY_SCRIPT = re.compile(
    r"\.(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    r"|(local|session)Storage|indexedDB|paste"
)


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in nodes_of(path) if isinstance(node, ast.Call))


def used_names(path: Path) -> set[str]:
    """Return what a module imports, by its first name, and what it calls."""
    imports = [node for node in nodes_of(path) if isinstance(node, ast.Import)]
    parts = [node for node in nodes_of(path) if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imports for alias in node.names} | {str(node.module) for node in parts}
    names |= {f"{node.module}.{alias.name}" for node in parts for alias in node.names}
    return names | {name.partition(".")[0] for name in names} | {ast.unparse(call.func) for call in calls(path)}


def modules_using(root: Path, names: set[str]) -> set[str]:
    return {str(path) for path in modules(root) if used_names(root / path) & names}


def test_code_runs_no_commands_and_no_text() -> None:
    assert modules_using(ROOT, COMMANDS) == MAY_START_PROCESSES
    assert modules_using(ROOT, CODE) == set()


def test_code_parses_no_xml() -> None:
    assert modules_using(ROOT, XML) == set()


@pytest.mark.slow
def weak_hashes(root: Path) -> set[str]:
    """Return the modules that call a weak hash without the mark that it has nothing to do with security."""
    found = set()
    for path in modules(root):
        for call in calls(root / path):
            is_marked = any(keyword.arg == "usedforsecurity" for keyword in call.keywords)
            if ast.unparse(call.func) in WEAK_HASHES and not is_marked:
                found.add(str(path))
    return found


def test_weak_hashes_are_not_used_for_security() -> None:
    assert weak_hashes(ROOT) == set()
    assert not set(shop.PASSWORD_HASHERS[1:]) & {"django.contrib.auth.hashers.MD5PasswordHasher"}


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess", "from subprocess import run", "import os\nos.system('x')", "eval('1')", "exec('1')",
        "from xml.etree import ElementTree", "import lxml.etree",
    ],
)  # fmt: skip
def test_risky_code_is_found(tmp_path: Path, code: str) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "views.py").write_text(code)
    assert modules_using(tmp_path, COMMANDS | CODE | XML) == {"shop/views.py"}


def test_unmarked_weak_hash_is_found(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "keys.py").write_text("import hashlib\nhashlib.md5(b'a')")
    (tmp_path / "shop" / "etags.py").write_text("import hashlib\nhashlib.md5(b'a', usedforsecurity=False)")
    assert weak_hashes(tmp_path) == {"shop/keys.py"}


def test_scripts_interpret_no_text_and_store_nothing() -> None:
    scripts = sorted((ROOT / "static" / "js").glob("*.js"))
    assert len(scripts) >= 4
    assert [path.name for path in scripts if RISKY_SCRIPT.search(path.read_text(encoding="utf-8"))] == []
    assert RISKY_SCRIPT.search("box.innerHTML = text")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["/", "/nothing/", "/accounts/login/", "/admin/login/", "/robots.txt", "/sitemap.xml", "/static/css/shop.css",
     "/static/js/shop.js", "/healthz"],
)  # fmt: skip
def test_text_names_its_charset(client: Client, path: str) -> None:
    response = client.get(path)
    response.close()
    assert re.fullmatch(r"(text|application)/[a-z-]+; ?charset=\"?utf-8\"?", response.headers["Content-Type"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "password", ["lowercase letters only", "  Spaces at both ends  ", "729304185526", "Zürich 冬 🧵 öfter"]
)
def test_password_of_any_characters_is_used_as_entered(client: Client, password: str) -> None:
    data = {"name": "Alice", "email": "alice@example.org", "password": password}
    assert client.post("/accounts/signup/", data).status_code == 302
    for changed in {password.strip(), password.lower(), password.upper(), password[:-1]} - {password}:
        assert Client().post("/accounts/login/", data | {"password": changed}).status_code == 200
    assert Client().post("/accounts/login/", data).status_code == 302


@pytest.mark.django_db
def test_password_fields_are_masked_and_known_to_password_managers(client: Client) -> None:
    pages = [client.get(path).text for path in ("/accounts/login/", "/accounts/signup/", "/admin/login/")]
    client.force_login(make_user())
    pages += [client.get(f"/accounts/{path}/").text for path in ("password-change", "delete", "email", "data")]
    fields = [field for page in pages for field in re.findall(r"<input[^>]*name=\"[^\"]*password[^\"]*\"[^>]*>", page)]
    assert len(fields) >= 5
    assert all('type="password"' in field and 'autocomplete="' in field for field in fields)
    assert not [field for field in fields if 'autocomplete="off"' in field or "onpaste" in field]


@pytest.mark.django_db
def test_new_shop_has_no_accounts() -> None:
    migrations = [path.read_text(encoding="utf-8") for path in ROOT.glob("*/migrations/*.py")]
    assert len(migrations) > 20
    assert not [text for text in migrations if re.search(r"create_(super)?user|make_password", text)]
    assert not User.objects.exists()


@pytest.mark.django_db
def test_session_keys_are_long_and_random() -> None:
    keys = {SessionStore()._get_new_session_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"[a-z0-9]{32,}", key) for key in keys)
