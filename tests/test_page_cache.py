"""Tests for shared pages: a stored page is the same as one that was rendered for the visitor, and never out of date."""

import gzip
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import brotli
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.test import Client, RequestFactory
from django.utils import timezone

from core.page_cache import storage
from core.page_cache.pages import Page
from core.page_cache.versions import touch
from core.times import start_of_day
from ecommerce.home_sections import shop_today
from orders.models import Order
from products.models import HomeSection, Product
from tests.guests import pass_hours
from tests.makers import add_to_cart, make_category, make_client_request, make_paid_order, make_product, make_user
from tests.visitors import count_queries, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("page_cache")]
PAGES = [
    "/",
    "/products/",
    "/products/?category=mugs",
    "/products/?q=mug",
    "/products/teal-mug/",
    "/products/sold-out/",
]
HEADERS_OF_ONE_RESPONSE = {"Expires", "X-Request-ID"}


@pytest.fixture
def mug() -> Product:
    """Create a shop with two products in a category, one of them sold out."""
    category = make_category()
    shown = {"category": category, "group": "G", "option": "Colour"}
    make_product(title="Sold out", stock=0, choice="Out", **shown)
    return make_product(title="Teal mug", choice="Teal", **shown)


def facts(response: Any) -> dict[str, Any]:
    """Return everything that a visitor gets, without headers that differ each time."""
    headers = {name: value for name, value in response.headers.items() if name not in HEADERS_OF_ONE_RESPONSE}
    return {"status": response.status_code, "body": response.content, "cookies": response.cookies.output()} | headers


def get_uncached(client: Client, page: str, settings: Any, **options: Any) -> Any:
    settings.PAGE_CACHE = False
    response = client.get(page, **options)
    settings.PAGE_CACHE = True
    return response


def stored_pages() -> list[Page]:
    return storage.MEMORY.values()


# Visitors


def with_cart(client: Client) -> None:
    add_to_cart(client, Product.objects.get(title="Teal mug"), 3)
    client.get("/cart/")  # shows the message


def with_account(client: Client) -> None:
    sign_in(client, make_user())
    with_cart(client)


def with_staff_account(client: Client) -> None:
    client.force_login(make_user("staff@example.org", is_staff=True))


def with_unpaid_order(client: Client) -> None:
    order = make_paid_order(Product.objects.get(title="Sold out"), status=Order.Status.PLACED)
    request = make_client_request(client)
    Order.objects.remember(request, order)
    request.session.save()


def with_german(client: Client) -> None:
    client.post("/language/", {"language": "de"}, headers={"Sec-Fetch-Site": "same-origin"})


def with_cart_in_german(client: Client) -> None:
    with_german(client)
    with_cart(client)


VISITORS: list[Callable[[Client], None]] = [
    lambda client: None,
    with_cart,
    with_account,
    with_staff_account,
    with_unpaid_order,
    with_german,
    with_cart_in_german,
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [*PAGES, "/products/?utm=1&page=1&category=mugs&x=<b>", "/?spy=%22", "/products/?q=+MUG+"]
)
@pytest.mark.parametrize("prepare", VISITORS)
def test_stored_page_is_the_same_as_a_rendered_one(
    client: Client, other_client: Client, mug: Product, page: str, prepare: Any, settings: Any
) -> None:
    prepare(client)
    rendered = facts(get_uncached(client, page, settings))
    for first in (client, other_client):  # the page is made for this visitor, or for another one in the same language
        storage.clear()
        language = {"Accept-Language": rendered["Content-Language"]}
        [first.get(page, headers=language) for _ in range(2)]  # a search is stored at the second request
        assert stored_pages()
        assert [facts(client.get(page)) for _ in range(3)] == [rendered] * 3


def test_page_for_each_visitor(client: Client, other_client: Client, mug: Product, settings: Any) -> None:
    """Check the most common visitors quickly, one after another, on the pages of one shop."""
    with_cart(other_client)
    for page in ("/products/teal-mug/", "/products/?page=1&utm=x"):
        rendered = [facts(get_uncached(visitor, page, settings)) for visitor in (client, other_client)]
        client.get(page)
        assert [facts(visitor.get(page)) for visitor in (client, other_client)] == rendered
    assert len(stored_pages()) == 2


def test_page_with_messages_shows_them_once_and_is_not_stored(client: Client, mug: Product) -> None:
    add_to_cart(client, mug)
    assert 'class="notice' in client.get("/products/").text
    assert stored_pages() == []
    assert 'class="notice' not in client.get("/products/").text


def test_guest_session_that_ends_shows_its_message_on_the_page(
    client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_unpaid_order(client)
    client.get("/products/")
    pass_hours(monkeypatch, 5)
    assert "we have removed your details" in client.get("/products/").text
    assert "we have removed your details" not in client.get("/products/").text


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_stored_page_contains_nothing_of_its_first_visitor(client: Client, mug: Product, page: str) -> None:
    sign_in(client, make_user(name="Gia Guest", is_staff=True))
    with_unpaid_order(client)
    with_cart(client)
    [client.get(f"{page}{'&' if '?' in page else '?'}spy=secret") for _ in range(2)]
    [stored] = stored_pages()
    text = repr(stored)
    for secret in ("sessionid", "csrfmiddlewaretoken", "Set-Cookie", "no-store", "Logout", "secret", "in your cart"):
        assert secret not in text
    assert Order.objects.get().order_id not in text


# Statements


def test_stored_page_needs_one_query_for_its_versions(client: Client, mug: Product) -> None:
    for page in ("/products/", "/products/teal-mug/"):
        client.get(page)
        with count_queries() as statements:
            client.get(page)
        assert len(statements) == 1
        assert "core_pageversion" in statements[0]


def test_stored_page_for_a_cart_needs_one_more_query_and_the_product_page_two(client: Client, mug: Product) -> None:
    with_cart(client)
    for page, expected in (("/products/", 2), ("/products/teal-mug/", 3), ("/products/sold-out/", 3)):
        client.get(page)
        with count_queries() as statements:
            client.get(page)
        assert len(statements) == expected, statements


# Versions


def test_change_is_on_the_next_page(client: Client, mug: Product) -> None:
    client.get("/products/teal-mug/")
    Product.objects.filter(pk=mug.pk).update(price=42)
    touch("product:teal-mug")
    assert "£42.00" in client.get("/products/teal-mug/").text


def test_unchanged_version_keeps_the_page(client: Client, mug: Product) -> None:
    client.get("/products/teal-mug/")
    touch("product:another-mug")
    with count_queries() as statements:
        client.get("/products/teal-mug/")
    assert len(statements) == 1


def test_change_while_the_page_is_rendered_is_on_the_next_page(
    client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commit a new price after the old one was read and before the page is stored."""
    from products import views

    before = views.product_graph

    def change_price(*arguments: Any) -> Any:
        if Product.objects.filter(pk=mug.pk, price=16).update(price=42):
            touch("product:teal-mug")
        return before(*arguments)

    monkeypatch.setattr(views, "product_graph", change_price)
    assert "£16.00" in client.get("/products/teal-mug/").text
    assert "£42.00" in client.get("/products/teal-mug/").text


def test_change_of_a_further_name_is_on_the_next_page(client: Client, mug: Product) -> None:
    client.get("/products/teal-mug/")
    make_product(title="New bowl", category=mug.category)
    touch("category:mugs")
    assert "New bowl" in client.get("/products/teal-mug/").text


def test_changed_setting_is_on_the_next_page(client: Client, mug: Product, settings: Any) -> None:
    client.get("/products/")
    settings.SITE_NAME = "Another name"
    assert "Another name" in client.get("/products/").text


def test_page_is_made_again_after_an_hour(client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    def statements() -> int:
        with count_queries() as queries:
            client.get("/products/")
        return len(queries)

    client.get("/products/")
    pass_hours(monkeypatch, 0.99)
    assert statements() == 1
    pass_hours(monkeypatch, 0.02)
    assert statements() > 1


def test_page_is_not_served_after_it_expires(client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    today = shop_today()
    HomeSection.objects.create(kind="story", title="Only today", text="Text", ends=today)
    assert "Only today" in client.get("/").text
    minute = timedelta(minutes=1)
    pass_hours(monkeypatch, (start_of_day(today + timedelta(days=1)) - timezone.now() - minute) / timedelta(hours=1))
    assert "Only today" in client.get("/").text
    pass_hours(monkeypatch, 2 * minute / timedelta(hours=1))
    assert "Only today" not in client.get("/").text


# Keys


def test_unknown_and_empty_parameters_make_no_new_page(client: Client, mug: Product) -> None:
    for query in ("", "?utm=1", "?page=1", "?sort=nonsense&category=", "?page=01&fbclid=x", "?in_stock=&exact=1"):
        assert client.get(f"/products/{query}").status_code == 200
    assert len(stored_pages()) == 1


def test_links_of_a_page_do_not_repeat_unknown_parameters(client: Client, settings: Any) -> None:
    for _number in range(30):
        make_product()
    for is_on in (True, False):
        settings.PAGE_CACHE = is_on
        text = client.get("/products/?spy=1&sort=price").text
        assert 'href="?sort=price&amp;page=2"' in text
        assert text.count("spy=1") == 2  # the return paths of the languages and of the cart form


def test_search_is_stored_at_its_second_request_within_a_minute(client: Client, mug: Product) -> None:
    client.get("/products/?q=mug")
    assert stored_pages() == []
    client.get("/products/?q=%20MUG%20&page=1")
    client.get("/products/?q=mug")
    client.get("/products/?q=mug")
    assert [page.full_path for page in stored_pages()] == ["/products/?q=mug"]


def test_error_is_not_stored(client: Client, mug: Product) -> None:
    for page in ("/products/nothing/", "/products/?category=nothing", "/products/?page=9", "/products/?page=x"):
        assert [client.get(page).status_code for _ in range(2)] == [404, 404]
    assert stored_pages() == []


# Requests that other middleware must see


def test_stored_page_is_not_served_to_other_hosts(client: Client, mug: Product) -> None:
    client.get("/products/")
    response = client.get("/products/", headers={"Host": "evil.example"})
    assert (response.status_code, "X-Frame-Options" in response.headers) == (400, True)


def test_stored_page_is_not_served_in_maintenance_mode(
    client: Client, mug: Product, settings: Any, tmp_path: Path
) -> None:
    settings.MAINTENANCE_FILE = tmp_path / "maintenance"
    client.get("/products/")
    settings.MAINTENANCE_FILE.touch()
    assert client.get("/products/").status_code == 503


def test_stored_page_is_not_served_over_http_if_the_shop_redirects(client: Client, mug: Product, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True  # middleware reads it when a client sends its first request
    assert client.get("/products/", secure=True).status_code == 200
    assert client.get("/products/").status_code == 301


@pytest.mark.parametrize("request_it", [
    lambda client: client.get("/products/?spy=%00"),
    lambda client: client.get("/products/", headers={"Cookie": 'a="\\000"'}),
])  # fmt: skip
def test_nul_is_rejected_also_if_the_page_is_stored(client: Client, mug: Product, request_it: Any) -> None:
    client.get("/products/")
    assert request_it(client).status_code == 400


def test_post_is_not_answered_from_the_cache(client: Client, mug: Product) -> None:
    client.get("/products/")
    assert client.post("/products/").status_code == 405


# HTTP


@pytest.mark.parametrize("is_on", [True, False])
def test_page_that_the_browser_has_is_not_sent_again(client: Client, mug: Product, settings: Any, is_on: bool) -> None:
    settings.PAGE_CACHE = is_on
    for _time in range(2):
        page = client.get("/products/")
        etag = page.headers["ETag"]
        for tags in (etag, etag.removeprefix("W/"), f'"a", {etag}', "*"):
            answer = client.get("/products/", headers={"If-None-Match": tags})
            assert (answer.status_code, answer.content) == (304, b"")
            gone = {"Content-Type", "Content-Language", "Content-Length"}
            assert {**facts(answer), "status": 200, "body": b""} == {
                name: value for name, value in (facts(page) | {"body": b""}).items() if name not in gone
            }
        for tags in ('"a"', 'W/"a"', etag.strip("W/").strip('"'), ""):
            assert client.get("/products/", headers={"If-None-Match": tags}).status_code == 200


def test_visitor_with_a_session_never_gets_a_304(client: Client, other_client: Client, mug: Product) -> None:
    etag = client.get("/products/").headers["ETag"]
    with_cart(other_client)
    answer = other_client.get("/products/", headers={"If-None-Match": etag})
    assert (answer.status_code, "ETag" in answer.headers) == (200, False)
    assert other_client.get("/products/", headers={"If-None-Match": "*"}).status_code == 200


@pytest.mark.parametrize("is_on", [True, False])
def test_page_is_compressed_if_the_browser_accepts_it(
    client: Client, other_client: Client, mug: Product, settings: Any, is_on: bool
) -> None:
    settings.PAGE_CACHE = is_on
    with_cart(other_client)
    decode: dict[str, Callable[[bytes], bytes]] = {"br": brotli.decompress, "gzip": gzip.decompress}
    for visitor in (client, other_client):
        plain = visitor.get("/products/")
        for accepted in ("gzip", "gzip, br"):
            page = visitor.get("/products/", headers={"Accept-Encoding": accepted})
            encoding = page.headers["Content-Encoding"]
            assert decode[encoding](page.content) == plain.content
            assert page.headers["Content-Length"] == str(len(page.content))
            assert "Accept-Encoding" in page.headers["Vary"]
            assert 2 * len(page.content) < len(plain.content)


def test_page_with_a_token_is_not_compressed(client: Client) -> None:
    page = client.get("/accounts/login/", headers={"Accept-Encoding": "gzip, br"})
    assert "csrfmiddlewaretoken" in page.text
    assert "Content-Encoding" not in page.headers


@pytest.mark.parametrize("is_on", [True, False])
def test_head_has_the_headers_and_no_body(client: Client, mug: Product, settings: Any, is_on: bool) -> None:
    settings.PAGE_CACHE = is_on
    for _time in range(2):
        page, head = client.get("/products/"), client.head("/products/")
        assert facts(head) == facts(page) | {"body": b""}


def test_head_sends_no_body_to_the_server(client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the handler itself, because the test client removes the body of every HEAD response."""
    monkeypatch.setattr(request_started, "send", lambda **arguments: None)  # it would close the test's connection
    client.get("/products/")
    sent: list[Any] = []
    body = WSGIHandler()(
        RequestFactory().head("/products/").environ, lambda status, headers: sent.append(dict(headers))
    )
    assert b"".join(body) == b""
    assert int(sent[0]["Content-Length"]) > 1000


def test_range_is_ignored(client: Client, mug: Product) -> None:
    page = client.get("/products/")
    assert facts(client.get("/products/", headers={"Range": "bytes=0-9"})) == facts(page)


# Pages without a token


@pytest.mark.parametrize("page", ["/", "/products/", "/products/teal-mug/"])
def test_catalog_pages_contain_no_token(client: Client, mug: Product, page: str) -> None:
    with_account(client)
    text = client.get(page).text
    assert "Logout" in text
    assert "csrfmiddlewaretoken" not in text


def test_user_can_log_out_from_a_page_without_a_token(mug: Product) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user())
    assert browser.post("/accounts/logout/").status_code == 403
    assert browser.post("/accounts/logout/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert "_auth_user_id" in browser.session
    assert browser.post("/accounts/logout/", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 302
    assert "_auth_user_id" not in browser.session


def test_quantity_field_does_not_show_the_stock_of_a_product_in_stock(client: Client, mug: Product) -> None:
    assert 'max="99"' in client.get("/products/teal-mug/").text
    Product.objects.filter(pk=mug.pk).update(stock=5)
    touch("product:teal-mug")
    assert 'max="5"' in client.get("/products/teal-mug/").text
