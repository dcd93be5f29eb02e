"""Abuse of what everybody may press: the catalogue's filters all together, and the choice of a language."""

from itertools import cycle
from urllib.parse import urlencode

import pytest

from tests.proofs.abused_shop import AbusedShop
from tests.proofs.attacker import HUNG_UP, SAME_SITE, Attacker
from tests.proofs.hostile import BODIES, VALUES

pytestmark = pytest.mark.slow
LIST, LANGUAGE, CHOICE = "/products/", "/language/", "django_language"
FILTERS = ["q", "category", "price_from", "price_to", "in_stock", "sort", "page"]
SANE = {"q": "mug", "price_from": "1", "price_to": "99", "in_stock": "1", "sort": "price", "page": "1"}
SPEAKERS = cycle([{}, {"Accept-Language": "de"}])  # prices are read as the visitor's language writes them
PRICES = [
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
def visitor(abused_shop: AbusedShop) -> Attacker:
    """Somebody who only looks, and gets no cookie for it."""
    return abused_shop.visitor()


def look(visitor: Attacker, query: str) -> str:
    """The list that this query asks for; it shows nothing it should not, whatever is asked."""
    answer = visitor.send("GET", f"{LIST}?{query}", headers=next(SPEAKERS))
    assert answer.status in (200, 400, 404, 414), query[:90]
    page = answer.body.decode()
    assert not any(word in page for word in ("<script>alert(1)", "Gone for good", "Traceback")), query[:90]
    assert visitor.cookies == {}
    return page


@pytest.mark.parametrize(
    "names", [["q"], ["category"], ["price_from"], ["price_to", "in_stock", "sort"], FILTERS], ids=" ".join
)
def test_filters_of_rubbish_break_nothing(shop: AbusedShop, visitor: Attacker, names: list[str]) -> None:
    with shop.unchanged():
        for value in VALUES:
            look(visitor, urlencode(SANE | dict.fromkeys(names, value)))
        look(visitor, urlencode(SANE) + "".join(f"&{name}=%ff%fe" for name in names))


def test_odd_prices_break_nothing(shop: AbusedShop, visitor: Attacker) -> None:
    with shop.unchanged():
        for number, price in enumerate(PRICES):
            look(visitor, urlencode({"price_from": price, "price_to": PRICES[number - 1], "sort": "-price"}))
            look(visitor, urlencode({"price_from": price, "q": "m", "sort": "best"}))


def test_repeated_and_bracketed_filters_break_nothing(shop: AbusedShop, visitor: Attacker) -> None:
    with shop.unchanged():
        for name in FILTERS:
            for query in (f"{name}[]=1", f"{name}[$ne]=1", f"{name}=1&{name}=-1&{name}=", f"{name}=1&" * 900):
                look(visitor, f"{query}&{urlencode(SANE)}")
        assert "Pot" not in look(visitor, "price_to=99&price_to=16&sort=newest&in_stock=1&price_from=-1&price_from=16")


# --- the choice of a language ---

NO_LANGUAGES = [*VALUES, "", "DE", "en", "de-", "fr", "../../de", "de\r\nSet-Cookie: evil=1", "de\x00", "__class__"]


def test_language_that_is_none_is_not_kept(shop: AbusedShop) -> None:
    visitor = shop.visitor()
    with shop.unchanged():
        for language in NO_LANGUAGES:
            answer = visitor.post(LANGUAGE, {"language": language}, SAME_SITE)
            assert (answer.status, answer.location, CHOICE in visitor.cookies) == (302, "/", False), language[:40]
        for body in ("language[]=de", "language[0]=de", "language=de&language=", "LANGUAGE=de", "language=%ff%fe", ""):
            assert visitor.post(f"{LANGUAGE}?language=de", body, SAME_SITE).status == 302
        for name, (kind, body, status) in BODIES.items():
            assert visitor.post(LANGUAGE, body, {"Content-Type": kind, **SAME_SITE}).status in (status, HUNG_UP), name
    assert set(visitor.cookies) == {"csrftoken"}


def test_language_in_a_cookie_of_rubbish_is_the_shops_own(shop: AbusedShop) -> None:
    visitor = shop.visitor()
    with shop.unchanged():
        for value in ("", "x", "de'--", "../../de", "%00", "\xff", "d" * 4000, "x-" * 200, "{}"):
            visitor.cookies = {CHOICE: value}
            answer = visitor.get("/accounts/login/")
            assert answer.status == 200, value[:40]
            assert '<html lang="en-gb">' in answer.text
