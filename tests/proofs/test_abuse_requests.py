"""Abuse of the request itself: where to go next, headers, hosts, addresses of pages, and bytes that are no HTTP."""

import re
from urllib.parse import quote

import pytest

from tests.makers import PASSWORD
from tests.proofs.abuse_goods import BOSS, OWNER
from tests.proofs.abused_shop import AbusedShop
from tests.proofs.attacker import SAME_SITE, Attacker, short

pytestmark = pytest.mark.slow
ELSEWHERE = [
    "https://evil.example/", "http://evil.example", "//evil.example/", "///evil.example/", "////evil.example",
    "/\\evil.example/", "\\\\evil.example", "\\/evil.example", "/\t/evil.example", "\t//evil.example",
    "/\n/evil.example", "\x00//evil.example", "https:evil.example", "https:/evil.example", "javascript:alert(1)",
    "JaVaScRiPt:alert(1)", "data:text/html,<script>alert(1)</script>", "ftp://127.0.0.1/", "//127.0.0.1@evil.example/",
    "http://127.0.0.1:1@evil.example/", "evil.example", "/%09/evil.example", "\u2028//evil.example", "\uff0f\uff0fevil",
    "//evil\u3002example", "http:///evil.example", "/\r\nLocation: https://evil.example/", "//[::1", "x" * 9000,
    "/\u202e/evil.example", "//evil.example/%2f..", "http://127.0.0.1.evil.example/", "?next=//evil.example", "",
]  # fmt: skip
OWN_PATH = re.compile(r"/(?![/\\])[\x20-\x7e]*\Z")


def stays(location: str) -> bool:
    """Whether every browser reads this `Location` as a page of this shop."""
    return bool(OWN_PATH.match(location)) and "evil" not in location.partition("%")[0]


@pytest.fixture(scope="module")
def member(abused_shop: AbusedShop) -> Attacker:
    """Somebody who is signed in: the page to log in sends them on at once."""
    member = abused_shop.visitor()
    member.log_in(OWNER)
    return member


@pytest.mark.parametrize("wanted", ELSEWHERE, ids=short)
def test_next_leads_nowhere_else(shop: AbusedShop, member: Attacker, wanted: str) -> None:
    visitor, product = shop.visitor(), {"product_id": shop.goods["mug"]}
    answers = [
        visitor.post("/cart/update/", {**product, "next": wanted}, SAME_SITE),
        visitor.post(f"/cart/update/?next={quote(wanted)}", product, SAME_SITE),
        visitor.post("/accounts/guest/", {"email": "guest@example.org", "next": wanted}),
        visitor.post("/addresses/update/", {"next": wanted}),
        member.get(f"/accounts/login/?next={quote(wanted)}"),
        member.get(f"/accounts/signup/?next={quote(wanted)}"),
        member.post("/accounts/guest/", {"email": "guest@example.org", "next": wanted}),
        visitor.post("/cart/delivery/", {"next": wanted}, SAME_SITE),
        visitor.post("/language/", {"language": "de", "next": wanted}, SAME_SITE),
    ]
    assert [answer.location for answer in answers if answer.status == 302 and not stays(answer.location)] == []
    assert {answer.status for answer in answers} <= {302, 400, 414, 431}


@pytest.mark.parametrize(("path", "email"), [("/accounts/login/", OWNER), ("/admin/login/", BOSS)])
def test_next_of_a_sign_in_leads_nowhere_else(shop: AbusedShop, path: str, email: str) -> None:
    for wanted in ELSEWHERE[2:6]:
        name = "username" if path == "/admin/login/" else "email"
        answer = shop.visitor().post(path, {name: email, "password": PASSWORD, "next": wanted})
        assert answer.status == 302
        assert stays(answer.location), wanted


SPLIT = ["x\r\nSet-Cookie: evil=1", "x%0d%0aSet-Cookie:%20evil=1", "x\nSet-Cookie: evil=1", "x\rSet-Cookie: evil=1"]


@pytest.mark.parametrize("value", SPLIT, ids=short)
def test_line_breaks_make_no_header(shop: AbusedShop, value: str) -> None:
    visitor, path = shop.visitor(), quote(value, safe="%")
    answers = [
        visitor.post("/cart/update/", {"product_id": shop.goods["mug"], "next": "/" + value}, SAME_SITE),
        visitor.post("/accounts/guest/", {"email": "guest@example.org", "next": "/cart/" + value}),
        visitor.post("/language/", {"language": value, "next": "/" + value}, SAME_SITE),
        visitor.get(f"/products/?category={path}"),
        visitor.get(f"/products/{path}/"),
        visitor.get(f"/products/{path}"),
        visitor.get(f"/orders/{path}/"),
        visitor.get(f"/admin/{path}"),
        visitor.get(f"/media/{path}"),
    ]
    assert "evil" not in visitor.cookies
    assert [answer.location for answer in answers if not answer.location.isprintable()] == []
    assert {answer.status for answer in answers} <= {200, 301, 302, 400, 404}


HOSTS = ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "evil.example:80", "", "a b", "[::1", "*"]


@pytest.mark.parametrize("host", HOSTS, ids=short)
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/cart/", "/admin/", "/products"])
def test_forged_host_is_refused(shop: AbusedShop, host: str, path: str) -> None:
    with shop.unchanged():
        answer = shop.visitor().get(path, Host=host)
    assert answer.status == 400
    assert b"evil" not in answer.body


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Server": "evil.example"},
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Port": "666"},
        {"X-Forwarded-Prefix": "/evil"},
        {"X-Original-URL": "/admin/"},
        {"X-Rewrite-URL": "/admin/"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"Script-Name": "/evil"},
        {"X-Script-Name": "/evil"},
        {"X-Forwarded-For": "10.0.0.1, evil.example"},
        {"Forwarded": "for=evil.example;host=evil.example;proto=https"},
        {"Accept-Language": "../../etc/passwd"},
        {"Accept-Language": "x" * 4000},
        {"Range": "bytes=0-,0-,0-"},
        {"If-Modified-Since": "\xff" * 50},
        {"If-None-Match": '"' * 500},
    ],
    ids=short,
)
def test_forged_header_changes_no_page(shop: AbusedShop, headers: dict[str, str]) -> None:
    visitor = shop.visitor()
    with shop.unchanged():
        for path in ("/", "/accounts/login/", "/products/", "/cart/"):
            answer = visitor.send("GET", path, headers=headers)
            assert answer.status == 200
            assert b"evil" not in answer.body


@pytest.mark.parametrize("page", ["-1", "0", "1000000000", "abc", "1.5", "9" * 5000, "٣", "%00", "%ff", "last' OR 1=1"])
@pytest.mark.parametrize("path", ["/products/", "/orders/"])
def test_page_that_is_none_is_not_found(shop: AbusedShop, path: str, page: str) -> None:
    with shop.unchanged():
        answer = shop.visitor().get(f"{path}?page={quote(page, safe='%')}")
    assert answer.status in (400, 404, 414)
    assert "Go to the shop" in answer.words or answer.status == 414  # the server itself refuses a line so long


WORDS = [
    "%25",
    "_",
    "%25%25%25",
    "'",
    '"',
    "\\",
    "%00",
    "%ff",
    "a" * 7000,
    "%",
    "*",
    "(",
    "[",
    "' OR 1=1 --",
    "\u202e",
    "<b>",
]


@pytest.mark.parametrize("word", WORDS, ids=short)
def test_search_of_rubbish_finds_nothing_and_breaks_nothing(shop: AbusedShop, word: str) -> None:
    visitor, wanted = shop.visitor(), quote(word, safe="%")
    with shop.unchanged():
        for path in ("/products/?q=", "/products/?search=", "/?q=", "/products/?category="):
            answer = visitor.get(path + wanted)
            assert answer.status in (200, 400, 404, 414)
            assert "<b>" not in answer.text


PATHS = [
    "/%00", "/products/%00/", "/products/%ff/", "/%ff%fe", "/../../etc/passwd", "/products/../../etc/passwd",
    "/media/../../../etc/passwd", "/media/%2e%2e/%2e%2e/etc/passwd", "/media/..%2f..%2fshop.sqlite3", "/media/%00",
    "/media//etc/passwd", "/static/../ecommerce/settings.py", "/static/%2e%2e/shop.sqlite3", "/" + "a" * 5000,
    "/products/" + "a" * 5000 + "/", "/media/" + "a" * 5000, "/orders/" + "A" * 5000 + "/", "/" + "a/" * 2500,
    "/products/" + "%c3%a9" * 800 + "/", "/admin/../orders/", "/;a=b", "/%", "/%zz", "/products/%2f/", "/.env",
    "/.git/config", "/products/mug%0a/", "/orders/'%20OR%201=1/", "/admin/orders/order/X/", "/accounts/verify/x/",
    "/%E2%80%AE", "/%C0%AF", "/%u0000", "/?" + "a=b&" * 1500, "/?" + "&".join(f"a{n}=" for n in range(800)),
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=short)
def test_odd_address_is_answered_with_a_page(shop: AbusedShop, path: str) -> None:
    visitor = shop.visitor()
    with shop.unchanged():
        answer = visitor.get(path)
    assert answer.status in (200, 301, 302, 400, 404, 414)
    assert not re.search(r"root:|SQLite format|SECRET_KEY|Traceback", answer.body.decode("latin-1"))
