"""Abuse of everything that changes the price of an order: discount codes, delivery estimate and shipping method."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import pytest

from carts.models import WrongCode
from tests.proofs.abuse_data import MARKUP
from tests.proofs.abuse_server import AbuseServer
from tests.proofs.hostile_client import NO_RESPONSE, SAME_SITE, Attacker, Response
from tests.proofs.hostile_input import DIGITS, INVALID_VALUES, MALFORMED_BODIES

pytestmark = pytest.mark.slow
DISCOUNT, DELIVERY, CART, CHECKOUT = "/cart/discount/", "/cart/delivery/", "/cart/", "/cart/checkout/"
CARTS, WRONG, LETTERS, UNKNOWN = (
    "carts_cart",
    "carts_wrongcode",
    "A code can contain only letters from A to Z",
    "is not valid.",
)
SHORTEN, METHOD = "Please shorten: Discount code.", "Choose one of the delivery options."
TOO_MANY = "Too many codes were tried"
CHANGED, ELSEWHERE = "Your order has changed. Please check the new total", "The delivery option has changed."
PARALLEL = 4


@pytest.fixture(scope="module")
def shopper(abuse_server: AbuseServer) -> Attacker:
    """Return a shopper with a mug in the cart at half price."""
    shopper = abuse_server.visitor()
    shopper.add(abuse_server.product_ids["mug"])
    shopper.post(DISCOUNT, {"code": "half"}, SAME_SITE)
    assert total("£8.00") in shopper.get(CART).visible_text
    return shopper


def cart_text(visitor: Attacker, response: Response) -> str:
    """Return the text of the cart page after one of its forms."""
    assert (response.status, response.location.partition("?")[0]) == (302, CART)
    return visitor.get(response.location).visible_text


def error_summary(text: str) -> str:
    """Return the error summary in the text of a page."""
    return text.partition('class="error-summary"')[2].partition("</ul>")[0]


def total(amount: str) -> str:
    """Return the markup of a total on a page."""
    return f"<dt>Total</dt><dd>{amount}</dd>"


def charged_amounts(shop: AbuseServer, number: str) -> list[int]:
    """Return the amounts charged for an order."""
    intent = shop.order(number)["payment_intent_id"]
    charges = [charge for charge in shop.simulator.objects("charge") if charge["payment_intent"] == intent]
    return [charge["amount"] for charge in charges if charge["status"] == "succeeded"]


def method_id(shop: AbuseServer, title: str) -> int:
    """Return the id of a shipping method."""
    return next(row["id"] for row in shop.table("carts_shippingmethod") if row["title"] == title)


# --- discount codes ---

INVALID_CODES = {
    "": "Enter a code.", " ": "Enter a code.", "HALF\x00": "Please check: Discount code.", "HALF\r\nX: y": LETTERS,
    "H%LF": LETTERS, "HALF,ONCE": LETTERS, "' OR 1=1 --": LETTERS, "<b>": LETTERS, "{{7*7}}": LETTERS,
    "\u0663": LETTERS, "\uff28ALF": LETTERS, "HAL\u017f": LETTERS, DIGITS: SHORTEN, "x" * 10_240: SHORTEN,
}  # fmt: skip
UNUSABLE_CODES = {
    "nobody": UNKNOWN, "-1": UNKNOWN, "NaN": UNKNOWN, "H_LF": UNKNOWN, "____": UNKNOWN, "retired": UNKNOWN,
    "soon": "is valid only from", "ended": "expired on", "spent": "has been used up",
    "rich": "is valid for orders of £1,000.00",
}  # fmt: skip


@pytest.mark.parametrize("codes", [INVALID_CODES, UNUSABLE_CODES], ids=["invalid", "unusable"])
def test_unusable_code_changes_nothing(shop: AbuseServer, shopper: Attacker, codes: dict[str, str]) -> None:
    with shop.assert_unchanged(WRONG):
        responses = [shopper.post(DISCOUNT, {"code": code}, SAME_SITE) for code in codes]
        text = cart_text(shopper, responses[-1])
    messages = error_summary(text)
    assert {sentence: messages.count(sentence) for sentence in codes.values()} == Counter(codes.values())
    assert total("£8.00") in text


def test_repeated_and_bracketed_codes_change_nothing(shop: AbuseServer, shopper: Attacker) -> None:
    with shop.assert_unchanged(WRONG):
        for body in ("code[]=ten", "code[0]=ten", "code[$ne]=x", "code=ten&code=", "code=%ff%fe", "remove[]=1"):
            text = cart_text(shopper, shopper.post(DISCOUNT, body, SAME_SITE))
            assert "Enter a code." in text or LETTERS in text, body
        assert UNKNOWN in cart_text(shopper, shopper.post(DISCOUNT, "code=ten&code=nobody", SAME_SITE))
        assert UNKNOWN in cart_text(shopper, shopper.post(DISCOUNT + "?code=ten", {"code": "nobody"}, SAME_SITE))


def test_code_is_redisplayed_escaped(shop: AbuseServer) -> None:
    visitor = shop.visitor()
    visitor.add(shop.product_ids["mug"])
    with shop.assert_unchanged():
        for code in (MARKUP, "x\r\nSet-Cookie: evil=1", "\x00//evil.example", "&next=//evil.example", "x" * 10_240):
            response = visitor.post(DISCOUNT, {"code": code}, SAME_SITE)
            assert (response.location[:12], response.location.isprintable()) == ("/cart/?code=", True)
            page = visitor.get(response.location)
            assert (page.status, "<script>alert" in page.text, "<img src=x" in page.text) == (200, False, False)
    assert "evil" not in visitor.cookies


def test_malformed_body_changes_no_price(shop: AbuseServer, shopper: Attacker) -> None:
    with shop.assert_unchanged():
        for (name, (kind, body, status)), path in zip(MALFORMED_BODIES.items(), cycle([DISCOUNT, DELIVERY])):
            response = shopper.post(path, body, {"Content-Type": kind, **SAME_SITE})
            assert response.status in (status, NO_RESPONSE), name
    assert total("£8.00") in shopper.get(CART).visible_text


def test_code_with_ids_of_another_cart_changes_only_own_cart(shop: AbuseServer, shopper: Attacker) -> None:
    [cart] = [row["id"] for row in shop.table(CARTS) if row["session_key"] == shopper.cookies["sessionid"]]
    stranger, fields = shop.visitor(), {"cart": cart, "cart_id": cart, "pk": cart, "session_key": "x", "user": 1}
    with shop.assert_unchanged():
        for changes in ({"code": "ten"}, {"remove": "1"}):
            assert "Your cart is empty." in cart_text(stranger, stranger.post(DISCOUNT, fields | changes, SAME_SITE))
        stranger.post(DELIVERY, fields | {"country": "IE"}, SAME_SITE)
    stranger.add(shop.product_ids["mug"])
    assert total("£14.40") in cart_text(
        stranger, stranger.post(DISCOUNT, fields | {"code": "ten", "value": "99"}, SAME_SITE)
    )
    assert total("£8.00") in shopper.get(CART).visible_text


def test_guessed_codes_are_limited_and_other_shoppers_use_theirs(shop: AbuseServer) -> None:
    messages, ip_address = "", "127.99.0.2"
    for session in range(4):
        guesser = shop.visitor(ip_address)
        guesser.add(shop.product_ids["mug"])
        with shop.assert_unchanged(WRONG):
            for number in range(11):
                forged = {"X-Forwarded-For": f"10.0.{session}.{number}", "X-Real-IP": f"10.0.{session}.{number}"}
                guesser.post(DISCOUNT, {"code": f"guess{session}{number}"}, SAME_SITE | forged)
            messages += error_summary(guesser.get(CART).visible_text)
    assert messages.count(UNKNOWN) + messages.count(TOO_MANY) == 44
    assert messages.count(UNKNOWN) == WrongCode.ADDRESS_LIMIT + 2 * WrongCode.SHARED_LIMIT
    for other in (shop.visitor(), shop.visitor(ip_address)):
        other.add(shop.product_ids["mug"])
        assert total("£8.00") in cart_text(other, other.post(DISCOUNT, {"code": "half"}, SAME_SITE))


def test_code_for_one_order_is_used_once_by_parallel_orders(shop: AbuseServer) -> None:
    guests = [shop.visitor() for _guest in range(PARALLEL)]

    def prepare(guest: Attacker) -> dict[str, str]:
        guest.add(shop.product_ids["mug"])
        guest.post(DISCOUNT, {"code": "once"}, SAME_SITE)
        guest.submit_details()
        return guest.pay_form() | {"card": str(guest.add_card())}

    with ThreadPoolExecutor(PARALLEL) as pool:
        forms = list(pool.map(prepare, guests))
        responses = list(pool.map(lambda guest, form: guest.post(CHECKOUT, form), guests, forms))
    assert sorted(response.location for response in responses) == [CHECKOUT] * (PARALLEL - 1) + ["/cart/success/"]
    assert [amount for form in forms for amount in charged_amounts(shop, form["order"])] == [800]
    assert [row["uses"] for row in shop.table("carts_discount") if row["code"] == "ONCE"] == [1]


def test_used_up_discount_is_not_applied(shop: AbuseServer, guest: Attacker) -> None:
    guest.post(DISCOUNT, {"code": "fading"}, SAME_SITE)
    form = guest.pay_form() | {"card": str(guest.add_card())}
    shop.database.write("UPDATE carts_discount SET uses_limit = uses WHERE code = 'FADING'")
    with shop.assert_unchanged():
        assert guest.post(CHECKOUT, form).location == CHECKOUT
        assert "The code FADING has been used up." in guest.get(CHECKOUT).visible_text
    guest.post(DISCOUNT, {"remove": "on"}, SAME_SITE)
    with shop.assert_unchanged():
        assert guest.post(CHECKOUT, form | {"discount_code": "HALF"}).location == CHECKOUT
        assert CHANGED in guest.get(CHECKOUT).visible_text


# --- delivery ---


def test_invalid_delivery_changes_nothing(shop: AbuseServer, shopper: Attacker) -> None:
    countries = [{"country": value} for value in ["XX", "gb", "G", "GB,IE", *INVALID_VALUES[1::2]]]
    methods = [{"country": "IE", "shipping_method": value} for value in ["0", str(2**63), *INVALID_VALUES[::2]]]
    regions = [{"country": "IE", "region": value} for value in (DIGITS, "1\x00", "x" * 10_240)]
    with shop.assert_unchanged():
        for invalid_forms, sentence in ((countries, "Choose a country."), (methods, METHOD), (regions, ": Region.")):
            responses = [shopper.post(DELIVERY, changes, SAME_SITE) for changes in invalid_forms]
            assert error_summary(cart_text(shopper, responses[-1])).count(sentence) == len(invalid_forms)
        for body in ("", "country[]=IE", "shipping_method[0]=1", "country=IE&country=", "region=x", "country=%ff"):
            response = shopper.post(DELIVERY, body, SAME_SITE)
        assert "Standard delivery" in cart_text(shopper, response)


def test_unknown_region_is_not_saved(shop: AbuseServer) -> None:
    visitor = shop.visitor()
    visitor.add(shop.product_ids["mug"])
    with shop.assert_unchanged(CARTS):
        for region in ("' OR 1=1 --", "<b>", "1\r\nX: y", "\u202e"):
            visitor.post(DELIVERY, {"country": "IE", "region": region}, SAME_SITE)
    [kept] = [row for row in shop.table(CARTS) if row["session_key"] == visitor.cookies["sessionid"]]
    assert (kept["country"], kept["region"]) == ("IE", "")


def test_shipping_method_that_is_not_offered_is_rejected(shop: AbuseServer, guest: Attacker) -> None:
    form = guest.pay_form() | {"card": str(guest.add_card())}
    for number in (method_id(shop, "Mail boat"), method_id(shop, "Pigeon"), 2**63 - 1):
        with shop.assert_unchanged(CARTS):
            guest.post(DELIVERY, {"shipping_method": number}, SAME_SITE)
            text = guest.get(CART).visible_text
            assert ("Standard delivery" in text, total("£16.00") in text) == (True, True)
            response = guest.post(CHECKOUT, form | {"shipping_method": number})
            assert (response.location, ELSEWHERE in guest.get(CHECKOUT).visible_text) == (CHECKOUT, True)
    assert guest.post(CHECKOUT, form).location == "/cart/success/"
    assert (charged_amounts(shop, form["order"]), shop.order(form["order"])["shipping_title"]) == (
        [1600],
        "Standard delivery",
    )


def test_invalid_shipping_method_places_no_order(shop: AbuseServer, guest: Attacker) -> None:
    form, values = guest.pay_form() | {"card": str(guest.add_card())}, [*INVALID_VALUES, "0", str(2**63)]
    with shop.assert_unchanged():
        responses = [guest.post(CHECKOUT, form | {"shipping_method": value}) for value in values]
        assert {response.location for response in responses} == {CHECKOUT}
        messages = error_summary(guest.get(CHECKOUT).visible_text)
    assert messages.count("Please check: Shipping method.") + messages.count("Enter a whole number.") == len(values)


def test_expensive_delivery_cannot_be_had_for_a_lower_price(shop: AbuseServer, guest: Attacker) -> None:
    form = guest.pay_form() | {"card": str(guest.add_card())}
    express = str(method_id(shop, "Express"))
    with shop.assert_unchanged(CARTS):
        assert guest.post(CHECKOUT, form | {"shipping_method": express}).location == CHECKOUT
    assert total("£21.00") in guest.get(CHECKOUT).visible_text
    with shop.assert_unchanged():
        for changes in ({}, {"shipping_method": ""}, {"shipping": "0", "shipping_total": "0"}):
            assert guest.post(CHECKOUT, form | changes).location == CHECKOUT
            assert CHANGED in guest.get(CHECKOUT).visible_text
