"""Abuse by strangers: access to orders, addresses, cards, thank-you pages and links of others, and staff pages."""

import re
import time
from collections.abc import Callable
from html import unescape

import pytest
from django.core.signing import TimestampSigner, b62_encode

from tests.guests import contains
from tests.proofs.abuse_data import OWNER, VICTIM
from tests.proofs.abuse_server import SECRET_KEY, AbuseServer
from tests.proofs.hostile_client import Attacker, short_id

pytestmark = pytest.mark.slow
THREE_D_SECURE, CARD_FAILS, DAY = "tok_threeDSecure2Required", "tok_chargeCustomerFail", 86_400
CHOOSE_A_CARD = "Choose a saved card or enter a new one."


@pytest.fixture
def member(shop: AbuseServer) -> Attacker:
    """Return a signed-in member."""
    member = shop.visitor()
    assert member.log_in(OWNER).status == 302
    return member


@pytest.mark.parametrize("token", ["tok_visa", THREE_D_SECURE, CARD_FAILS])
def test_order_of_another_shopper_is_not_found(
    shop: AbuseServer, guest: Attacker, member: Attacker, token: str
) -> None:
    number = shop.visitor().buy(shop.product_ids["pot"], token, VICTIM)
    with shop.assert_unchanged():
        for stranger in (shop.visitor(), guest, member):
            for path in ("", "status/"):
                assert stranger.get(f"/orders/{number}/{path}").status == 404
                assert stranger.get(f"/orders/{number.lower()}/{path}").status == 404
            for path in ("pay/", "cancel/", "card/", "card/setup/"):
                response = stranger.post(f"/orders/{number}/{path}", {"card": "1", "token": "tok_visa", "user": VICTIM})
                assert response.status == 404
            assert number not in stranger.get("/orders/").text


def test_open_order_has_no_page(shop: AbuseServer, guest: Attacker) -> None:
    number = guest.pay_form()["order"]
    with shop.assert_unchanged():
        assert guest.get(f"/orders/{number}/").status == 404
        assert guest.post(f"/orders/{number}/pay/", {"card": "1"}).status == 404
        assert guest.post(f"/orders/{number}/cancel/").status == 404


def test_order_of_another_shopper_cannot_be_placed(shop: AbuseServer, guest: Attacker) -> None:
    victim = shop.visitor()
    victim.add(shop.product_ids["mug"])
    victim.submit_details(VICTIM)
    form = victim.pay_form() | {"card": str(victim.add_card())}
    card = str(guest.add_card())
    with shop.assert_unchanged():
        responses = [guest.post("/cart/checkout/", form), guest.post("/cart/checkout/", form | {"card": card})]
    assert {response.location for response in responses} == {"/cart/"}
    assert "Your checkout has expired." in guest.get("/cart/").visible_text


def test_card_of_another_shopper_cannot_pay(shop: AbuseServer, guest: Attacker) -> None:
    victim = shop.visitor()
    victim.buy(shop.product_ids["mug"])
    theirs = str(shop.table("billing_card")[-1]["id"])
    form = guest.pay_form()
    with shop.assert_unchanged():
        for card in (theirs, "0", "-1", "", "new", "card_1", "1 OR 1=1", str(2**64), "1\x00", "9" * 5000):
            assert guest.post("/cart/checkout/", form | {"card": card}).location == "/cart/checkout/"
            text = guest.get("/cart/checkout/").visible_text
            assert CHOOSE_A_CARD in text or "Null characters are not allowed." in text
    unlucky = shop.visitor()
    own = unlucky.buy(shop.product_ids["mug"], CARD_FAILS)
    with shop.assert_unchanged():
        assert unlucky.post(f"/orders/{own}/pay/", {"card": theirs}).location == f"/orders/{own}/"
        assert CHOOSE_A_CARD in unlucky.get(f"/orders/{own}/").visible_text


def test_address_of_another_shopper_is_not_used(shop: AbuseServer, guest: Attacker) -> None:
    shop.visitor().buy(shop.product_ids["mug"], email=VICTIM)
    theirs = str(shop.table("addresses_address")[-1]["id"])
    with shop.assert_unchanged():
        for number in (theirs, "0", "-1", "", "x", str(2**64), "1\x00", "9" * 5000, "1 OR 1=1"):
            response = guest.post("/addresses/update/", {"address_id": number, "address_type": "shipping"})
            assert response.location == "/cart/checkout/"
            assert "Choose one of your addresses." in guest.get("/cart/checkout/").visible_text


@pytest.mark.parametrize(
    "kind", ["evil", "", "SHIPPING", "shipping\x00", "status", "billing_profile", "__class__", "x" * 5000], ids=short_id
)
def test_invalid_address_type_changes_nothing(shop: AbuseServer, guest: Attacker, kind: str) -> None:
    guest.pay_form()
    order = shop.table("orders_order")[-1]
    with shop.assert_unchanged():
        response = guest.post("/addresses/update/", {"address_id": order["shipping_address_id"], "address_type": kind})
        assert response.location == "/cart/checkout/"
        assert "Choose one of your addresses." in guest.get("/cart/checkout/").visible_text
        assert guest.get("/addresses/check/?address_type=evil").status == 200


def test_entering_the_email_of_another_shopper_shows_none_of_their_data(shop: AbuseServer, guest: Attacker) -> None:
    victim = shop.visitor()
    victim.buy(shop.product_ids["pot"], email=VICTIM)
    victim.log_in(VICTIM)
    guest.submit_details(VICTIM, name="Somebody else")
    pages = [
        guest.get(path)
        for path in ("/cart/checkout/", "/cart/checkout/?details", "/billing/payment-method/", "/orders/")
    ]
    assert [page.status for page in pages] == [200] * 4
    assert not any(
        "4242" in page.visible_text or "Gia Guest" in page.visible_text or "Pot" in page.visible_text for page in pages
    )


def test_thank_you_page_is_only_for_its_shopper(shop: AbuseServer, member: Attacker) -> None:
    shop.visitor().buy(shop.product_ids["pot"], email=VICTIM)
    with shop.assert_unchanged():
        for stranger in (shop.visitor(), member):
            response = stranger.get("/cart/success/?order=1")
            assert (response.status, response.location) == (302, "/cart/")


def test_order_is_not_accessible_after_logout(shop: AbuseServer) -> None:
    shopper = shop.visitor()
    number = shopper.buy(shop.product_ids["pot"])
    assert shopper.get(f"/orders/{number}/").status == 200
    before = dict(shopper.cookies)
    shopper.post("/accounts/logout/")
    after = shop.visitor()
    after.cookies = before
    assert [visitor.get(f"/orders/{number}/").status for visitor in (shopper, after)] == [404, 404]
    assert [visitor.get("/cart/success/").location for visitor in (shopper, after)] == ["/cart/", "/cart/"]


# --- signed link in an email message ---


@pytest.fixture
def emailed_link(shop: AbuseServer) -> tuple[str, str]:
    """Return the number of a guest's order and the key of the link in its email message."""
    number = shop.visitor().buy(shop.product_ids["mug"])
    found = re.search(rf"/orders/{number}/\?key=(\S+)", unescape(shop.emails()[-1].replace("=\n", "")))
    assert found, "the email message has no link"
    return number, found[1].replace("3D", "", 1) if found[1].startswith("3D") else found[1]


def signed(number: object, version: object, salt: str = "order-link", key: str = SECRET_KEY, days: float = 0) -> str:
    """Return a key that was signed `days` ago."""

    class PastSigner(TimestampSigner):
        def timestamp(self) -> str:
            return b62_encode(int(time.time() - days * DAY))

    return PastSigner(key=key, salt=salt).sign_object([number, version])


def test_emailed_link_opens_the_order_read_only(shop: AbuseServer, emailed_link: tuple[str, str]) -> None:
    number, key = emailed_link
    visitor = shop.visitor()
    with shop.assert_unchanged("django_session"):
        assert visitor.get(f"/orders/{number}/?key={key}").location == f"/orders/{number}/"
        assert visitor.get(f"/orders/{number}/").status == 200
        assert not contains(visitor.get("/billing/payment-method/").text, "4242")


FORGED: dict[str, Callable[[str, str], str]] = {
    "empty": lambda number, key: "",
    "invalid": lambda number, key: "x",
    "only the number": lambda number, key: number,
    "last letter changed": lambda number, key: key[:-1] + ("A" if key[-1] != "A" else "B"),
    "first letter changed": lambda number, key: ("A" if key[0] != "A" else "B") + key[1:],
    "truncated": lambda number, key: key[:-5],
    "without time": lambda number, key: key.partition(":")[0] + ":" + key.rpartition(":")[2],
    "doubled": lambda number, key: key + key,
    "NUL": lambda number, key: key + "%00",
    "not UTF-8": lambda number, key: key + "%ff",
    "very long": lambda number, key: "x" * 3500,
    "invalid compressed data": lambda number, key: "." + key,
    "other secret": lambda number, key: signed(number, 1, key="guessed"),
    "other purpose": lambda number, key: signed(number, 1, salt="quote"),
    "other order": lambda number, key: signed("AAAAAAAAAA", 1),
    "other version": lambda number, key: signed(number, 99),
    "text as version": lambda number, key: signed(number, "1 OR 1=1"),
    "None as version": lambda number, key: signed(number, None),
    "list as number": lambda number, key: signed([number], 1),
    "91 days old": lambda number, key: signed(number, 1, days=91),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_link_opens_nothing(shop: AbuseServer, emailed_link: tuple[str, str], name: str) -> None:
    number, key = emailed_link
    visitor = shop.visitor()
    with shop.assert_unchanged("django_session"):
        response = visitor.get(f"/orders/{number}/?key={FORGED[name](number, key)}")
        assert response.status in (302, 400, 404)
        if response.status == 302:
            assert response.location == "/accounts/login/"
            assert "This link no longer works." in visitor.get("/accounts/login/").visible_text
        assert visitor.get(f"/orders/{number}/").status == 404


def test_89_day_old_link_works_and_revoked_link_does_not(shop: AbuseServer, emailed_link: tuple[str, str]) -> None:
    number, _key = emailed_link
    version, visitor = shop.order(number)["link_version"], shop.visitor()
    visitor.get(f"/orders/{number}/?key={signed(number, version, days=89)}")
    assert visitor.get(f"/orders/{number}/").status == 200
    shop.database.write(f"UPDATE orders_order SET link_version = 7 WHERE order_id = '{number}'")  # noqa: S608
    assert visitor.get(f"/orders/{number}/").status == 404


def test_link_opens_no_other_order(shop: AbuseServer, emailed_link: tuple[str, str]) -> None:
    other, visitor = shop.visitor().buy(shop.product_ids["pot"]), shop.visitor()
    with shop.assert_unchanged("django_session"):
        assert visitor.get(f"/orders/{other}/?key={emailed_link[1]}").location == "/accounts/login/"
        assert visitor.get(f"/orders/{other}/").status == 404


# --- staff pages ---

STAFF_PAGES = [
    "/admin/", "/admin/orders/order/", "/admin/orders/order/1/change/", "/admin/orders/order/1/refund/",
    "/admin/products/product/add/", "/admin/products/product/1/delete/", "/admin/accounts/user/",
    "/admin/accounts/user/1/password/", "/admin/billing/card/", "/admin/jsi18n/", "/admin/password_change/",
]  # fmt: skip


@pytest.mark.parametrize("path", STAFF_PAGES)
def test_staff_page_is_only_for_staff(shop: AbuseServer, member: Attacker, path: str) -> None:
    fields = {"action": "cancel_unpaid", "_selected_action": "1", "post": "yes", "amount": "1", "price": "0.01"}
    with shop.assert_unchanged():
        for stranger in (shop.visitor(), member):
            for response in (stranger.get(path), stranger.post(path, fields)):
                assert (response.status, response.location.startswith("/admin/login/")) == (302, True)
