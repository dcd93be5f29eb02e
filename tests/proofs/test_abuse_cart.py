"""Abuse of the cart: fields, request bodies, CSRF tokens, HTTP methods, parallel requests and invalid cookies."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.proofs.abuse_server import AbuseServer
from tests.proofs.hostile_client import NO_RESPONSE, SAME_SITE, Attacker, Response, short_id
from tests.proofs.hostile_input import CROSS_SITE_HEADERS, DIGITS, MALFORMED_BODIES

pytestmark = pytest.mark.slow
UPDATE, CHOOSE = "/cart/update/", "Choose a product."
LEAST, MOST, WHOLE = "or more.", "99 or less.", "Enter a whole number."
NOT_ON_SALE, NO_TOKEN = "This product is no longer available.", "Nothing was changed."
CART = ("django_session", "carts_cart", "carts_cartitem")


@pytest.fixture
def visitor(shop: AbuseServer) -> Attacker:
    """Return a visitor with a CSRF token and without a cart."""
    visitor = shop.visitor()
    visitor.token()
    return visitor


def cart_of(shop: AbuseServer, visitor: Attacker) -> dict[int, int]:
    """Return the quantity by product id of this visitor's active cart."""
    key = visitor.cookies.get("sessionid", "")
    carts = [row["id"] for row in shop.table("carts_cart") if key and row["session_key"] == key and row["active"]]
    return {row["product_id"]: row["quantity"] for row in shop.table("carts_cartitem") if row["cart_id"] in carts}


def cart_text(visitor: Attacker, response: Response) -> str:
    """Return the text of the cart page after a cart update."""
    assert (response.status, response.location) == (302, "/cart/")
    return visitor.get("/cart/").visible_text


@pytest.mark.parametrize(
    ("quantity", "sentence"),
    {
        "-1": LEAST, "0": "Choose a quantity of 1 or more.", "1.5": WHOLE, "1e9": WHOLE, "1000000000": MOST,
        "NaN": WHOLE, "inf": WHOLE, "0x10": WHOLE, DIGITS: MOST, DIGITS * 10: WHOLE, "1\x00": WHOLE,
        "²": WHOLE, "१.५": WHOLE, "' OR 1=1 --": WHOLE, "true": WHOLE, "1;2": WHOLE,
    }.items(),
    ids=short_id,
)  # fmt: skip
def test_invalid_quantity_changes_nothing(shop: AbuseServer, visitor: Attacker, quantity: str, sentence: str) -> None:
    with shop.assert_unchanged():
        response = visitor.add(shop.product_ids["mug"], quantity)
    assert sentence in cart_text(visitor, response)


@pytest.mark.parametrize(("quantity", "count"), {"٣": 3, " 4 ": 4, "": 1, "1_0": 10, "5.0": 5}.items(), ids=short_id)
def test_quantity_in_another_notation_is_accepted(
    shop: AbuseServer, visitor: Attacker, quantity: str, count: int
) -> None:
    with shop.assert_unchanged(*CART):
        visitor.add(shop.product_ids["mug"], quantity)
    assert cart_of(shop, visitor) == {shop.product_ids["mug"]: count}


def test_repeated_adds_stop_at_99(shop: AbuseServer, visitor: Attacker) -> None:
    responses = [visitor.add(shop.product_ids["pot"], 99) for _press in range(3)]
    assert "That is all we have in stock" in cart_text(visitor, responses[-1])
    assert cart_of(shop, visitor) == {shop.product_ids["pot"]: 99}


@pytest.mark.parametrize(
    ("product", "sentence"),
    {
        "": CHOOSE, "mug": CHOOSE, "-1": LEAST, "0": LEAST, str(2**64): "or less.", "1\x00": CHOOSE,
        "1 OR 1=1": CHOOSE, "1; DROP TABLE products_product": CHOOSE, str(2**63 - 1): NOT_ON_SALE, "gone": NOT_ON_SALE,
        "deleted": NOT_ON_SALE, "[1]": CHOOSE, "{{7*7}}": CHOOSE, DIGITS * 10: CHOOSE, "../1": CHOOSE,
    }.items(),
    ids=short_id,
)  # fmt: skip
@pytest.mark.parametrize("action", ["add", "set", "remove"])
def test_invalid_product_changes_nothing(
    shop: AbuseServer, visitor: Attacker, product: str, sentence: str, action: str
) -> None:
    number = {"gone": shop.product_ids["gone"], "deleted": max(shop.product_ids.values()) + 1}.get(product, product)
    with shop.assert_unchanged():
        response = visitor.post(UPDATE, {"product_id": number, "action": action, "quantity": "1"}, SAME_SITE)
    assert sentence in cart_text(visitor, response)


@pytest.mark.parametrize("action", ["buy", "ADD", "add\x00", "toggle", "x" * 5000, "__class__"], ids=short_id)
def test_invalid_action_changes_nothing(shop: AbuseServer, visitor: Attacker, action: str) -> None:
    with shop.assert_unchanged():
        response = visitor.post(UPDATE, {"product_id": shop.product_ids["mug"], "action": action}, SAME_SITE)
    assert "You can add a product, change its quantity or remove it." in cart_text(visitor, response)


def test_unexpected_fields_are_ignored(shop: AbuseServer, visitor: Attacker) -> None:
    victim = shop.visitor()
    victim.add(shop.product_ids["pot"])
    [cart] = [row["id"] for row in shop.table("carts_cart") if row["session_key"] == victim.cookies["sessionid"]]
    with shop.assert_unchanged(*CART):
        visitor.add(
            shop.product_ids["mug"],
            price="0.01", total="0.01", subtotal="0", user="1", user_id="1", cart="1", cart_id=cart,
            session_key=victim.cookies["sessionid"], billing_profile="1", active="0", stock="5", is_staff="1",
        )  # fmt: skip
    assert cart_of(shop, visitor) == {shop.product_ids["mug"]: 1}
    assert cart_of(shop, victim) == {shop.product_ids["pot"]: 1}
    assert "£16.00" in visitor.get("/cart/").visible_text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ("product_id[]={mug}&quantity[]=5", CHOOSE),
        ("product_id[0]={mug}", CHOOSE),
        ("product_id[$ne]=1", CHOOSE),
        ("product_id={mug}&quantity=1&quantity=-5", LEAST),
        ("product_id={mug}&product_id=0", LEAST),
        ("product_id={mug}&product_id=", CHOOSE),
        ("quantity=3", CHOOSE),
        ("", CHOOSE),
        ("&&&===&", CHOOSE),
        ("product_id=%ff%fe&quantity=%", CHOOSE),
    ],
)
def test_repeated_and_bracketed_fields_change_nothing(
    shop: AbuseServer, visitor: Attacker, fields: str, sentence: str
) -> None:
    with shop.assert_unchanged():
        response = visitor.post(UPDATE, fields.replace("{mug}", str(shop.product_ids["mug"])), SAME_SITE)
    assert sentence in cart_text(visitor, response)


@pytest.mark.parametrize("headers", [{}, SAME_SITE], ids=["token", "same site"])
@pytest.mark.parametrize("name", MALFORMED_BODIES)
def test_malformed_body_changes_nothing(
    shop: AbuseServer, visitor: Attacker, name: str, headers: dict[str, str]
) -> None:
    kind, body, status = MALFORMED_BODIES[name]
    with shop.assert_unchanged():
        response = visitor.post(UPDATE, body, {"Content-Type": kind, **headers})
    if status == 302:
        assert CHOOSE in cart_text(visitor, response)
    assert response.status in (status, NO_RESPONSE)


@pytest.mark.parametrize("name", MALFORMED_BODIES)
def test_malformed_body_to_account_forms_changes_nothing(shop: AbuseServer, visitor: Attacker, name: str) -> None:
    kind, body, status = MALFORMED_BODIES[name]
    with shop.assert_unchanged():
        for path in ["/accounts/login/", "/accounts/signup/", "/accounts/guest/", "/admin/login/"]:
            response = visitor.post(path, body, {"Content-Type": kind})
            assert response.status in (200 if status == 302 else status, NO_RESPONSE)


POST_PATHS = [
    UPDATE, "/accounts/login/", "/accounts/signup/", "/accounts/guest/", "/accounts/logout/", "/cart/checkout/",
    "/addresses/check/", "/addresses/update/", "/billing/payment-processing/", "/orders/X/pay/", "/orders/X/cancel/",
    "/billing/card-link/",
    "/orders/X/card/", "/orders/start-afresh/", "/admin/login/", "/admin/products/product/add/", "/cart/discount/",
    "/cart/delivery/", "/language/", "/contact/", "/orders/withdraw/", "/orders/withdraw/confirm/",
    "/orders/X/withdraw/", "/orders/X/withdraw/confirm/", "/orders/find/",
    "/accounts/login/code/", "/admin/accounts/user/second-factor/",
]  # fmt: skip


@pytest.mark.parametrize("path", POST_PATHS)
def test_cross_site_post_changes_nothing(shop: AbuseServer, visitor: Attacker, path: str) -> None:
    fields = {"product_id": shop.product_ids["mug"], "email": "a@example.org", "password": "x", "next": "/"}
    with shop.assert_unchanged():
        for headers in CROSS_SITE_HEADERS:
            response = visitor.post(path, fields, {"X-CSRFToken": "", **headers})
            assert response.status in (400, 403, 431), headers
    assert NO_TOKEN in visitor.post(path, fields, {"X-CSRFToken": ""}).visible_text


POST_ONLY_PATHS = [
    UPDATE, "/accounts/logout/", "/addresses/update/", "/billing/payment-processing/", "/billing/webhook/",
    "/cart/discount/", "/cart/delivery/", "/language/",
]  # fmt: skip


@pytest.mark.parametrize("path", POST_ONLY_PATHS)
def test_other_http_methods_are_rejected(shop: AbuseServer, visitor: Attacker, path: str) -> None:
    query, headers = f"?product_id={shop.product_ids['mug']}&quantity=1", {**SAME_SITE, "X-CSRFToken": visitor.token()}
    with shop.assert_unchanged():
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "BREW"]:
            assert visitor.send(method, path + query, headers=headers).status == 405, method


@pytest.mark.parametrize("path", ["/", "/cart/", "/products/", "/health/", "/cart/success/", "/orders/"])
def test_read_only_page_rejects_other_http_methods(shop: AbuseServer, visitor: Attacker, path: str) -> None:
    with shop.assert_unchanged():
        for method in ["POST", "PUT", "DELETE", "TRACE"]:
            assert visitor.send(method, path, b"a=b", {"X-CSRFToken": visitor.token()}).status == 405, method


def test_16_parallel_adds_are_in_one_cart(shop: AbuseServer, visitor: Attacker) -> None:
    visitor.add(shop.product_ids["pot"])
    with shop.assert_unchanged(*CART), ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(lambda _press: visitor.add(shop.product_ids["mug"]), range(16)))
    assert {response.status for response in responses} == {302}
    assert cart_of(shop, visitor) == {shop.product_ids["pot"]: 1, shop.product_ids["mug"]: 16}


def test_16_parallel_first_adds_create_one_cart(shop: AbuseServer, visitor: Attacker) -> None:
    visitor.add(shop.product_ids["mug"])
    visitor.post(UPDATE, {"product_id": shop.product_ids["mug"], "action": "remove"}, SAME_SITE)
    with shop.assert_unchanged(*CART), ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _press: visitor.add(shop.product_ids["mug"]), range(16)))
    assert cart_of(shop, visitor) == {shop.product_ids["mug"]: 16}


INVALID_COOKIES: list[str] = [
    "x", "", "'; DROP TABLE django_session; --", "a" * 4000, "../../etc/passwd", "%00", "%ff", "\xff\xfe", "{}", "null",
    "0", "-1", "None", '"', '"\\000"', "a=b=c", "gASVCwAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOULg==", "x" * 32,
]  # fmt: skip


@pytest.mark.parametrize("cookie", INVALID_COOKIES, ids=short_id)
def test_invalid_session_cookie_is_ignored(shop: AbuseServer, cookie: str) -> None:
    with shop.assert_unchanged():
        for path in ["/", "/cart/", "/cart/checkout/", "/cart/success/", "/orders/", "/admin/"]:
            visitor = shop.visitor()
            visitor.cookies = {"sessionid": cookie, "messages": cookie, "csrftoken": cookie}
            assert visitor.get(path).status in (200, 302, 400, 431)


@pytest.mark.parametrize("cookie", INVALID_COOKIES, ids=short_id)
def test_add_with_invalid_session_cookie_starts_a_new_session(shop: AbuseServer, cookie: str) -> None:
    visitor = shop.visitor()
    visitor.cookies = {"sessionid": cookie, "messages": cookie, "csrftoken": cookie}
    with shop.assert_unchanged(*CART):
        response = visitor.add(shop.product_ids["mug"])
    if response.status == 302:
        assert visitor.cookies["sessionid"] != cookie
        assert cart_of(shop, visitor) == {shop.product_ids["mug"]: 1}
