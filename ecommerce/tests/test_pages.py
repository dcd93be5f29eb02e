"""What holds for every page: errors are pages of the shop, nothing foreign is loaded, pictures are served safely."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client, RequestFactory

from billing.simulator.server import Simulator
from ecommerce.tests.makers import add_card, add_to_cart, buy, give_details, make_product, make_user
from ecommerce.wsgi import application

pytestmark = pytest.mark.django_db


def policy(answer: Any) -> dict[str, list[str]]:
    """The Content-Security-Policy by directive."""
    parts = (directive.split() for directive in answer.headers["Content-Security-Policy"].split(";"))
    return {part[0]: part[1:] for part in parts if part}


def is_page_of_the_shop(answer: Any) -> bool:
    return "Hearth &amp; Clay" in answer.text and ">Products</a>" in answer.text and "Go to the shop" in answer.text


# Errors


@pytest.mark.parametrize(
    "address", ["/nothing/", "/products/nothing/", "/orders/NOTHING/", "/accounts/", "/favicon.png"]
)
def test_unknown_address_is_a_page_of_the_shop(client: Client, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, is_page_of_the_shop(answer)) == (404, True)


HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("get", "/cart/update/", {"POST"}),
        ("get", "/orders/NOTHING/pay/", {"POST"}),
        ("post", "/", {"GET", "HEAD"}),
        ("post", "/products/nothing/", {"GET", "HEAD", "OPTIONS"}),
        ("put", "/media/products/mug.webp", {"GET", "HEAD"}),
        ("delete", "/accounts/logout/", {"POST"}),
    ],
)
def test_wrong_method_is_a_page_of_the_shop_that_names_the_right_ones(
    client: Client, method: str, address: str, allowed: set[str]
) -> None:
    answer = getattr(client, method)(address, headers=HTML)
    assert (answer.status_code, is_page_of_the_shop(answer)) == (405, True)
    assert set(answer.headers["Allow"].split(", ")) == allowed
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert "Accept" in answer.headers["Vary"].split(", ")
    assert not answer.cookies


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/plain", "image/webp,*/*;q=0.8"])
@pytest.mark.parametrize("address", ["/billing/webhook/", "/billing/setup-intent/", "/cart/update/"])
def test_wrong_method_of_a_program_is_answered_barely(client: Client, address: str, accept: str) -> None:
    answer = client.get(address, headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.content, answer.headers["Allow"]) == (405, b"", "POST")


@pytest.mark.parametrize(
    ("method", "address"), [("head", "/cart/update/"), ("options", "/"), ("options", "/cart/update/")]
)
def test_wrong_method_that_asks_for_no_page_gets_none(client: Client, method: str, address: str) -> None:
    answer = getattr(client, method)(address, headers=HTML)
    assert (answer.status_code, answer.content, bool(answer.headers["Allow"])) == (405, b"", True)


def test_page_for_a_wrong_method_speaks_german_and_knows_the_cart(client: Client) -> None:
    add_to_cart(client, make_product(), 3)
    answer = client.get("/cart/update/", headers=HTML | {"Accept-Language": "de"})
    assert "Diese Seite lässt sich nicht direkt öffnen" in answer.text
    assert "data-cart-items>3<" in answer.text


@pytest.mark.parametrize(
    "address",
    ["/products/a%00b/", "/%00", "/products/?category=%00", "/products/?%00=1", "/?next=a%00", "/media/%00.png"],
)
def test_nul_byte_in_the_address_is_a_bad_request(client: Client, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, is_page_of_the_shop(answer)) == (400, True)


def test_nul_byte_in_a_cookie_is_a_bad_request(client: Client) -> None:
    answer = client.get("/cart/", headers={"Cookie": r'sessionid="abcdefghij\000klm"'})
    assert (answer.status_code, is_page_of_the_shop(answer)) == (400, True)


def test_unknown_host_is_a_bad_request(client: Client) -> None:
    answer = client.get("/", headers={"Host": "evil.example"})
    assert (answer.status_code, is_page_of_the_shop(answer)) == (400, True)
    assert "evil.example" not in answer.text


def test_too_many_fields_are_a_bad_request(client: Client) -> None:
    answer = client.post("/cart/update/", {f"field{number}": "1" for number in range(1001)})
    assert (answer.status_code, is_page_of_the_shop(answer)) == (400, True)


def test_form_without_a_token_is_a_page_that_says_what_to_do() -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"email": "a@example.org", "password": "x"})
    assert (answer.status_code, is_page_of_the_shop(answer)) == (403, True)
    assert "Go back, reload the page" in answer.text


def test_our_own_mistake_is_a_page_of_the_shop_and_says_no_more(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("products.models.CategoryManager.for_menu", broken)
    client.raise_request_exception = False
    answer = client.get("/products/")
    assert (answer.status_code, ">Products</a>" in answer.text) == (500, True)
    assert "That was our mistake, not yours." in answer.text
    assert "secret detail" not in answer.text


def test_error_pages_write_nothing(client: Client) -> None:
    assert not client.get("/nothing/").cookies
    assert not client.get("/products/?category=%00").cookies


@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "messages"])
@pytest.mark.parametrize("value", ["x", "' OR 1=1", "x" * 4000, '"[[\\"__json_message\\"', "é"])
def test_forged_cookie_is_no_mistake_of_ours(client: Client, name: str, value: str) -> None:
    client.cookies[name] = value
    assert "Your cart is empty." in client.get("/cart/").text


def test_health_answers_while_the_database_does(client: Client) -> None:
    answer = client.get("/health/")
    assert (answer.json(), bool(answer.cookies)) == ({"status": "ok"}, False)


# What a page may load


def pages(client: Client) -> dict[str, Any]:
    product = make_product()
    add_to_cart(client, product)
    addresses = ["/", "/products/", product.get_absolute_url(), "/cart/", "/accounts/login/", "/accounts/signup/"]
    return {address: client.get(address) for address in [*addresses, "/accounts/guest/", "/orders/", "/nothing/"]}


def test_pages_load_only_from_the_shop(client: Client) -> None:
    for address, answer in pages(client).items():
        sources = {source for directive in policy(answer).values() for source in directive}
        assert sources <= {"'self'", "'none'", "data:"}, address
        assert policy(answer)["default-src"] == policy(answer)["frame-ancestors"] == ["'none'"]


def payment_pages(client: Client) -> dict[str, Any]:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    add_to_cart(client, make_product())
    give_details(client)
    addresses = ["/cart/checkout/", "/billing/payment-method/", order.get_absolute_url()]
    return {address: client.get(address) for address in addresses}


def test_payment_pages_load_the_simulator_in_a_test_shop(client: Client, simulator: Simulator) -> None:
    for address, answer in payment_pages(client).items():
        assert policy(answer)["script-src"] == ["'self'", simulator.url], address
        assert policy(answer)["frame-src"] == [simulator.url], address
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_payment_pages_load_stripe_and_nothing_else_in_a_real_shop(
    client: Client, simulator: Simulator, settings: Any
) -> None:
    settings.STRIPE_IS_REAL = True
    for address, answer in payment_pages(client).items():
        found = policy(answer)
        assert found["script-src"] == ["'self'", "https://js.stripe.com", "https://*.js.stripe.com"], address
        assert found["frame-src"] == [*found["script-src"][1:], "https://hooks.stripe.com"], address
        assert found["connect-src"] == ["'self'", "https://api.stripe.com"], address
        assert simulator.url not in answer.headers["Content-Security-Policy"]


def test_script_of_stripe_is_asked_for_on_payment_pages_alone(client: Client, simulator: Simulator) -> None:
    for address, answer in pages(client).items():
        assert "stripe.js" not in answer.text, address
    give_details(client)
    assert simulator.url + "/endive/stripe.js" in client.get("/cart/checkout/").text


def test_test_shop_says_that_it_is_one(client: Client, settings: Any) -> None:
    assert "Test payments, no real money" in client.get("/").text
    settings.STRIPE_IS_REAL = True
    assert "Test payments" not in client.get("/").text


def test_secrets_are_on_no_page(client: Client, simulator: Simulator) -> None:
    shown = [answer.text for answer in [*pages(client).values(), *payment_pages(client).values()]]
    shown.append(add_card(client).text)
    for secret in ("sk_test_tests", "whsec_tests", "cus_", "for-a-laptop-only"):
        assert not any(secret in text for text in shown), secret


def test_headers_keep_browsers_from_guessing_and_framing(client: Client) -> None:
    headers = client.get("/").headers
    assert (headers["X-Content-Type-Options"], headers["X-Frame-Options"]) == ("nosniff", "DENY")
    assert headers["Referrer-Policy"] == "same-origin"


def test_admin_is_a_page_under_the_same_policy(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    answer = client.get("/admin/products/product/")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "<script>" not in answer.text


# Pictures


@pytest.fixture
def picture(settings: Any) -> Path:
    """A picture in the media folder, and a secret beside that folder."""
    folder = Path(settings.MEDIA_ROOT) / "media"
    settings.MEDIA_ROOT = str(folder)
    (folder / "products").mkdir(parents=True)
    (folder.parent / "secret.txt").write_text("secret")
    path = folder / "products" / "mug-0123.webp"
    path.write_bytes(b"RIFFpicture")
    return path


def test_picture_is_served_to_be_kept_for_ever(client: Client, picture: Path) -> None:
    answer = client.get("/media/products/mug-0123.webp")
    assert b"".join(answer.streaming_content) == b"RIFFpicture"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (answer.headers["Content-Type"], bool(answer.cookies)) == ("image/webp", False)


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
def test_picture_outside_of_its_folder_is_refused(client: Client, picture: Path, path: str) -> None:
    answer = client.get(f"/media/{path}")
    assert answer.status_code in (400, 404)
    assert is_page_of_the_shop(answer)
    assert "immutable" not in answer.headers.get("Cache-Control", "")


def test_pictures_can_only_be_read(client: Client, picture: Path) -> None:
    assert client.post("/media/products/mug-0123.webp", b"x", content_type="image/webp").status_code == 405
    assert picture.read_bytes() == b"RIFFpicture"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("charset", ["rot13", "undefined", "UTF-8"])
def test_request_is_read_as_utf8_whatever_encoding_it_names(charset: str) -> None:
    environ = RequestFactory()._base_environ(PATH_INFO="/health/", CONTENT_TYPE=f"text/plain; charset={charset}")
    said = []
    answer = application(environ, lambda status, headers: said.append(status))
    assert (said, b"".join(answer)) == (["200 OK"], b'{"status": "ok"}')


def test_picture_with_a_name_too_long_is_404(client: Client) -> None:
    assert client.get(f"/media/{'a' * 300}").status_code == 404


@pytest.mark.parametrize("goal", ["abc", "?x", "#a", "home", "\\x", "[]"])
def test_next_that_is_no_path_is_passed_over(client: Client, goal: str) -> None:
    answer = client.post("/accounts/guest/", {"email": "guest@example.org", "next": goal})
    assert answer.url == "/cart/checkout/"


def test_guest_email_longer_than_its_column_is_refused(client: Client) -> None:
    email = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.org"
    assert "at most 254" in client.post("/accounts/guest/", {"email": email}).text
