"""Where a request came from, as limits count it."""

from typing import Any

import pytest
from django.test import RequestFactory

from ecommerce.http import NO_ADDRESS, client_address, client_key


def address(remote: str = "192.0.2.1", forwarded: str | None = None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory().get("/", REMOTE_ADDR=remote, headers=headers))


def test_client_is_who_connected_and_no_header_changes_that() -> None:
    assert address(forwarded="198.51.100.7") == "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        (2, "6.6.6.6, 198.51.100.7, 203.0.113.1", "198.51.100.7"),
        (2, "198.51.100.7", "192.0.2.1"),  # did not come by way of both
        (1, None, "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "198.51.100.7, nonsense", "192.0.2.1"),
        (1, "198.51.100.7:4711", "198.51.100.7"),
        (1, "[2001:db8:1:2::3]:443", "2001:db8:1:2::"),
        (1, "," * 2000, "192.0.2.1"),
    ],
)
def test_client_behind_proxies_is_what_the_outermost_of_them_saw(
    settings: Any, proxies: int, forwarded: str | None, client: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert address(forwarded=forwarded) == client


@pytest.mark.parametrize(
    ("remote", "client"),
    [
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("fe80::1%eth0", "fe80::"),
        ("", NO_ADDRESS),
        ("unix:", NO_ADDRESS),
    ],
)
def test_client_is_one_address_however_many_it_owns(remote: str, client: str) -> None:
    assert address(remote) == client


def test_client_key_tells_clients_apart_and_gives_no_address_away(settings: Any) -> None:
    here, there = (RequestFactory().get("/", REMOTE_ADDR=remote) for remote in ("192.0.2.1", "192.0.2.2"))
    assert (len(client_key(here)), client_key(here) == client_key(there)) == (64, False)
    with_one_secret = client_key(here)
    settings.SECRET_KEY = "another"
    assert client_key(here) != with_one_secret
