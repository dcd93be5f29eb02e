"""The house's rules that a reader of one file cannot see broken: who imports whom, and who knows which key."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# Models import from left to right only; products and accounts know nothing of each other.
RANK = {"products": 0, "accounts": 0, "billing": 1, "addresses": 2, "carts": 3, "orders": 4}
APPS = {*RANK, "ecommerce"}
JUDGED = {"models", "managers", "signals", "rates", "history"}  # the modules the direction is for
ROWS = {"models", "managers", "signals", "rates"}  # what they may import of another app
# Views, forms and workflows: above the models, whatever the app.
UPPER = {"views", "forms", "urls", "admin", "apps", "checkout", "guests", "payments", "placing", "reconcile", "mails"}
UPPER |= {"claims", "passwords", "throttle", "tokens", "refunds", "alarms", "audit", "books", "findings", "links"}
UPPER |= {"seals", "shipping", "samples", "letters", "previews", "codes", "cancelling", "closing"}
UPPER |= {"forgetting", "deletion", "export", "details", "privacy", "book", "cards"}
UPPER |= {"http", "context_processors", "middleware", "maintenance", "management", "csp", "pages"}
SESSION_KEYS = ["cart_id", "cart_items", "billing_profile_id", "guest_email_id", "_password_reset_token", "order_ids"]
SESSION_KEYS += ["order_links"]


def modules(root: Path) -> Iterator[Path]:
    """The shop's own code, without tests and migrations, relative to the root."""
    for app in sorted(APPS):
        for path in sorted((root / app).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.relative_to(root).parts):
                yield path.relative_to(root)


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """Everything a module is made of."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(root: Path, path: Path) -> set[str]:
    """The dotted names a module imports, inside functions and for type checkers too."""
    package, found = path.parts[:-1], set()
    for node in nodes_of(root / path):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = list(package[: len(package) - node.level + 1]) if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            found |= {f"{base}.{name.name}" for name in node.names}
    return found


def wrong_imports(root: Path) -> list[str]:
    """What breaks the rules, one line each."""
    found = []
    for path in modules(root):
        app = path.parts[0]
        for name in sorted(imports(root, path)):
            other, _dot, rest = name.partition(".")
            module = rest.partition(".")[0]
            if other not in APPS:
                continue
            if app == "billing" and other == "orders":
                found.append(f"{path} imports {name}: billing never imports orders")
            elif app in RANK and JUDGED & set(path.with_suffix("").parts[1:]):
                if module in UPPER:
                    found.append(f"{path} imports {name}: models never import views, forms or workflows")
                elif other in RANK and other != app and (RANK[other] >= RANK[app] or module not in ROWS):
                    found.append(f"{path} imports {name}: against the direction of models")
    return found


def test_imports_of_models_run_one_way() -> None:
    assert wrong_imports(ROOT) == []


def test_imports_are_read_at_all() -> None:
    assert "accounts.models.User" in imports(ROOT, Path("carts/models.py"))
    assert len(list(modules(ROOT))) > 50


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("products/models.py", "from carts.models import Cart"),
        ("products/models.py", "from accounts.models import User"),
        ("accounts/models.py", "import billing.models"),
        ("accounts/models.py", "from billing import models"),
        ("billing/signals.py", "def receiver():\n    from addresses.models import Address"),
        ("addresses/managers.py", "from orders.models import Order"),
        ("carts/models.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from orders.models import Order"),
        ("carts/models/cart.py", "from orders.models import Order"),
        ("carts/models.py", "from carts.forms import CartUpdateForm"),
        ("carts/models.py", "from . import views"),
        ("carts/models/rates.py", "from orders.models import Order"),
        ("carts/models.py", "from .forms import CartUpdateForm"),
        ("orders/models.py", "from carts.views import checkout"),
        ("orders/signals.py", "from orders import payments"),
        ("orders/signals.py", "from carts.pricing.quotes import quote"),
        ("orders/models.py", "from core.http import next_url"),
        ("billing/views.py", "from orders.models import Order"),
        ("billing/gateway.py", "import orders"),
        ("stripe_simulator/server.py", "from orders import payments"),
    ],
)
def test_imports_that_are_wrong_are_found(tmp_path: Path, path: str, code: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(code)
    [line] = wrong_imports(tmp_path)
    assert line.startswith(f"{path} imports ")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("orders/models.py", "from carts.models import Cart\nfrom core.models import GuardedModel"),
        ("orders/models.py", "from orders.models import Order\nfrom . import managers"),
        ("billing/models.py", "from billing import gateway"),
        ("products/views.py", "from carts.models import Cart\nfrom orders import payments"),
        ("products/models.py", "from cartsy.views import anything\nimport orderly"),
        ("carts/tests/models.py", "from orders.models import Order"),
    ],
)
def test_imports_that_are_right_are_left_alone(tmp_path: Path, path: str, code: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(code)
    assert wrong_imports(tmp_path) == []


def imports_of(root: Path, package: str) -> set[str]:
    """The modules that import a package."""
    return {
        str(path)
        for path in modules(root)
        if any(name == package or name.startswith(f"{package}.") for name in imports(root, path))
    }


def test_stripe_is_imported_by_the_gateway_and_the_simulator_alone() -> None:
    found = imports_of(ROOT, "stripe")
    assert "billing/gateway.py" in found
    assert {path for path in found if not path.startswith("stripe_simulator/")} == {"billing/gateway.py"}


def test_stripe_imported_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "payments.py").write_text("def pay():\n    import stripe.checkout")
    assert imports_of(tmp_path, "stripe") == {"orders/workflow/payments.py"}


def names_key(root: Path, key: str) -> set[str]:
    """The modules that hold a session key as a text; names of template variables and relations are none."""
    found = set()
    for path in modules(root):
        nodes = nodes_of(root / path)
        other = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg == "related_name"]
        if path.name == "context_processors.py":
            other += [name for node in nodes if isinstance(node, ast.Dict) for name in node.keys]
        if any(isinstance(node, ast.Constant) and node.value == key and node not in other for node in nodes):
            found.add(str(path))
    return found


@pytest.mark.parametrize("key", SESSION_KEYS)
def test_session_key_is_named_in_one_module(key: str) -> None:
    assert len(names_key(ROOT, key)) == 1


def test_session_key_named_twice_is_found(tmp_path: Path) -> None:
    for path, code in {
        "carts/models.py": 'CART_KEY = "cart_id"',
        "orders/views.py": 'def view(request):\n    return request.session.get("cart_id")',
        "orders/models.py": "cart_id = 1",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(code)
    assert names_key(tmp_path, "cart_id") == {"carts/models.py", "orders/views.py"}


def templates() -> list[Path]:
    return sorted((ROOT / "templates").rglob("*.html"))


SCRIPT_BODY = re.compile(r"<script(?![^>]*application/(?:ld\+)?json)[^>]*>\s*[^<\s]", re.IGNORECASE)
STYLE = re.compile(r"<style|\sstyle\s*=", re.IGNORECASE)
HANDLER = re.compile(r"\son[a-z]+\s*=|javascript:", re.IGNORECASE)


def is_mail(path: Path) -> bool:
    """Mails have no stylesheet to load: programs that show mail know style attributes, and the policy of pages is
    none of theirs."""
    return "mails" in path.relative_to(ROOT).parts


@pytest.mark.parametrize("rule", [SCRIPT_BODY, STYLE, HANDLER])
def test_templates_hold_neither_script_nor_style(rule: re.Pattern[str]) -> None:
    judged = [path for path in templates() if not (rule is STYLE and is_mail(path))]
    assert len(judged) > 20
    assert [path.name for path in judged if rule.search(path.read_text(encoding="utf-8"))] == []


def test_templates_of_mails_are_no_pages() -> None:
    pages = [path for path in templates() if not is_mail(path)]
    including = re.compile(r"{%\s*(extends|include)\s+\S*mails/")
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
