"""Tests for reading settings from environment variables. tests/test_settings.py starts whole processes."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecommerce import environment
from ecommerce.environment import setting

COUNTRIES = ["GB", "IE", "FR"]
READERS: dict[str, tuple[Any, list[str]]] = {
    "SITE_URL": (environment.url_of, [
        "shop.example", "//shop.example", "ftp://shop.example", "http://", "http://host/shop", "https://shop.example/?a=1",
        "https://shop.example/#top", "https://shop.example?", "https://shop.example#", "https://ann:secret@shop.example",
        "https://shop.example:http", "https://shop.example:0", "https://shop.example:99999", "https://shop example",
        "https://shop_1.example", "https://-shop.example", "https://shop..example", "https://.example", "https://*.example",
        "https://[::1", "https://[shop]", "https://1.2.3.4.5", "https://shop.example, https://www.shop.example",
        "https://shop\n.example", "https://shop\\.example", "https:shop.example", "https://" + "a" * 64 + ".example",
    ]),
    "ALLOWED_HOSTS": (environment.hosts_of, [
        "https://shop.example", "shop.example:443", "shop.example/shop", ",", "shop.example;www.shop.example",
    ]),
    "LOW_STOCK": (environment.number_of(0, 1000), ["-1", "1001", "five", "5.5", "1e3", "\u0665", "1_0", "5 left"]),
    "PRICES_INCLUDE_TAX": (environment.switch_of, ["ja", "ture", "2", "on off"]),
    "DEBUG": (environment.debug_of, ["flase", "-"]),
    "LOG_LEVEL": (environment.choice_of(["INFO", "ERROR"]), ["chatty", "10"]),
    "LANGUAGE_CODE": (environment.choice_of(["en-gb", "de"]), ["en", "en_GB", "german"]),
    "SITE_NAME": (environment.name_of, ["Mugs\x01", "a" * 101, "Mugs\u202e"]),
    "SUPPORT_EMAIL": (environment.email_of, [
        "help", "help@", "Help <help@shop.example>", "a@shop.example, b@shop.example", "a@shop.example;b@shop.example",
        "help?subject=hi@shop.example", '"a b"@shop.example',
    ]),
    "STAFF_EMAIL": (environment.optional_email_of, ["staff", "a@shop.example b@shop.example"]),
    "DEFAULT_FROM_EMAIL": (environment.sender_of, [
        "Hearth & Clay", "Shop <shop>", "a@shop.example, b@shop.example", "Shop <a@shop.example>, b@shop.example",
    ]),
    "SHOP_COUNTRY": (environment.country_of(COUNTRIES), ["UK", "GBR", "Ireland", "GB,IE"]),
    "SHOP_COUNTRIES": (environment.countries_of(COUNTRIES), ["GB,UK", "GB;IE", "GB IE", "all"]),
    "DATABASE_URL": (environment.database_of, [
        "shop.sqlite3", "mysql://root@127.0.0.1/shop", "postgres://ann:secret@127.0.0.1:port/shop",
        "postgres://ann:secret@127.0.0.1", "sqlite://var/shop.sqlite3",
    ]),
    "CACHE_URL": (environment.cache_of, ["redis", "redis://", "redis://:port", "memory://", "127.0.0.1:6379"]),
    "EMAIL_URL": (environment.email_server_of, [
        "mail.example", "mail.example:25", "smtp://", "imap://mail.example", "smtp://ann:secret@mail.example:port",
        "filemail://",
    ]),
}  # fmt: skip
INVALID = [(name, read, text) for name, (read, texts) in READERS.items() for text in texts]
SECRET = {"DATABASE_URL", "CACHE_URL", "EMAIL_URL"}


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("name", "read", "text"), INVALID)
def test_invalid_value_is_rejected_with_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, read: Any, text: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ImproperlyConfigured) as error:
        setting(name, "", read, is_secret=name in SECRET)
    message = str(error.value)
    assert message.startswith(f"{name} must be ")
    assert "secret" not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (environment.url_of, "https://shop.example/", "https://shop.example"),
        (environment.url_of, "HTTPS://Shop.Example:443", "https://shop.example"),
        (environment.url_of, "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        (environment.url_of, "http://[::1]:8000/", "http://[::1]:8000"),
        (environment.url_of, "http://localhost", "http://localhost"),
        (environment.url_of, "https://töpferei.example", "https://xn--tpferei-90a.example"),
        (environment.hosts_of, " Shop.example, .shop.example ,[::1],", ["shop.example", ".shop.example", "[::1]"]),
        (environment.number_of(0, 1000), "0", 0),
        (environment.switch_of, "OFF", False),
        (environment.switch_of, "yes", True),
        (environment.choice_of(["en-gb", "de"]), "en-GB", "en-gb"),
        (environment.name_of, " Hearth,\n Clay & Co ", "Hearth, Clay & Co"),
        (environment.optional_email_of, "", ""),
        (environment.sender_of, "Hearth, Clay & Co <a@shop.example>", '"Hearth, Clay & Co" <a@shop.example>'),
        (environment.countries_of(COUNTRIES), "gb, IE,", ["GB", "IE"]),
        (environment.countries_of(COUNTRIES), "", []),
    ],
)
def test_valid_value_is_returned_in_one_spelling(read: Any, text: str, value: Any) -> None:
    assert read(text) == value


def test_blank_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOW_STOCK", "  ")
    assert setting("LOW_STOCK", "5", environment.number_of(0, 9)) == 5


def test_blank_debug_variable_turns_debug_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "")
    assert setting("DEBUG", "on", environment.debug_of, keep_blank=True) is False


def test_star_as_allowed_host_is_rejected_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "shop.example,*")
    with pytest.raises(ImproperlyConfigured, match="would let anyone forge links in emails"):
        setting("ALLOWED_HOSTS", "", environment.hosts_of)


def read_lines(file: Path, *lines: str) -> None:
    """Write these lines to the file and read it."""
    file.write_text("\n".join(lines) + "\n")
    environment.read_file(file)


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return a dictionary in which `read_file` sets variables, instead of the environment."""
    found: dict[str, str] = {}
    monkeypatch.setattr(environment.environ.Env, "ENVIRON", found)
    return found


def test_file_sets_variables_that_are_not_set(tmp_path: Path, variables: dict[str, str]) -> None:
    variables["B"] = "kept"
    read_lines(tmp_path / ".env", "# comment", "", "A=1 2#3", "  B=4", "    C='=5'  ", "export D=6")
    assert variables == {"A": "1 2#3", "B": "kept", "C": "=5", "D": "6"}


def test_missing_file_sets_nothing(tmp_path: Path, variables: dict[str, str]) -> None:
    environment.read_file(tmp_path / ".env")
    assert variables == {}


@pytest.mark.parametrize("line", ["SECRET_KEY: hidden", "SECRET_KEY = hidden", "hidden", "SECRET-KEY=hidden"])
def test_invalid_line_is_named_by_its_number_only(tmp_path: Path, variables: dict[str, str], line: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^Line 2 of .*\.env must be NAME=value") as error:
        read_lines(tmp_path / ".env", "A=1", line)
    assert "hidden" not in str(error.value)
    assert variables == {}


def test_file_that_cannot_be_read_stops_the_start(tmp_path: Path, variables: dict[str, str]) -> None:
    (tmp_path / "latin").write_bytes(b"SITE_NAME=T\xf6pferei")
    (tmp_path / "link").symlink_to(tmp_path / "shop.env")
    for name, reason in [("latin", "cannot read"), ("", "cannot read"), ("link", "which does not exist")]:
        with pytest.raises(ImproperlyConfigured, match=reason):
            environment.read_file(tmp_path / name)
    assert variables == {}


@pytest.mark.slow
@given(
    scheme=st.sampled_from(["http", "https", "HTTP", "ftp", ""]),
    host=st.one_of(st.sampled_from(["shop.example", "127.0.0.1", "[::1]", "töpferei.example"]), st.text(max_size=12)),
    port=st.one_of(st.just(""), st.integers(-1, 70_000).map(lambda port: f":{port}"), st.text(max_size=3)),
    rest=st.sampled_from(["", "/", "/shop", "?", "#", "/?next=/", "//"]),
)
@example(scheme="http", host="\u017fhop.example", port="", rest="")
@settings(deadline=None)
def test_accepted_url_is_an_origin_that_the_shop_can_serve(scheme: str, host: str, port: str, rest: str) -> None:
    try:
        url = environment.url_of(f"{scheme}://{host}{port}{rest}")
    except ValueError:
        return
    parts = urlsplit(url)
    assert url == f"{parts.scheme}://{parts.netloc}"
    assert parts.scheme in ("http", "https")
    assert url.isascii()
    assert environment.url_of(url) == url
    netloc = parts.netloc if parts.port is None else parts.netloc.rpartition(":")[0]
    assert validate_host(netloc, environment.hosts_of(netloc))


@pytest.mark.parametrize("content", ["", "[]", "{", '{"SITE_URL": 5}', '{"SITE_URL": "nonsense"}', "null"])
def test_damaged_file_of_the_last_run_is_ignored(tmp_path: Path, content: str) -> None:
    file = tmp_path / "last_run.json"
    assert environment.read_last_run(file) == {}
    file.write_text(content)
    assert environment.read_last_run(file) == {}


def test_file_of_the_last_run_gives_its_urls(tmp_path: Path) -> None:
    urls = {"SITE_URL": "http://127.0.0.1:8001", "STRIPE_SIMULATOR_URL": "http://127.0.0.1:4242"}
    file = tmp_path / "last_run.json"
    file.write_text(json.dumps(urls))
    assert environment.read_last_run(file) == urls
