"""Abuse of account pages: address book, name, email address, data export, deletion and cards, also of other users."""

import json
from collections.abc import Iterator
from itertools import cycle
from urllib.parse import quote

import pytest

from tests.makers import ADDRESS, PASSWORD
from tests.proofs.abuse_data import MARKUP, STAFF, VICTIM
from tests.proofs.abuse_server import AbuseServer
from tests.proofs.hostile_client import FORM, NO_RESPONSE, Attacker, Response
from tests.proofs.hostile_input import CROSS_SITE_HEADERS, DIGITS, INVALID_VALUES, MALFORMED_BODIES

pytestmark = pytest.mark.slow
ADD, NAME, EMAIL, DATA, DELETE = PAGES = [
    "/addresses/add/", "/accounts/name/", "/accounts/email/", "/accounts/data/", "/accounts/delete/",
]  # fmt: skip
PROBLEM, WRONG = "There is a problem", "The password is incorrect. Try again."
FAILURES = ("axes_accessattempt", "axes_accessfailurelog", "axes_accessattemptexpiration", "accounts_passwordtry")
OWN_EMAIL, THEIR_STREET = "meddler@example.org", "7 Quiet Lane"


@pytest.fixture(scope="module")
def victim(abuse_server: AbuseServer) -> dict[str, int]:
    """Return the ids of an account with a postal address, a card and an open order."""
    victim = abuse_server.visitor()
    victim.log_in(VICTIM)
    victim.add(abuse_server.product_ids["pot"])
    victim.submit_details(line_1=THEIR_STREET)
    [user] = [row["id"] for row in abuse_server.table("accounts_user") if row["email"] == VICTIM]
    [address] = [row for row in abuse_server.table("addresses_address") if row["line_1"] == THEIR_STREET]
    card, profile = victim.add_card(), address["billing_profile_id"]
    return {"address": address["id"], "profile": profile, "card": card, "user": user}


@pytest.fixture(scope="module")
def member(abuse_server: AbuseServer) -> Attacker:
    """Return another user, signed in, with a postal address and a card."""
    member = abuse_server.visitor()
    member.post("/accounts/signup/", {"name": MARKUP[:120], "email": OWN_EMAIL, "password": PASSWORD})
    assert member.post(ADD, ADDRESS).location == "/addresses/"
    member.add_card()
    return member


def own_id(shop: AbuseServer, table: str) -> int:
    """Return the id of the member's newest row in a table."""
    [profile] = [
        row["id"] for row in shop.table("billing_billingprofile") if row["email"] == OWN_EMAIL and row["user_id"]
    ]
    return int([row["id"] for row in shop.table(table) if row["billing_profile_id"] == profile][-1])


def strangers(shop: AbuseServer, member: Attacker) -> Iterator[Attacker]:
    """Yield an anonymous visitor, a guest with an order, and a member."""
    guest = shop.visitor()
    guest.add(shop.product_ids["mug"])
    guest.submit_details()
    yield from (shop.visitor(), guest, member)


def is_page(response: Response) -> bool:
    """Return whether the response is an HTML page, not a data export."""
    return response.header("Content-Type").startswith("text/html")


def is_denied(response: Response) -> bool:
    """Return whether the page does not exist for this visitor, or the visitor must sign in first."""
    return response.status == 404 or (response.status == 302 and response.location.startswith("/accounts/login/"))


# --- objects of other users ---

INVALID_IDS = ["0", str(2**63), DIGITS, DIGITS * 7, "-1", "1%00", "%d9%a3", "1%20OR%201=1", "1%0a"]


def test_address_and_card_of_another_user_are_not_found(
    shop: AbuseServer, member: Attacker, victim: dict[str, int]
) -> None:
    member.add(shop.product_ids["mug"])
    member.get("/cart/checkout/")
    visitors, asked = list(strangers(shop, member)), shop.requests_to_stripe()
    address, card = f"/addresses/{victim['address']}/", f"/accounts/cards/{victim['card']}/"
    with shop.assert_unchanged():
        for stranger in visitors:
            responses = [stranger.get(address), stranger.post(address, ADDRESS), stranger.post(f"{address}delete/")]
            responses += [
                stranger.post(f"{card}{action}/", {"user": victim["user"]}) for action in ("default", "remove")
            ]
            assert [response.status for response in responses if not is_denied(response)] == []
            assert not any(THEIR_STREET in response.text for response in responses)
        update = {"address_id": victim["address"], "address_type": "shipping"}
        member.post("/addresses/update/", update)
        assert "Choose one of your addresses." in member.get("/cart/checkout/").visible_text
        assert THEIR_STREET not in member.get("/addresses/").text
    assert shop.requests_to_stripe() == asked


def test_invalid_id_is_not_found(shop: AbuseServer, member: Attacker) -> None:
    with shop.assert_unchanged():
        for number in INVALID_IDS:
            for path in (f"/addresses/{number}/", f"/addresses/{number}/delete/", f"/accounts/cards/{number}/remove/"):
                assert member.post(path, ADDRESS).status in (400, 404), path[:60]


def test_ids_of_another_user_in_a_form_are_ignored(shop: AbuseServer, member: Attacker, victim: dict[str, int]) -> None:
    theirs = {"id": victim["address"], "pk": victim["address"], "address_id": victim["address"], "user": victim["user"]}
    theirs |= {"billing_profile": victim["profile"], "billing_profile_id": victim["profile"]}
    before = [row for row in shop.table("addresses_address") if row["billing_profile_id"] == victim["profile"]]
    with shop.assert_unchanged("addresses_address"):
        assert member.post(ADD, ADDRESS | theirs | {"line_1": "2 Low Road"}).location == "/addresses/"
        own = own_id(shop, "addresses_address")
        assert member.post(f"/addresses/{own}/", ADDRESS | theirs | {"line_1": "3 Low Road"}).location == "/addresses/"
    after = [row for row in shop.table("addresses_address") if row["billing_profile_id"] == victim["profile"]]
    assert before == after
    assert "3 Low Road" in member.get("/addresses/").visible_text
    fields = {"is_staff": "1", "is_superuser": "on", "email": "x@example.org", "password": "x", "email_verified": "1"}
    with shop.assert_unchanged():  # the name does not change either, because it is the same
        assert member.post(NAME, {"name": MARKUP[:120], **fields, **theirs}).status == 302


def test_address_and_card_can_be_removed_once(shop: AbuseServer, member: Attacker) -> None:
    member.post(ADD, ADDRESS | {"line_1": "4 Low Road"})
    member.add_card("tok_mastercard")
    address, card = own_id(shop, "addresses_address"), own_id(shop, "billing_card")
    actions = [f"/addresses/{address}/delete/", f"/accounts/cards/{card}/remove/"]
    assert [member.post(path).status for path in actions] == [302, 302]
    with shop.assert_unchanged():
        again = [*actions, f"/addresses/{address}/", f"/accounts/cards/{card}/default/"]
        assert [member.post(path, ADDRESS).status for path in again] == [404] * 4


# --- values and bodies ---


def test_invalid_address_is_not_saved(shop: AbuseServer, member: Attacker) -> None:
    own = f"/addresses/{own_id(shop, 'addresses_address')}/"
    wrong = [{"country": value} for value in INVALID_VALUES[::2]] + [
        {"postal_code": value} for value in INVALID_VALUES[1::4]
    ]
    wrong += [{name: value} for name in ("name", "line_2") for value in ("\x00", "x" * 10_240)]
    wrong += [{"name": " \r\n "}, {"line_1": ""}, {"country": "US", "state": "ZZ"}]
    with shop.assert_unchanged():
        for number, changes in enumerate(wrong):
            response = member.post((ADD, own)[number % 2], ADDRESS | changes)
            assert (response.status, PROBLEM in response.visible_text) == (200, True), str(changes)[:60]
            assert MARKUP not in response.text
        for path in (ADD, own):
            assert PROBLEM in member.post(path, "country[]=GB&name[0]=x&line_1=x&line_1=").visible_text


def test_line_breaks_in_an_address_become_spaces(shop: AbuseServer, member: Attacker) -> None:
    member.post(ADD, ADDRESS | {"name": "Gia\r\nBcc: evil@example.org", "line_1": "5\u2028Low\x0bRoad"})
    kept = shop.table("addresses_address")[-1]
    assert (kept["name"], kept["line_1"]) == ("Gia Bcc: evil@example.org", "5 Low Road")


def test_invalid_name_and_email_are_not_saved(shop: AbuseServer, member: Attacker) -> None:
    with shop.assert_unchanged():
        for name in ("\x00", "x\x00y", "x" * 121, "x" * 10_240):
            assert PROBLEM in member.post(NAME, {"name": name}).visible_text
        for email in ("", "a@example.org\r\nBcc: b@example.org", "a@example.org\x00", DIGITS, OWN_EMAIL):
            response = member.post(EMAIL, {"email": email, "password": PASSWORD})
            assert (response.status, PROBLEM in response.visible_text) == (200, True), email[:40]
        assert PROBLEM in member.post(EMAIL, f"email[]=a@example.org&password={PASSWORD}").visible_text
    with shop.assert_unchanged("accounts_takensignup"):
        response = member.post(EMAIL, {"email": VICTIM.upper(), "password": PASSWORD, "user": "1"})
    assert "There is already an account with this email." in response.visible_text


def test_malformed_body_changes_no_account(shop: AbuseServer, member: Attacker) -> None:
    with shop.assert_unchanged():
        for (name, (kind, body, status)), path in zip(MALFORMED_BODIES.items(), cycle([ADD, EMAIL, DATA, DELETE])):
            response = member.post(path, body, {"Content-Type": kind})
            assert response.status in (200 if status == 302 else status, NO_RESPONSE), name
            assert response.status != 200 or is_page(response), name


def test_cross_site_post_changes_no_account(shop: AbuseServer, member: Attacker) -> None:
    address, card = own_id(shop, "addresses_address"), own_id(shop, "billing_card")
    paths = [*PAGES, f"/addresses/{address}/delete/", f"/accounts/cards/{card}/remove/"]
    fields = ADDRESS | {"password": PASSWORD, "email": "x@example.org"}
    with shop.assert_unchanged():
        for path in paths:
            for headers in CROSS_SITE_HEADERS[:6]:
                response = member.post(path, fields, {"X-CSRFToken": "", **headers})
                assert response.status in (400, 403, 431), (path, headers)


def test_other_http_methods_change_no_account(shop: AbuseServer, member: Attacker) -> None:
    address, card = own_id(shop, "addresses_address"), own_id(shop, "billing_card")
    actions = [
        f"/addresses/{address}/delete/",
        *(f"/accounts/cards/{card}/{action}/" for action in ("default", "remove")),
    ]
    headers, body = {"Content-Type": FORM, "X-CSRFToken": member.token()}, f"password={PASSWORD}&name=X".encode()
    with shop.assert_unchanged():
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            assert {member.send(method, path, headers=headers).status for path in actions} == {405}, method
            for path in PAGES:
                response = member.send(method, f"{path}?password={quote(PASSWORD)}", body, headers)
                assert response.status in (200, 405), (method, path)
                assert is_page(response)


# --- password confirmation ---

WRONG_PASSWORDS = ["", PASSWORD + "\x00", f" {PASSWORD}", PASSWORD.upper(), "x" * 10_240]


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("path", [DATA, DELETE])
def test_export_and_deletion_require_the_password(shop: AbuseServer, victim: dict[str, int], path: str) -> None:
    borrower = shop.visitor()
    borrower.log_in(OWN_EMAIL)
    forms: list[object] = [{"password": password, "user": victim["user"]} for password in WRONG_PASSWORDS]
    forms += [f"password[]={PASSWORD}", f"password={PASSWORD}&password=x", "password=%ff%fe", "confirm=yes&post=yes"]
    with shop.assert_unchanged(*FAILURES):
        for form in forms:
            response = borrower.post(f"{path}?password={quote(PASSWORD)}", form)  # type: ignore[arg-type]
            assert (response.status, is_page(response)) == (200, True), str(form)[:60]
            assert PROBLEM in response.visible_text
        as_json = borrower.post(path, json.dumps({"password": PASSWORD}), {"Content-Type": "application/json"})
        assert (as_json.status, is_page(as_json)) == (200, True)
        assert is_denied(shop.visitor().post(path, {"password": PASSWORD, "email": OWN_EMAIL}))
    assert borrower.get("/accounts/profile/").status == 200


@pytest.mark.usefixtures("member")
def test_password_guesses_in_an_open_session_are_limited(shop: AbuseServer) -> None:
    thief = shop.visitor()
    thief.log_in(OWN_EMAIL)
    with shop.assert_unchanged(*FAILURES):
        responses = [thief.post((DATA, DELETE)[number % 2], {"password": f"guess {number}"}) for number in range(12)]
        assert [response.status for response in responses] == [200] * 9 + [429] * 3
        assert WRONG in responses[0].visible_text
        assert {thief.post(path, {"password": PASSWORD}).status for path in (DATA, DELETE)} == {429}


def test_data_export_contains_only_own_data(shop: AbuseServer, member: Attacker, victim: dict[str, int]) -> None:
    theirs = dict.fromkeys(["user", "user_id", "id", "pk"], victim["user"]) | {"email": VICTIM}
    with shop.assert_unchanged():
        response = member.post(f"{DATA}?user={victim['user']}", {"password": PASSWORD, **theirs})
    assert (response.json["account"]["email"], response.header("Cache-Control")[:9]) == (OWN_EMAIL, "max-age=0")
    assert ADDRESS["line_1"] in response.text
    assert not any(word in response.text for word in (VICTIM, THEIR_STREET))


def test_staff_cannot_delete_their_account(shop: AbuseServer, victim: dict[str, int]) -> None:
    staff = shop.visitor()
    staff.log_in(STAFF)
    with shop.assert_unchanged():
        assert staff.post(DELETE, {"password": PASSWORD, "user": victim["user"]}).status == 200


def test_account_deletion_keeps_others_and_ends_sessions(shop: AbuseServer, victim: dict[str, int]) -> None:
    fields, leaver = {"name": "X", "email": "leaver@example.org", "password": PASSWORD}, shop.visitor()
    assert leaver.post("/accounts/signup/", fields).status == 302
    leaver.post(ADD, ADDRESS)
    ghost = shop.visitor()
    ghost.cookies = dict(leaver.cookies)
    others = ("accounts_user", "addresses_address", "billing_card", "billing_billingprofile")
    before = {name: {row["id"]: row for row in shop.table(name)} for name in others}
    theirs = {"user": victim["user"], "id": victim["user"], "email": VICTIM}
    assert leaver.post(DELETE, {"password": PASSWORD, **theirs}).location == "/"
    after = {name: {row["id"]: row for row in shop.table(name)} for name in others}
    changed = {name: [pk for pk, row in before[name].items() if after[name].get(pk) != row] for name in others}
    assert {name: len(pks) for name, pks in changed.items()} == dict(zip(others, (1, 1, 0, 1), strict=True))
    with shop.assert_unchanged():
        assert all(is_denied(ghost.post(path, ADDRESS | {"password": PASSWORD})) for path in PAGES)
