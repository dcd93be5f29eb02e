"""Tests for the files that put the shop on the internet: facts that nobody should change by accident."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands

from conftest import skip_unless_ci
from tests.shipped_shop import ROOT

GRACEFUL_SECONDS = runpy.run_path(str(ROOT / "gunicorn.conf.py"))["graceful_timeout"]


def directives(path: str) -> str:
    """Return the text of a configuration file without comments."""
    return re.sub(r"#[^\n]*", "", (ROOT / path).read_text(encoding="utf-8"))


def test_proxy_never_repeats_a_post() -> None:
    nginx = directives("deploy/nginx.conf")
    assert "non_idempotent" not in nginx
    assert "proxy_next_upstream error timeout;" in nginx


def test_proxy_replaces_headers_of_visitors() -> None:
    nginx = directives("deploy/nginx.conf")
    assert "proxy_add_x_forwarded_for" not in nginx
    names = re.findall(r"proxy_set_header (\S+) (\S+);", nginx)
    assert {("X-Forwarded-For", "$remote_addr"), ("X-Forwarded-Proto", "$scheme")} <= set(names)


def test_proxy_accepts_only_current_versions_of_tls() -> None:
    assert re.findall("ssl_protocols (.*);", directives("deploy/nginx.conf")) == ["TLSv1.2 TLSv1.3"]


UNITS = sorted(path.name for path in (ROOT / "deploy").glob("shop-*"))


def test_units_are_valid(tmp_path: Path) -> None:
    """Let systemd read them, with the programs of this checkout."""
    if not shutil.which("systemd-analyze"):
        skip_unless_ci("No systemd-analyze. Install it: `apt-get install systemd`.")
    for name in UNITS:
        text = (ROOT / "deploy" / name).read_text().replace("/opt/shop/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / name).write_text(text)
    names = [name.replace("@", "@1") for name in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", *names], cwd=tmp_path, capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("shop-")]
    assert (done.returncode, lines) == (0, [])


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_services_are_confined_and_leave_time_to_finish(name: str) -> None:
    unit = directives(f"deploy/{name}")
    for line in ["User=shop", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes",
                 "StateDirectory=shop", "CapabilityBoundingSet="]:  # fmt: skip
        assert line in unit.splitlines(), line
    assert "MemoryMax=" in unit
    seconds = re.search(r"TimeoutStopSec=(\d+)", unit)
    assert name == "shop-audit.service" or int(seconds[1] if seconds else 0) > GRACEFUL_SECONDS


def services() -> dict[str, str]:
    """Return the text of each service in compose.yaml, by its name, with the parts that it shares with others."""
    head, text = directives("compose.yaml").split("\nservices:\n")
    shared = dict(re.findall(r"^x-\w+: &(\w+)\n((?:(?:  .*)?\n)+)", head, re.MULTILINE))
    found = dict(re.findall(r"^  ([\w-]+):((?: .*)?\n(?:(?:    .*)?\n)*)", text.split("\nvolumes:\n")[0], re.MULTILINE))
    return {name: _expand(part, shared) for name, part in found.items()}


def _expand(part: str, shared: dict[str, str]) -> str:
    return part + "".join(_expand(shared[name], shared) for name in re.findall(r"\*(\w+)$", part, re.MULTILINE)
                          if name in shared)  # fmt: skip


PRODUCTION = {"postgres", "redis", "release", "web1", "web2", "worker1", "worker2", "reconcile", "nginx"}


def test_services_of_compose_have_profiles() -> None:
    profiles = {name: re.findall(r"profiles: \[(\w+)\]", part) for name, part in services().items()}
    assert profiles == {"stripe-mock": ["test"]} | {key: ["production"] for key in PRODUCTION}


@pytest.mark.parametrize("name", sorted(PRODUCTION))
def test_services_of_compose_are_confined(name: str) -> None:
    part = services()[name]
    for line in ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "restart: "]:
        assert line in part, line
    assert ("ports:" in part) == (name == "nginx")


def test_compose_contains_no_secrets() -> None:
    text = directives("compose.yaml")
    assert set(re.findall(r"(\w*(?:PASSWORD|SECRET|KEY|TOKEN)\w*): (.*)", text)) == {
        ("POSTGRES_PASSWORD", "${POSTGRES_PASSWORD-}")
    }


def test_image_contains_no_secrets_and_does_not_run_as_root() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {".env", ".env.*", ".git", "var", ".venv*"} <= set(ignored)
    image = directives("Dockerfile")
    assert re.findall(r"^USER (.*)", image, re.MULTILINE) == ["10001:10001"]
    assert "/healthz" in image
    assert "curl" not in image


DOCUMENT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_commands_in_the_guide_exist() -> None:
    texts = [DOCUMENT, *(directives(f"deploy/{name}") for name in UNITS), directives("compose.yaml")]
    named = {name for text in texts for name in re.findall(r"manage(?:\.py|) (\w+)", text)}
    assert {"migrate", "reconcile", "audit", "proxy_files"} <= named
    assert named - set(get_commands()) == set()


def test_files_in_the_guide_exist() -> None:
    """Check links, and the files of the repository that commands use."""
    linked = set(re.findall(r"\]\(([^)#:]+)", DOCUMENT))
    assert [name for name in linked if not (ROOT / "docs" / name).exists()] == []
    named = set(re.findall(r"deploy/[\w.@*-]*[\w*]|(?<![\w./-])\w[\w.]*\.(?:py|yaml)\b", DOCUMENT))
    assert {"deploy/nginx.conf", "deploy/shop-*", "gunicorn.conf.py", "compose.yaml", "manage.py"} <= named
    assert [name for name in named if not list(ROOT.glob(name))] == []


def test_units_in_the_guide_exist() -> None:
    named = set(re.findall(r"shop-[a-z]+(?:@\d?)?\.(?:service|socket|timer)", DOCUMENT))
    assert {re.sub(r"@\d", "@", name) for name in named} <= set(UNITS)
    assert all(name.rpartition(".")[0].rstrip("@") in DOCUMENT for name in UNITS)
