"""Tests for the files that put the shop on the internet: facts that nobody should change by accident."""

import re

from tests.shipped_shop import ROOT


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
