"""Abuse of what makes an order cheaper or dearer: discount codes, the delivery estimate, the shipping method."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import pytest

from tests.proofs.abuse_goods import MARKUP
from tests.proofs.abused_shop import AbusedShop
from tests.proofs.attacker import HUNG_UP, SAME_SITE, Answer, Attacker
from tests.proofs.hostile import BODIES, DIGITS, VALUES

pytestmark = pytest.mark.slow
DISCOUNT, DELIVERY, CART, CHECKOUT = "/cart/discount/", "/cart/delivery/", "/cart/", "/cart/checkout/"
CARTS, LETTERS, UNKNOWN = "carts_cart", "A code can contain only letters from A to Z", "is not valid."
SHORTEN, METHOD = "Please shorten: Discount code.", "Choose one of the delivery options."
TOO_MANY = "Too many codes were tried"
CHANGED, ELSEWHERE = "Your order has changed. Please check the new total", "The delivery option has changed."
WORKERS, WRONG_CODES = 2, 20  # each worker keeps a count of its own
AT_ONCE = 4


@pytest.fixture(scope="module")
def shopper(abused_shop: AbusedShop) -> Attacker:
    """Somebody with a mug in the cart, at half its price."""
    shopper = abused_shop.visitor()
    shopper.add(abused_shop.goods["mug"])
    shopper.post(DISCOUNT, {"code": "half"}, SAME_SITE)
    assert total("£8.00") in shopper.get(CART).words
    return shopper


def told(visitor: Attacker, answer: Answer) -> str:
    """What the cart says after a form of it."""
    assert (answer.status, answer.location.partition("?")[0]) == (302, CART)
    return visitor.get(answer.location).words


def complaints(words: str) -> str:
    """The summary of what is wrong, on top of a page as it is read."""
    return words.partition('class="error-summary"')[2].partition("</ul>")[0]


def total(amount: str) -> str:
    """How a page says the total."""
    return f"<dt>Total</dt><dd>{amount}</dd>"


def charged(shop: AbusedShop, number: str) -> list[int]:
    """The amounts charged for an order."""
    intent = shop.order(number)["payment_intent_id"]
    charges = [charge for charge in shop.simulator.objects("charge") if charge["payment_intent"] == intent]
    return [charge["amount"] for charge in charges if charge["status"] == "succeeded"]


def method(shop: AbusedShop, title: str) -> int:
    """The id of a shipping method."""
    return next(row["id"] for row in shop.table("carts_shippingmethod") if row["title"] == title)


# --- discount codes ---

NO_CODES = {
    "": "Enter a code.", " ": "Enter a code.", "HALF\x00": "Please check: Discount code.", "HALF\r\nX: y": LETTERS,
    "H%LF": LETTERS, "HALF,ONCE": LETTERS, "' OR 1=1 --": LETTERS, "<b>": LETTERS, "{{7*7}}": LETTERS,
    "\u0663": LETTERS, "\uff28ALF": LETTERS, "HAL\u017f": LETTERS, DIGITS: SHORTEN, "x" * 10_240: SHORTEN,
}  # fmt: skip
NO_USE = {
    "nobody": UNKNOWN, "-1": UNKNOWN, "NaN": UNKNOWN, "H_LF": UNKNOWN, "____": UNKNOWN, "retired": UNKNOWN,
    "soon": "is valid only from", "ended": "expired on", "spent": "has been used up",
    "rich": "is valid for orders of £1,000.00",
}  # fmt: skip


@pytest.mark.parametrize("codes", [NO_CODES, NO_USE], ids=["none", "of no use"])
def test_code_that_does_not_count_changes_nothing(shop: AbusedShop, shopper: Attacker, codes: dict[str, str]) -> None:
    with shop.unchanged():
        answers = [shopper.post(DISCOUNT, {"code": code}, SAME_SITE) for code in codes]
        words = told(shopper, answers[-1])
    said = complaints(words)
    assert {sentence: said.count(sentence) for sentence in codes.values()} == Counter(codes.values())
    assert total("£8.00") in words


def test_repeated_and_bracketed_codes_change_nothing(shop: AbusedShop, shopper: Attacker) -> None:
    with shop.unchanged():
        for body in ("code[]=ten", "code[0]=ten", "code[$ne]=x", "code=ten&code=", "code=%ff%fe", "remove[]=1"):
            words = told(shopper, shopper.post(DISCOUNT, body, SAME_SITE))
            assert "Enter a code." in words or LETTERS in words, body
        assert UNKNOWN in told(shopper, shopper.post(DISCOUNT, "code=ten&code=nobody", SAME_SITE))
        assert UNKNOWN in told(shopper, shopper.post(DISCOUNT + "?code=ten", {"code": "nobody"}, SAME_SITE))


def test_code_that_comes_back_in_its_field_is_words(shop: AbusedShop) -> None:
    visitor = shop.visitor()
    visitor.add(shop.goods["mug"])
    with shop.unchanged():
        for code in (MARKUP, "x\r\nSet-Cookie: evil=1", "\x00//evil.example", "&next=//evil.example", "x" * 10_240):
            answer = visitor.post(DISCOUNT, {"code": code}, SAME_SITE)
            assert (answer.location[:12], answer.location.isprintable()) == ("/cart/?code=", True)
            page = visitor.get(answer.location)
            assert (page.status, "<script>alert" in page.text, "<img src=x" in page.text) == (200, False, False)
    assert "evil" not in visitor.cookies


def test_body_that_is_no_form_changes_no_price(shop: AbusedShop, shopper: Attacker) -> None:
    with shop.unchanged():
        for (name, (kind, body, status)), path in zip(BODIES.items(), cycle([DISCOUNT, DELIVERY])):
            answer = shopper.post(path, body, {"Content-Type": kind, **SAME_SITE})
            assert answer.status in (status, HUNG_UP), name
    assert total("£8.00") in shopper.get(CART).words


def test_code_for_the_cart_of_another_is_ones_own(shop: AbusedShop, shopper: Attacker) -> None:
    [cart] = [row["id"] for row in shop.table(CARTS) if row["session_key"] == shopper.cookies["sessionid"]]
    stranger, fields = shop.visitor(), {"cart": cart, "cart_id": cart, "pk": cart, "session_key": "x", "user": 1}
    with shop.unchanged():
        for wish in ({"code": "ten"}, {"remove": "1"}):
            assert "Your cart is empty." in told(stranger, stranger.post(DISCOUNT, fields | wish, SAME_SITE))
        stranger.post(DELIVERY, fields | {"country": "IE"}, SAME_SITE)
    stranger.add(shop.goods["mug"])
    assert total("£14.40") in told(
        stranger, stranger.post(DISCOUNT, fields | {"code": "ten", "value": "99"}, SAME_SITE)
    )
    assert total("£8.00") in shopper.get(CART).words


def test_guessed_codes_are_stopped_and_stop_nobody_else(shop: AbusedShop) -> None:
    said, place = "", "127.99.0.2"
    for session in range(4):
        guesser = shop.visitor(place)
        guesser.add(shop.goods["mug"])
        with shop.unchanged():
            for number in range(11):
                forged = {"X-Forwarded-For": f"10.0.{session}.{number}", "X-Real-IP": f"10.0.{session}.{number}"}
                guesser.post(DISCOUNT, {"code": f"guess{session}{number}"}, SAME_SITE | forged)
            said += complaints(guesser.get(CART).words)
    assert said.count(UNKNOWN) + said.count(TOO_MANY) == 44
    assert WRONG_CODES <= said.count(UNKNOWN) <= WORKERS * WRONG_CODES
    other = shop.visitor()
    other.add(shop.goods["mug"])
    assert total("£8.00") in told(other, other.post(DISCOUNT, {"code": "half"}, SAME_SITE))


def test_code_for_one_order_counts_once_for_many_at_once(shop: AbusedShop) -> None:
    guests = [shop.visitor() for _guest in range(AT_ONCE)]

    def prepare(guest: Attacker) -> dict[str, str]:
        guest.add(shop.goods["mug"])
        guest.post(DISCOUNT, {"code": "once"}, SAME_SITE)
        guest.give_details()
        return guest.pay_form() | {"card": str(guest.add_card())}

    with ThreadPoolExecutor(AT_ONCE) as pool:
        forms = list(pool.map(prepare, guests))
        answers = list(pool.map(lambda guest, form: guest.post(CHECKOUT, form), guests, forms))
    assert sorted(answer.location for answer in answers) == [CHECKOUT] * (AT_ONCE - 1) + ["/cart/success/"]
    assert [amount for form in forms for amount in charged(shop, form["order"])] == [800]
    assert [row["uses"] for row in shop.table("carts_discount") if row["code"] == "ONCE"] == [1]


def test_discount_that_was_shown_and_is_gone_is_not_had(shop: AbusedShop, guest: Attacker) -> None:
    guest.post(DISCOUNT, {"code": "fading"}, SAME_SITE)
    form = guest.pay_form() | {"card": str(guest.add_card())}
    shop.database.write("UPDATE carts_discount SET uses_limit = uses WHERE code = 'FADING'")
    with shop.unchanged():
        assert guest.post(CHECKOUT, form).location == CHECKOUT
        assert "The code FADING has been used up." in guest.get(CHECKOUT).words
    guest.post(DISCOUNT, {"remove": "on"}, SAME_SITE)
    with shop.unchanged():
        assert guest.post(CHECKOUT, form | {"discount_code": "HALF"}).location == CHECKOUT
        assert CHANGED in guest.get(CHECKOUT).words


# --- delivery ---


def test_delivery_that_is_none_changes_nothing(shop: AbusedShop, shopper: Attacker) -> None:
    countries = [{"country": value} for value in ["XX", "gb", "G", "GB,IE", *VALUES[1::2]]]
    methods = [{"country": "IE", "shipping_method": value} for value in ["0", str(2**63), *VALUES[::2]]]
    regions = [{"country": "IE", "region": value} for value in (DIGITS, "1\x00", "x" * 10_240)]
    with shop.unchanged():
        for wishes, sentence in ((countries, "Choose a country."), (methods, METHOD), (regions, ": Region.")):
            answers = [shopper.post(DELIVERY, wish, SAME_SITE) for wish in wishes]
            assert complaints(told(shopper, answers[-1])).count(sentence) == len(wishes)
        for body in ("", "country[]=IE", "shipping_method[0]=1", "country=IE&country=", "region=x", "country=%ff"):
            answer = shopper.post(DELIVERY, body, SAME_SITE)
        assert "Standard delivery" in told(shopper, answer)


def test_region_nobody_knows_is_not_kept(shop: AbusedShop) -> None:
    visitor = shop.visitor()
    visitor.add(shop.goods["mug"])
    with shop.unchanged(CARTS):
        for region in ("' OR 1=1 --", "<b>", "1\r\nX: y", "\u202e"):
            visitor.post(DELIVERY, {"country": "IE", "region": region}, SAME_SITE)
    [kept] = [row for row in shop.table(CARTS) if row["session_key"] == visitor.cookies["sessionid"]]
    assert (kept["country"], kept["region"]) == ("IE", "")


def test_method_that_is_not_offered_is_not_had(shop: AbusedShop, guest: Attacker) -> None:
    form = guest.pay_form() | {"card": str(guest.add_card())}
    for number in (method(shop, "Mail boat"), method(shop, "Pigeon"), 2**63 - 1):
        with shop.unchanged(CARTS):
            guest.post(DELIVERY, {"shipping_method": number}, SAME_SITE)
            words = guest.get(CART).words
            assert ("Standard delivery" in words, total("£16.00") in words) == (True, True)
            answer = guest.post(CHECKOUT, form | {"shipping_method": number})
            assert (answer.location, ELSEWHERE in guest.get(CHECKOUT).words) == (CHECKOUT, True)
    assert guest.post(CHECKOUT, form).location == "/cart/success/"
    assert (charged(shop, form["order"]), shop.order(form["order"])["shipping_title"]) == ([1600], "Standard delivery")


def test_method_that_is_none_places_nothing(shop: AbusedShop, guest: Attacker) -> None:
    form, values = guest.pay_form() | {"card": str(guest.add_card())}, [*VALUES, "0", str(2**63)]
    with shop.unchanged():
        answers = [guest.post(CHECKOUT, form | {"shipping_method": value}) for value in values]
        assert {answer.location for answer in answers} == {CHECKOUT}
        said = complaints(guest.get(CHECKOUT).words)
    assert said.count("Please check: Shipping method.") + said.count("Enter a whole number.") == len(values)


def test_dearer_delivery_is_not_had_for_the_price_of_the_cheaper(shop: AbusedShop, guest: Attacker) -> None:
    form = guest.pay_form() | {"card": str(guest.add_card())}
    express = str(method(shop, "Express"))
    with shop.unchanged(CARTS):
        assert guest.post(CHECKOUT, form | {"shipping_method": express}).location == CHECKOUT
    assert total("£21.00") in guest.get(CHECKOUT).words
    with shop.unchanged():
        for wish in ({}, {"shipping_method": ""}, {"shipping": "0", "shipping_total": "0"}):
            assert guest.post(CHECKOUT, form | wish).location == CHECKOUT
            assert CHANGED in guest.get(CHECKOUT).words
