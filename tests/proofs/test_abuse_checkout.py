"""Abuse of the checkout: missing, outdated or forged input, too low totals, invalid cards and card testing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.makers import ADDRESS
from tests.proofs.abuse_server import AbuseServer
from tests.proofs.hostile_client import SAME_SITE, Attacker, Response, short_id

pytestmark = pytest.mark.slow
CHECKOUT, CARD, ENDED = "/cart/checkout/", "/billing/payment-processing/", "Your checkout has expired."
CHANGED, THREE_D_SECURE = "Your order has changed. Please check the new total", "tok_threeDSecure2Required"
ATTEMPTS = "billing_cardattempt"


def complete_form(guest: Attacker) -> dict[str, str]:
    """Return the complete form of Place order, with a good card."""
    return guest.pay_form() | {"card": str(guest.add_card())}


def charged_amounts(shop: AbuseServer, number: str) -> list[int]:
    """Return the amounts charged for an order."""
    intent = shop.order(number)["payment_intent_id"]
    charges = [charge for charge in shop.simulator.objects("charge") if charge["payment_intent"] == intent]
    return [charge["amount"] for charge in charges if charge["status"] == "succeeded"]


def rejected_text(shop: AbuseServer, guest: Attacker, form: dict[str, str]) -> str:
    """Submit Place order and check that it changes nothing. Return the text of the page after all redirects."""
    with shop.assert_unchanged():
        response = guest.post(CHECKOUT, form)
    assert response.status == 302
    while response.status == 302:
        response = guest.get(response.location)
    return response.visible_text


def test_empty_cart_cannot_be_paid(shop: AbuseServer) -> None:
    visitor = shop.visitor()
    form = {"action": "place", "order": "", "quote": "", "card": "1"}
    with shop.assert_unchanged():
        assert visitor.get(CHECKOUT).location == "/cart/"
        assert visitor.post("/addresses/check/", ADDRESS).location == CHECKOUT
        assert visitor.post(CARD, {"token": "tok_visa"}).status == 403
    assert ENDED in rejected_text(shop, visitor, form)


def test_cart_emptied_in_another_tab_cannot_be_paid(shop: AbuseServer, guest: Attacker) -> None:
    form = complete_form(guest)
    guest.post("/cart/update/", {"product_id": shop.product_ids["mug"], "action": "remove"}, SAME_SITE)
    assert "Your cart is empty." in rejected_text(shop, guest, form)


def test_order_without_address_cannot_be_paid(shop: AbuseServer, guest: Attacker) -> None:
    visitor = shop.visitor()
    visitor.add(shop.product_ids["mug"])
    visitor.post("/accounts/guest/", {"email": "guest@example.org"})
    visitor.get(CHECKOUT)
    number = shop.table("orders_order")[-1]["order_id"]
    form = {"action": "place", "order": number, "quote": guest.pay_form()["quote"], "card": str(visitor.add_card())}
    assert "Tell us where to send your order." in rejected_text(shop, visitor, form)


@pytest.mark.parametrize("changes", [{"card": ""}, {"card": "new"}, {"card": "tok_visa"}], ids=short_id)
def test_order_without_card_cannot_be_paid(shop: AbuseServer, guest: Attacker, changes: dict[str, str]) -> None:
    assert "Choose a saved card or enter a new one." in rejected_text(shop, guest, guest.pay_form() | changes)


@pytest.mark.parametrize(
    "forged", ["", "x", "{}", "\x00", "." * 100, "x" * 30_000, "eyJ0b3RhbCI6IjAuMDEifQ:1abc:xyz", "0.01"], ids=short_id
)
def test_forged_quote_is_rejected(shop: AbuseServer, guest: Attacker, forged: str) -> None:
    form = complete_form(guest)
    text = rejected_text(shop, guest, form | {"quote": forged})
    assert any(
        sentence in text
        for sentence in ("Please check your order again", "Please fill in", "Please check: ", "at most")
    )
    changed = form["quote"][:-1] + ("A" if form["quote"][-1] != "A" else "B")
    assert "Please check your order again" in rejected_text(shop, guest, form | {"quote": changed})


@pytest.mark.parametrize("number", ["", "x", "'--", "\x00", "A" * 5000, "../1", "AAAAAAAAAA", "١٢٣"], ids=short_id)
def test_unknown_order_number_is_rejected(shop: AbuseServer, guest: Attacker, number: str) -> None:
    assert ENDED in rejected_text(shop, guest, complete_form(guest) | {"order": number})


def test_outdated_total_is_not_charged(shop: AbuseServer) -> None:
    guest = shop.visitor()
    guest.add(shop.product_ids["stale"])
    guest.submit_details()
    form = complete_form(guest)
    shop.database.write("UPDATE products_product SET price = price + 1 WHERE sku = 'stale'")
    text = rejected_text(shop, guest, form)
    assert "Stale loaf now costs" in text
    assert CHANGED in text


def test_second_tab_with_an_old_cart_cannot_pay(shop: AbuseServer, guest: Attacker) -> None:
    form = complete_form(guest)
    guest.add(shop.product_ids["pot"])
    assert CHANGED in rejected_text(shop, guest, form)
    guest.post("/cart/update/", {"product_id": shop.product_ids["pot"], "action": "remove"}, SAME_SITE)
    guest.post("/cart/update/", {"product_id": shop.product_ids["mug"], "action": "set", "quantity": 2}, SAME_SITE)
    assert CHANGED in rejected_text(shop, guest, form)


def test_posted_total_is_ignored(shop: AbuseServer, guest: Attacker) -> None:
    form = complete_form(guest)
    cheap = {"total": "0.01", "subtotal": "0.01", "amount": "1", "price": "0.01", "currency": "jpy", "status": "paid"}
    response = guest.post(CHECKOUT, form | cheap | {"discount_total": "15.99", "billing_profile": "1", "user": "1"})
    assert response.location == "/cart/success/"
    assert charged_amounts(shop, form["order"]) == [1600]
    assert str(shop.order(form["order"])["total"]).startswith("16")


def test_thank_you_page_does_not_mark_an_order_paid(shop: AbuseServer) -> None:
    guest = shop.visitor()
    number = guest.buy(shop.product_ids["mug"], THREE_D_SECURE)
    with shop.assert_unchanged("orders_order"):  # which stores when its page asked Stripe
        response = guest.get("/cart/success/?paid=1&payment_intent=pi_1&redirect_status=succeeded")
        assert response.location == f"/orders/{number}/"
        assert guest.get(response.location).status == 200
    assert shop.order(number)["status"] == "placed"


def test_total_below_the_minimum_charge_is_rejected(shop: AbuseServer) -> None:
    guest = shop.visitor()
    guest.add(shop.product_ids["crumb"])
    guest.submit_details()
    assert "The minimum order value is" in rejected_text(shop, guest, complete_form(guest))


def test_16_parallel_place_orders_charge_once(shop: AbuseServer, guest: Attacker) -> None:
    form = complete_form(guest)
    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(lambda _press: guest.post(CHECKOUT, form), range(16)))
    assert {response.status for response in responses} <= {302, 429}
    assert charged_amounts(shop, form["order"]) == [1600]
    assert shop.order(form["order"])["status"] == "paid"


def test_paid_order_cannot_be_paid_or_canceled_again(shop: AbuseServer, guest: Attacker) -> None:
    form = complete_form(guest)
    guest.post(CHECKOUT, form)
    page = f"/orders/{form['order']}/"
    with shop.assert_unchanged():
        assert guest.post(CHECKOUT, form).location == page
        assert guest.post(page + "pay/", {"card": form["card"]}).location == page
        assert guest.post(page + "cancel/").location == page
    assert charged_amounts(shop, form["order"]) == [1600]


LONG, NUL = "x" * 500, "\x00"
INVALID_ADDRESSES: list[dict[str, str]] = [
    {"country": "XX"}, {"country": ""}, {"country": "gb; DROP"}, {"country": LONG}, {"name": ""}, {"name": LONG},
    {"name": NUL}, {"line_1": ""}, {"line_1": LONG}, {"city": NUL}, {"postal_code": "x"}, {"postal_code": LONG},
    {"country": "US", "state": ""}, {"country": "US", "state": NUL}, {"line_2": LONG},
]  # fmt: skip


@pytest.mark.parametrize("changes", INVALID_ADDRESSES, ids=short_id)
def test_invalid_address_is_not_saved(shop: AbuseServer, changes: dict[str, str]) -> None:
    guest = shop.visitor()
    guest.add(shop.product_ids["mug"])
    with shop.assert_unchanged():
        response = guest.submit_details(**changes)
    assert (response.status, "There is a problem" in response.visible_text) == (200, True)
    guest.submit_details()
    with shop.assert_unchanged():
        response = guest.post("/addresses/check/", ADDRESS | changes | {"address_type": "billing"})
    assert (response.status, "There is a problem" in response.visible_text) == (200, True)


# --- cards ---

INVALID_TOKENS = [
    "", " ", "tok_", "card_1", "pm_card_visa", "src_1", "tok_visa\x00", "tok_visa\n", "tok_/../customers",
    "tok_" + "x" * 5000, "4242424242424242", "tok_visa&amount=1", "<script>", "null", "tok_\u2028", "' OR 1=1 --",
]  # fmt: skip


@pytest.mark.parametrize("token", INVALID_TOKENS, ids=short_id)
def test_invalid_token_is_not_sent_to_stripe(shop: AbuseServer, guest: Attacker, token: str) -> None:
    guest.get(CHECKOUT)
    with shop.assert_unchanged():
        for fields in ({"token": token}, {"setup_intent": token}, {"token[]": "tok_visa"}):
            response = guest.post(CARD, fields)
            assert response.status == 400
            assert response.json["error"]
    # Tasks of earlier visitors may still call Stripe, so this looks for the text and does not count.
    sent = [text for _method, path, params, _key in shop.simulator.requests for text in (path, str(params))]
    assert not token.strip() or not any(repr(token)[1:] in text or text.endswith(f"/{token}") for text in sent)


@pytest.mark.parametrize("fields", [{"token": "tok_nobody"}, {"setup_intent": "seti_nobody"}], ids=short_id)
def test_token_unknown_to_stripe_saves_no_card(shop: AbuseServer, guest: Attacker, fields: dict[str, str]) -> None:
    guest.get(CHECKOUT)
    with shop.assert_unchanged(ATTEMPTS, "billing_billingprofile"):
        response = guest.post(CARD, fields)
    assert (response.status, "Nothing was charged." in response.json["error"]) == (400, True)


def count_requests(shop: AbuseServer, path: str) -> int:
    """Return the number of requests to Stripe whose path ends with `path`."""
    return sum(asked[1].endswith(path) for asked in shop.simulator.requests)


def test_40_declined_cards_are_limited_without_affecting_others(shop: AbuseServer, guest: Attacker) -> None:
    guest.get(CHECKOUT)
    before = count_requests(shop, "/sources")
    with shop.assert_unchanged(ATTEMPTS):
        responses = [guest.post(CARD, {"token": "tok_chargeDeclined"}) for _card in range(40)]
    statuses = [response.status for response in responses]
    assert (set(statuses), statuses == sorted(statuses)) == ({402, 429}, True)
    assert count_requests(shop, "/sources") - before == statuses.count(402) <= 10
    assert "Too many cards were tried in a short time. Nothing was charged." in responses[-1].json["error"]
    assert int(responses[-1].header("Retry-After")) > 0
    assert guest.post(CARD, {"token": "tok_visa"}).status == 429
    other = shop.visitor()
    assert shop.order(other.buy(shop.product_ids["mug"]))["status"] == "paid"


def test_declined_cards_of_one_ip_address_in_new_sessions_are_limited(shop: AbuseServer) -> None:
    statuses, ip_address = [], "127.99.0.1"
    for _session in range(8):
        guest = shop.visitor(ip_address)
        guest.add(shop.product_ids["mug"])
        guest.submit_details()
        statuses += [guest.post(CARD, {"token": "tok_chargeDeclined"}).status for _card in range(5)]
    assert (statuses.count(402), statuses.count(429)) == (30, 10)


def pay_again(guest: Attacker, number: str, card: str) -> Response:
    """Press Pay on the order's page."""
    return guest.post(f"/orders/{number}/pay/", {"card": card})


def test_40_declined_payments_are_limited(shop: AbuseServer, guest: Attacker) -> None:
    form = guest.pay_form() | {"card": str(guest.add_card("tok_chargeCustomerFail"))}
    guest.post(CHECKOUT, form)
    before = count_requests(shop, "/confirm")
    responses = [pay_again(guest, form["order"], form["card"]) for _press in range(40)]
    assert {response.status for response in responses} == {302, 429}
    assert count_requests(shop, "/confirm") - before < 10
    assert "Too many cards were tried in a short time. Nothing was charged." in responses[-1].visible_text
    assert (shop.order(form["order"])["status"], charged_amounts(shop, form["order"])) == ("placed", [])
