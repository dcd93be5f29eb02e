"""Tests for all pages: error pages, the Content-Security-Policy, and uploaded images."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client, RequestFactory

from core.message_storage import MAX_MESSAGES
from ecommerce.wsgi import application
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, buy, make_product, make_user, submit_details

SAME = {"Sec-Fetch-Site": "same-origin"}
pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


def policy(answer: Any) -> dict[str, list[str]]:
    """Return the Content-Security-Policy as a mapping of directives to sources."""
    parts = (directive.split() for directive in answer.headers["Content-Security-Policy"].split(";"))
    return {part[0]: part[1:] for part in parts if part}


def is_shop_page(answer: Any) -> bool:
    return "Hearth &amp; Clay" in answer.text and ">Products</a>" in answer.text and "Go to the shop" in answer.text


# Errors


@pytest.mark.parametrize("path", ["/nothing/", "/products/nothing/", "/orders/NOTHING/", "/accounts/", "/favicon.png"])
def test_unknown_url_renders_a_404_page(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, is_shop_page(response)) == (404, True)


HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("get", "/cart/update/", {"POST"}),
        ("get", "/orders/NOTHING/pay/", {"POST"}),
        ("post", "/", {"GET", "HEAD"}),
        ("post", "/products/nothing/", {"GET", "HEAD", "OPTIONS"}),
        ("put", "/media/products/mug.webp", {"GET", "HEAD"}),
        ("delete", "/accounts/logout/", {"POST"}),
    ],
)
def test_wrong_method_renders_a_405_page_with_allow_header(
    client: Client, method: str, path: str, allowed: set[str]
) -> None:
    response = getattr(client, method)(path, headers=HTML)
    assert (response.status_code, is_shop_page(response)) == (405, True)
    assert set(response.headers["Allow"].split(", ")) == allowed
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert int(response.headers["Content-Length"]) == len(response.content)
    assert "Accept" in response.headers["Vary"].split(", ")
    assert not response.cookies


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/plain", "image/webp,*/*;q=0.8"])
@pytest.mark.sampled(4)
@pytest.mark.parametrize("path", ["/billing/webhook/", "/billing/setup-intent/", "/cart/update/"])
def test_wrong_method_of_a_program_gets_an_empty_response(client: Client, path: str, accept: str) -> None:
    response = client.get(path, headers={"Accept": accept} if accept else {})
    assert (response.status_code, response.content, response.headers["Allow"]) == (405, b"", "POST")


@pytest.mark.parametrize(
    ("method", "path"), [("head", "/cart/update/"), ("options", "/"), ("options", "/cart/update/")]
)
def test_wrong_head_or_options_request_gets_an_empty_response(client: Client, method: str, path: str) -> None:
    response = getattr(client, method)(path, headers=HTML)
    assert (response.status_code, response.content, bool(response.headers["Allow"])) == (405, b"", True)


def test_405_page_is_translated_and_shows_the_cart_badge(client: Client) -> None:
    add_to_cart(client, make_product(), 3)
    response = client.get("/cart/update/", headers=HTML | {"Accept-Language": "de"})
    assert "Diese Seite lässt sich nicht direkt öffnen" in response.text
    assert "data-cart-items>3<" in response.text


@pytest.mark.parametrize(
    "path",
    ["/products/a%00b/", "/%00", "/products/?category=%00", "/products/?%00=1", "/?next=a%00", "/media/%00.png"],
)
def test_nul_byte_in_the_url_is_a_bad_request(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, is_shop_page(response)) == (400, True)


def test_nul_byte_in_a_cookie_is_a_bad_request(client: Client) -> None:
    response = client.get("/cart/", headers={"Cookie": r'sessionid="abcdefghij\000klm"'})
    assert (response.status_code, is_shop_page(response)) == (400, True)


def test_unknown_host_is_a_bad_request(client: Client) -> None:
    response = client.get("/", headers={"Host": "evil.example"})
    assert (response.status_code, is_shop_page(response)) == (400, True)
    assert "evil.example" not in response.text


def test_too_many_fields_are_a_bad_request(client: Client) -> None:
    response = client.post("/cart/update/", {f"field{number}": "1" for number in range(1001)})
    assert (response.status_code, is_shop_page(response)) == (400, True)


def test_missing_csrf_token_renders_a_page_with_instructions() -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"email": "a@example.org", "password": "x"})
    assert (response.status_code, is_shop_page(response)) == (403, True)
    assert "Go back, reload the page" in response.text


def test_server_error_renders_a_page_without_details(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("products.models.category.CategoryManager.tree", fail)
    client.raise_request_exception = False
    response = client.get("/products/")
    assert (response.status_code, ">Products</a>" in response.text) == (500, True)
    assert "That was our mistake, not yours." in response.text
    assert "secret detail" not in response.text


def test_error_pages_set_no_cookies(client: Client) -> None:
    assert not client.get("/nothing/").cookies
    assert not client.get("/products/?category=%00").cookies


@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "messages"])
@pytest.mark.parametrize("value", ["x", "' OR 1=1", "x" * 4000, '"[[\\"__json_message\\"', "é"])
@pytest.mark.sampled(4)
def test_forged_cookie_causes_no_server_error(client: Client, name: str, value: str) -> None:
    client.cookies[name] = value
    assert "Your cart is empty." in client.get("/cart/").text


def test_health_responds_while_the_database_is_available(client: Client) -> None:
    response = client.get("/health/")
    assert (response.json(), bool(response.cookies)) == ({"status": "ok"}, False)


# Content-Security-Policy


def get_pages(client: Client) -> dict[str, Any]:
    product = make_product()
    add_to_cart(client, product)
    paths = ["/", "/products/", product.get_absolute_url(), "/cart/", "/accounts/login/", "/accounts/signup/"]
    return {path: client.get(path) for path in [*paths, "/accounts/guest/", "/orders/", "/nothing/"]}


@pytest.mark.slow
def test_policy_allows_only_own_sources(client: Client) -> None:
    for path, response in get_pages(client).items():
        sources = {source for directive in policy(response).values() for source in directive}
        assert sources <= {"'self'", "'none'", "data:"}, path
        assert policy(response)["default-src"] == policy(response)["frame-ancestors"] == ["'none'"]


def get_payment_pages(client: Client) -> dict[str, Any]:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    add_to_cart(client, make_product())
    submit_details(client)
    paths = ["/cart/checkout/", "/billing/payment-method/", order.get_absolute_url()]
    return {path: client.get(path) for path in paths}


@pytest.mark.slow
def test_payment_pages_allow_the_simulator_in_a_test_shop(client: Client, simulator: Simulator) -> None:
    for path, response in get_payment_pages(client).items():
        assert policy(response)["script-src"] == ["'self'", simulator.url], path
        assert policy(response)["frame-src"] == [simulator.url], path
        assert "unsafe" not in response.headers["Content-Security-Policy"]


def test_payment_pages_allow_only_stripe_in_a_live_shop(client: Client, simulator: Simulator, settings: Any) -> None:
    settings.STRIPE_IS_REAL = True
    for path, response in get_payment_pages(client).items():
        found = policy(response)
        assert found["script-src"] == ["'self'", "https://js.stripe.com", "https://*.js.stripe.com"], path
        assert found["frame-src"] == [*found["script-src"][1:], "https://hooks.stripe.com"], path
        assert found["connect-src"] == ["'self'", "https://api.stripe.com"], path
        assert simulator.url not in response.headers["Content-Security-Policy"]


@pytest.mark.slow
def test_stripe_script_is_loaded_only_on_payment_pages(client: Client, simulator: Simulator) -> None:
    for path, response in get_pages(client).items():
        assert "stripe.js" not in response.text, path
    submit_details(client)
    assert simulator.url + "/endive/stripe.js" in client.get("/cart/checkout/").text


def test_test_shop_shows_a_banner(client: Client, settings: Any) -> None:
    assert "Test payments, no real money" in client.get("/").text
    settings.STRIPE_IS_REAL = True
    assert "Test payments" not in client.get("/").text


@pytest.mark.slow
def test_pages_do_not_contain_secrets(client: Client, simulator: Simulator) -> None:
    texts = [answer.text for answer in [*get_pages(client).values(), *get_payment_pages(client).values()]]
    texts.append(add_card(client).text)
    for secret in ("sk_test_tests", "whsec_tests", "cus_", "for-development-only"):
        assert not any(secret in text for text in texts), secret


def test_headers_prevent_sniffing_and_framing(client: Client) -> None:
    headers = client.get("/").headers
    assert (headers["X-Content-Type-Options"], headers["X-Frame-Options"]) == ("nosniff", "DENY")
    assert headers["Referrer-Policy"] == "same-origin"


def test_admin_has_a_policy_without_unsafe_sources(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    response = client.get("/admin/products/product/")
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "<script>" not in response.text


# Uploaded images


@pytest.fixture
def image(settings: Any) -> Path:
    """Create an image in the media directory and a secret file outside it, and return the path of the image."""
    folder = Path(settings.MEDIA_ROOT) / "media"
    settings.MEDIA_ROOT = str(folder)
    (folder / "products").mkdir(parents=True)
    (folder.parent / "secret.txt").write_text("secret")
    path = folder / "products" / "mug-0123.webp"
    path.write_bytes(b"RIFFpicture")
    return path


def test_image_is_cached_as_immutable(client: Client, image: Path) -> None:
    response = client.get("/media/products/mug-0123.webp")
    assert b"".join(response.streaming_content) == b"RIFFpicture"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (response.headers["Content-Type"], bool(response.cookies)) == ("image/webp", False)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "products/../../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "products/..%2f..%2fsecret.txt",
        "..\\secret.txt",
        "..%5csecret.txt",
        "/etc/passwd",
        "%2fetc/passwd",
        "products/",
        "products",
        "nothing.webp",
    ],
)
def test_path_outside_the_media_directory_is_rejected(client: Client, image: Path, path: str) -> None:
    response = client.get(f"/media/{path}")
    assert response.status_code in (400, 404)
    assert is_shop_page(response)
    assert "immutable" not in response.headers.get("Cache-Control", "")


def test_image_does_not_accept_posts(client: Client, image: Path) -> None:
    assert client.post("/media/products/mug-0123.webp", b"x", content_type="image/webp").status_code == 405
    assert image.read_bytes() == b"RIFFpicture"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("charset", ["rot13", "undefined", "UTF-8"])
def test_request_charset_is_ignored(charset: str) -> None:
    environ = RequestFactory()._base_environ(PATH_INFO="/health/", CONTENT_TYPE=f"text/plain; charset={charset}")
    statuses = []
    response = application(environ, lambda status, headers: statuses.append(status))
    assert (statuses, b"".join(response)) == (["200 OK"], b'{"status": "ok"}')


def test_image_with_too_long_a_name_is_not_found(client: Client) -> None:
    assert client.get(f"/media/{'a' * 300}").status_code == 404


@pytest.mark.parametrize("next_url", ["abc", "?x", "#a", "home", "\\x", "[]"])
def test_next_that_is_not_a_path_is_ignored(client: Client, next_url: str) -> None:
    response = client.post("/accounts/guest/", {"email": "guest@example.org", "next": next_url})
    assert response.url == "/cart/checkout/"


def test_too_long_guest_email_is_rejected(client: Client) -> None:
    email = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.org"
    assert "at most 254" in client.post("/accounts/guest/", {"email": email}).text


# Many parameters, fields and messages

MANY = {
    "names": "&".join(f"a{number}" for number in range(1001)),
    "one name": "q=mug&" * 1001,
    "separators": "&" * 1001,
    "fields": "a&" * 30_000,
}


@pytest.mark.parametrize("path", ["/", "/products/", "/nothing/", "/cart/", "/accounts/login/", "/admin/login/"])
@pytest.mark.parametrize("query", MANY.values(), ids=MANY)
def test_too_many_parameters_are_a_bad_request(client: Client, path: str, query: str) -> None:
    response = client.get(f"{path}?{query}")
    assert (response.status_code, is_shop_page(response)) == (400, True)


@pytest.mark.parametrize("query", MANY.values(), ids=MANY)
def test_too_many_fields_of_any_kind_are_a_bad_request(client: Client, query: str) -> None:
    response = client.post("/cart/update/", query, content_type="application/x-www-form-urlencoded", headers=SAME)
    assert (response.status_code, is_shop_page(response)) == (400, True)


@pytest.mark.parametrize(
    "query", ["q=" + "mug+" * 15_000, "page=" + "9" * 60_000, "next=/" + "x" * 60_000, "=" * 60_000]
)
@pytest.mark.parametrize("path", ["/", "/products/", "/nothing/", "/cart/", "/accounts/login/"])
def test_long_query_grows_no_page_by_more_than_a_few_copies(client: Client, path: str, query: str) -> None:
    response = client.get(f"{path}?{query}")
    assert response.status_code in (200, 404)
    assert len(response.content) < 30_000 + 3 * len(query)


def test_next_page_that_is_too_long_for_a_header_is_not_used(client: Client) -> None:
    for length, goal in {1900: "/" + "x" * 1900, 90_000: "/"}.items():
        response = client.post("/language/", {"language": "de", "next": "/" + "x" * length}, headers=SAME)
        assert (response.status_code, response.url) == (302, goal)


def test_only_the_newest_messages_wait_for_a_visitor(client: Client) -> None:
    for _number in range(MAX_MESSAGES + 10):
        client.post("/cart/update/", {"product_id": "x"}, headers=SAME)
    add_to_cart(client, make_product(title="Mug"))
    page = client.get("/cart/").text
    assert page.count("Choose a product.") == MAX_MESSAGES - 1
    assert "Now in your cart: 1 × Mug." in page
