"""Tests for the client IP addresses that rate limits use."""

from typing import Any

import pytest
from django.test import RequestFactory

from core.http import UNKNOWN_IP, client_ip, client_key


def get_client_ip(remote: str = "192.0.2.1", forwarded: str | None = None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_ip(RequestFactory().get("/", REMOTE_ADDR=remote, headers=headers))


def test_client_ip_ignores_forwarded_headers_without_proxies() -> None:
    assert get_client_ip(forwarded="198.51.100.7") == "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        (2, "6.6.6.6, 198.51.100.7, 203.0.113.1", "198.51.100.7"),
        (2, "198.51.100.7", "192.0.2.1"),  # did not pass both proxies
        (1, None, "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "198.51.100.7, nonsense", "192.0.2.1"),
        (1, "198.51.100.7:4711", "198.51.100.7"),
        (1, "[2001:db8:1:2::3]:443", "2001:db8:1:2::"),
        (1, "," * 2000, "192.0.2.1"),
    ],
)
def test_client_ip_behind_proxies_is_the_entry_of_the_outermost_proxy(
    settings: Any, proxies: int, forwarded: str | None, client: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert get_client_ip(forwarded=forwarded) == client


@pytest.mark.parametrize(
    ("remote", "client"),
    [
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("fe80::1%eth0", "fe80::"),
        ("", UNKNOWN_IP),
        ("unix:", UNKNOWN_IP),
    ],
)
def test_client_ip_is_normalized(remote: str, client: str) -> None:
    assert get_client_ip(remote) == client


def test_client_key_differs_by_client_and_depends_on_the_secret_key(settings: Any) -> None:
    first, second = (RequestFactory().get("/", REMOTE_ADDR=remote) for remote in ("192.0.2.1", "192.0.2.2"))
    assert (len(client_key(first)), client_key(first) == client_key(second)) == (64, False)
    key = client_key(first)
    settings.SECRET_KEY = "another"
    assert client_key(first) != key
