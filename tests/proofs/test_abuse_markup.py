"""Abuse with markup in every name that shoppers or staff can enter, on pages, in the admin and in email messages."""

import email
import re
from email.policy import default
from urllib.parse import quote

import pytest

from tests.makers import PASSWORD
from tests.proofs.abuse_data import MARKUP
from tests.proofs.abuse_server import AbuseServer
from tests.proofs.hostile_client import Attacker, Response, short_id

pytestmark = pytest.mark.slow
NAMES = dict.fromkeys(("name", "line_1", "line_2", "city", "state"), MARKUP)


def is_harmless(response: Response) -> bool:
    """Return whether the page contains the markup only as escaped text."""
    return "<script>alert" not in response.text and "<img src=x" not in response.text


@pytest.fixture(scope="module")
def shopper(abuse_server: AbuseServer) -> tuple[Attacker, str]:
    """Return a member and the number of a paid order. All names of the member and the product are markup."""
    shopper = abuse_server.visitor()
    fields = {"name": MARKUP[:120], "email": "markup@example.org", "password": PASSWORD}
    assert shopper.post("/accounts/signup/", fields).status == 302
    shopper.add(abuse_server.product_ids["markup"])
    shopper.submit_details(**NAMES)
    form = shopper.pay_form() | {"card": str(shopper.add_card())}
    assert shopper.post("/cart/checkout/", form).location == "/cart/success/"
    return shopper, form["order"]


def test_markup_in_names_is_escaped_on_every_page(shop: AbuseServer, shopper: tuple[Attacker, str]) -> None:
    visitor, number = shopper
    slug = next(row["slug"] for row in shop.table("products_product") if row["sku"] == "markup")
    visitor.add(shop.product_ids["markup"])
    category = next(row["slug"] for row in shop.table("products_category"))
    paths = [
        "/", "/products/", f"/products/?category={category}", f"/products/{slug}/", "/cart/", "/cart/checkout/",
        "/cart/checkout/?details", "/addresses/check/", "/orders/", f"/orders/{number}/", "/cart/success/",
    ]  # fmt: skip
    pages = {path: visitor.get(path) for path in paths}
    assert [path for path, page in pages.items() if page.status != 200 or not is_harmless(page)] == []
    assert [path for path, page in pages.items() if "&lt;script&gt;" not in page.text] == []


def test_markup_in_names_is_escaped_in_the_admin(shop: AbuseServer, shopper: tuple[Attacker, str]) -> None:
    staff = shop.staff()
    lists = set(re.findall(r'href="(/admin/\w+/\w+/)"', staff.get("/admin/").text))
    lists.discard("/admin/core/shop/")  # redirects to its only row
    pages = {path: staff.get(path) for path in lists}
    rows = {path for page in pages.values() for path in re.findall(r'href="(/admin/\w+/\w+/\d+/change/)', page.text)}
    pages |= {path: staff.get(path) for path in sorted(rows)[::-1][:25]}
    product = f"/admin/products/product/{shop.product_ids['markup']}/change/"
    pages[product] = staff.get(product)
    assert len(pages) > 20
    assert [path for path, page in pages.items() if page.status != 200 or not is_harmless(page)] == []
    assert sum("&lt;script&gt;" in page.text for page in pages.values()) > 4


def test_markup_in_names_is_escaped_in_emails(shop: AbuseServer, shopper: tuple[Attacker, str]) -> None:
    [text] = [mail for mail in shop.emails() if "To: markup@example.org" in mail and shopper[1] in mail]
    mail = email.message_from_string(text.rpartition("-" * 79)[0] or text, policy=default)
    html, plain = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert plain is not None
    assert "&lt;script&gt;" in html.get_content()
    assert "<script>" not in html.get_content()
    assert "<script>" in plain.get_content()  # plain text as entered
    assert mail["Subject"].isprintable()


def test_input_is_redisplayed_escaped(shop: AbuseServer) -> None:
    visitor = shop.visitor()
    visitor.add(shop.product_ids["mug"])
    fields = {"email": MARKUP, "name": MARKUP, "password": MARKUP, "next": "/" + MARKUP}
    pages = [visitor.post(f"/accounts/{page}/", fields) for page in ("login", "signup", "guest", "password-reset")]
    pages += [
        visitor.submit_details(MARKUP, **NAMES, country=MARKUP),
        visitor.get("/accounts/login/?next=/" + quote(MARKUP)),
    ]
    pages += [visitor.get("/products/?category=" + quote(MARKUP)), visitor.get("/" + quote(MARKUP))]
    assert [page.status for page in pages if not is_harmless(page)] == []
    assert all("&lt;script&gt;" in page.text for page in pages[:5])


LISTS = ["/admin/orders/order/", "/admin/products/product/", "/admin/accounts/user/"]
INVALID_SEARCHES = [
    "%25",
    "_",
    "%25_%25",
    "'",
    "\\",
    "%00",
    "%ff",
    "a" * 3000,
    "' OR 1=1 --",
    "%F0%9F%8D%8C",
    "<script>alert(1)",
    "9" * 400,
]


@pytest.fixture(scope="module")
def boss(abuse_server: AbuseServer) -> Attacker:
    """Return a superuser who sends hostile requests."""
    return abuse_server.staff()


@pytest.mark.parametrize("search", INVALID_SEARCHES, ids=short_id)
def test_invalid_search_in_the_admin_breaks_nothing(shop: AbuseServer, boss: Attacker, search: str) -> None:
    with shop.assert_unchanged():
        for path in LISTS:
            for name in ("q", "p", "id__exact", search):
                response = boss.get(f"{path}?{quote(name, safe='%')}={quote(search, safe='%')}")
                assert response.status in (200, 302, 400, 404, 414)
                assert is_harmless(response)
