"""Abuse of the catalog filters, separately and combined, and of the language choice."""

from itertools import cycle
from urllib.parse import urlencode

import pytest

from tests.proofs.abuse_server import AbuseServer
from tests.proofs.hostile_client import NO_RESPONSE, SAME_SITE, Attacker
from tests.proofs.hostile_input import INVALID_VALUES, MALFORMED_BODIES

pytestmark = pytest.mark.slow
LIST, LANGUAGE, CHOICE = "/products/", "/language/", "django_language"
FILTERS = ["q", "category", "price_from", "price_to", "in_stock", "sort", "page"]
VALID_FILTERS = {"q": "mug", "price_from": "1", "price_to": "99", "in_stock": "1", "sort": "price", "page": "1"}
# The visitor's language determines the number format of prices.
LANGUAGE_HEADERS = cycle([{}, {"Accept-Language": "de"}])
ODD_PRICES = [
    "0e999999",
    "-0",
    "1e-9",
    "1E+30",
    "9" * 9,
    "1,5",
    "1.000,5",
    "1_0",
    "\u0663",
    "\uff11",
    "\xa01",
    "1e999999999",
]


@pytest.fixture(scope="module")
def visitor(abuse_server: AbuseServer) -> Attacker:
    """Return a visitor who only reads pages and must not get a cookie."""
    return abuse_server.visitor()


def get_list(visitor: Attacker, query: str) -> str:
    """Return the product list for a query string. Check that it shows no forbidden content and sets no cookie."""
    response = visitor.send("GET", f"{LIST}?{query}", headers=next(LANGUAGE_HEADERS))
    assert response.status in (200, 400, 404, 414), query[:90]
    page = response.body.decode()
    assert not any(word in page for word in ("<script>alert(1)", "Gone for good", "Traceback")), query[:90]
    assert visitor.cookies == {}
    return page


@pytest.mark.parametrize(
    "names", [["q"], ["category"], ["price_from"], ["price_to", "in_stock", "sort"], FILTERS], ids=" ".join
)
def test_invalid_filters_break_nothing(shop: AbuseServer, visitor: Attacker, names: list[str]) -> None:
    with shop.assert_unchanged():
        for value in INVALID_VALUES:
            get_list(visitor, urlencode(VALID_FILTERS | dict.fromkeys(names, value)))
        get_list(visitor, urlencode(VALID_FILTERS) + "".join(f"&{name}=%ff%fe" for name in names))


def test_odd_prices_break_nothing(shop: AbuseServer, visitor: Attacker) -> None:
    with shop.assert_unchanged():
        for number, price in enumerate(ODD_PRICES):
            get_list(visitor, urlencode({"price_from": price, "price_to": ODD_PRICES[number - 1], "sort": "-price"}))
            get_list(visitor, urlencode({"price_from": price, "q": "m", "sort": "best"}))


def test_repeated_and_bracketed_filters_break_nothing(shop: AbuseServer, visitor: Attacker) -> None:
    with shop.assert_unchanged():
        for name in FILTERS:
            for query in (f"{name}[]=1", f"{name}[$ne]=1", f"{name}=1&{name}=-1&{name}=", f"{name}=1&" * 900):
                get_list(visitor, f"{query}&{urlencode(VALID_FILTERS)}")
        assert "Pot" not in get_list(
            visitor, "price_to=99&price_to=16&sort=newest&in_stock=1&price_from=-1&price_from=16"
        )


# --- language choice ---

INVALID_LANGUAGES = [
    *INVALID_VALUES,
    "",
    "DE",
    "en",
    "de-",
    "fr",
    "../../de",
    "de\r\nSet-Cookie: evil=1",
    "de\x00",
    "__class__",
]


def test_invalid_language_is_not_saved(shop: AbuseServer) -> None:
    visitor = shop.visitor()
    with shop.assert_unchanged():
        for language in INVALID_LANGUAGES:
            response = visitor.post(LANGUAGE, {"language": language}, SAME_SITE)
            assert (response.status, response.location, CHOICE in visitor.cookies) == (302, "/", False), language[:40]
        for body in ("language[]=de", "language[0]=de", "language=de&language=", "LANGUAGE=de", "language=%ff%fe", ""):
            assert visitor.post(f"{LANGUAGE}?language=de", body, SAME_SITE).status == 302
        for name, (kind, body, status) in MALFORMED_BODIES.items():
            assert visitor.post(LANGUAGE, body, {"Content-Type": kind, **SAME_SITE}).status in (status, NO_RESPONSE), (
                name
            )
    assert set(visitor.cookies) == {"csrftoken"}


def test_invalid_language_cookie_selects_the_default(shop: AbuseServer) -> None:
    visitor = shop.visitor()
    with shop.assert_unchanged():
        for value in ("", "x", "de'--", "../../de", "%00", "\xff", "d" * 4000, "x-" * 200, "{}"):
            visitor.cookies = {CHOICE: value}
            response = visitor.get("/accounts/login/")
            assert response.status == 200, value[:40]
            assert '<html lang="en-gb">' in response.text
