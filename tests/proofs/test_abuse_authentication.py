"""Abuse of sign-in and sign-up: account enumeration, password guessing, invalid email addresses and links."""

import re
from collections.abc import Callable
from statistics import median
from time import perf_counter

import pytest

from tests.proofs.abuse_data import OWNER, SUPERUSER, VICTIM
from tests.proofs.abuse_server import AbuseServer
from tests.proofs.hostile_client import Attacker, Response, short_id

pytestmark = pytest.mark.slow
LOGIN, ADMIN, RESET = "/accounts/login/", "/admin/login/", "/accounts/password-reset/"
UNKNOWN_EMAIL, WRONG_PASSWORD = "nobody@example.org", "not the password"
FAILURES = ("axes_accessattempt", "axes_accessfailurelog", "axes_accessattemptexpiration", "accounts_passwordtry")
RATIO = 3  # generous, because the machine can be busy; without equal work the times differ by more


def comparable_page(response: Response, email: str) -> str:
    """Return the page without the parts that must differ: the CSRF token and the email address that was entered."""
    return re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", response.text).replace(email, "")


def check_equal_times(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Check that the medians of seven alternating tries each are similar.

    Together with the other tests, they are fewer wrong passwords than an account accepts without a pause.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(14):
        start = perf_counter()
        (first, second)[number % 2]()
        times[number % 2].append(perf_counter() - start)
    known, unknown = map(median, times)
    assert 1 / RATIO < known / unknown < RATIO


@pytest.mark.parametrize("path", [LOGIN, ADMIN])
def test_wrong_password_does_not_reveal_accounts(shop: AbuseServer, path: str) -> None:
    with shop.assert_unchanged(*FAILURES):
        responses = [shop.visitor().log_in(email, WRONG_PASSWORD, path) for email in (VICTIM, UNKNOWN_EMAIL)]
    assert [response.status for response in responses] == [200, 200]
    assert comparable_page(responses[0], VICTIM) == comparable_page(responses[1], UNKNOWN_EMAIL)
    assert [name for name, _value in responses[0].headers] == [name for name, _value in responses[1].headers]


@pytest.mark.parametrize("path", [LOGIN, ADMIN])
def test_wrong_password_timing_does_not_reveal_accounts(shop: AbuseServer, path: str) -> None:
    visitors = [shop.visitor() for _try in range(14)]
    for visitor in visitors:
        visitor.token()
    waiting = iter(visitors)
    check_equal_times(
        lambda: next(waiting).log_in(VICTIM, WRONG_PASSWORD, path),
        lambda: next(waiting).log_in(UNKNOWN_EMAIL, WRONG_PASSWORD, path),
    )


def test_password_reset_does_not_reveal_accounts(shop: AbuseServer) -> None:
    sentence = "If there is an account with this email, we have sent a link to it."
    pages, mails = [], shop.emails()
    for email in (OWNER, UNKNOWN_EMAIL):
        visitor = shop.visitor()
        with shop.assert_unchanged("accounts_accountmail"):
            response = visitor.post(RESET, {"email": email}, {"X-Forwarded-Host": "evil.example"})
        assert (response.status, response.location) == (302, LOGIN)
        pages.append(comparable_page(visitor.get(LOGIN), email))
    assert sentence in pages[0]
    assert pages[0] == pages[1]
    shop.manage("reconcile", "--once")
    sent = [mail for mail in shop.emails() if mail not in mails]
    [mail] = [mail for mail in sent if f"To: {OWNER}" in mail]  # no other test requests a reset for this email address
    assert not any(UNKNOWN_EMAIL in mail for mail in sent)
    assert shop.url in mail
    assert "evil" not in mail


def test_password_reset_timing_does_not_reveal_accounts(shop: AbuseServer) -> None:
    visitor = shop.visitor()
    visitor.token()
    check_equal_times(
        lambda: visitor.post(RESET, {"email": VICTIM}), lambda: visitor.post(RESET, {"email": UNKNOWN_EMAIL})
    )


def test_guest_checkout_does_not_reveal_accounts(shop: AbuseServer) -> None:
    pages = []
    for email in (VICTIM, UNKNOWN_EMAIL):
        guest = shop.visitor()
        guest.add(shop.product_ids["mug"])
        response = guest.submit_details(email)
        page = guest.get("/cart/checkout/").text.replace(email, "")
        pages.append((response.status, response.location, re.sub(r'type="hidden" name="\w+" value="[^"]*"', "", page)))
    assert "Place order" in pages[0][2]
    assert pages[0] == pages[1]


def test_sign_up_with_a_taken_email_creates_nothing(shop: AbuseServer) -> None:
    visitor = shop.visitor()
    for email in (VICTIM, VICTIM.upper(), f" {VICTIM} "):
        with shop.assert_unchanged("accounts_takensignup"):
            response = visitor.post("/accounts/signup/", {"name": "X", "email": email, "password": "quite a password"})
        assert "You already have an account with this email. Log in instead." in response.visible_text
    assert visitor.log_in(VICTIM, "quite a password").status == 200


def test_sign_ups_for_account_enumeration_are_limited(shop: AbuseServer) -> None:
    visitor = shop.visitor()
    fields = {"name": "X", "email": VICTIM, "password": "quite a password"}
    with shop.assert_unchanged("accounts_takensignup"):
        statuses = [visitor.post("/accounts/signup/", fields).status for _try in range(20)]
    assert set(statuses) == {200, 429}
    assert statuses == sorted(statuses)
    unknown = visitor.post("/accounts/signup/", fields | {"email": UNKNOWN_EMAIL})
    assert (unknown.status, "too many email addresses" in unknown.visible_text) == (429, True)


def guess(shop: AbuseServer, path: str, email: str) -> tuple[Attacker, list[Response]]:
    """Send 40 wrong passwords from one IP address with 40 forged ones. Return the visitor and the responses."""
    guesser, responses = shop.visitor(), []
    for number in range(40):
        fields = {"email": email, "username": email, "password": f"guess {number}"}
        forged = {"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.0.0.{number}"}
        responses.append(guesser.post(path, fields, forged))
    return guesser, responses


@pytest.mark.parametrize(("path", "email"), [(LOGIN, OWNER), (ADMIN, SUPERUSER)])
def test_40_wrong_passwords_lock_out_the_guesser_but_not_the_owner(shop: AbuseServer, path: str, email: str) -> None:
    unknown = f"nobody-{len(path)}@example.org"  # another one for each page
    with shop.assert_unchanged(*FAILURES):
        guesser, responses = guess(shop, path, email)
        _guesser, unknown_responses = guess(shop, path, unknown)
    statuses = [response.status for response in responses]
    assert statuses == sorted(statuses)
    assert (statuses[0], statuses[10], statuses[-1]) == (200, 429, 429)
    assert "Too many wrong passwords were entered" in responses[-1].visible_text
    assert int(responses[-1].header("Retry-After")) > 0
    # The responses do not reveal whether the account exists, or that a guess was right.
    assert [comparable_page(response, email) for response in responses] == [
        comparable_page(response, unknown) for response in unknown_responses
    ]
    assert guesser.log_in(email, path=path).status == 429
    assert shop.visitor().log_in(email, path=path).status == 302


def test_session_fixation_does_not_sign_in(shop: AbuseServer) -> None:
    thief, owner = shop.visitor(), shop.visitor()
    thief.add(shop.product_ids["mug"])
    owner.cookies = dict(thief.cookies)
    assert owner.log_in(OWNER).status == 302
    assert owner.cookies["sessionid"] != thief.cookies["sessionid"]
    assert thief.get("/accounts/profile/").status == 302


INVALID_EMAILS = [
    "guest@example.org\r\nBcc: evil@example.org", "guest@example.org\nSubject: x", "guest@example.org\rX: y",
    "guest@example.org%0d%0aBcc:evil@example.org, b@example.org", "a@example.org, b@example.org",
    "a@example.org;b@example.org", "a@example.org b@example.org", "<a@example.org>", "Gia <a@example.org>",
    "<script>alert(1)</script>@example.org", "a@<b>example.org", "a@example.org<b>", "a@example.org\x00",
    "a@b@example.org", "@example.org", "a@", "", " ", "a@exa mple.org", "a@-example.org", "a@example..org",
    "a" * 300 + "@example.org", "a@" + "b" * 300 + ".org", "a@example.org\u2028b", "\u202ea@example.org",
    "a@example.org'--",
]  # fmt: skip


@pytest.mark.parametrize("email", INVALID_EMAILS, ids=short_id)
def test_invalid_email_creates_no_guest(shop: AbuseServer, email: str) -> None:
    visitor = shop.visitor()
    visitor.add(shop.product_ids["mug"])
    with shop.assert_unchanged("django_session"):
        responses = [
            visitor.post("/accounts/guest/", {"email": email}),
            visitor.submit_details(email),
            visitor.post("/accounts/signup/", {"name": "X", "email": email, "password": "quite a password"}),
            visitor.post(RESET, {"email": email}),
        ]
    assert {response.status for response in responses} <= {200, 400}
    assert all("There is a problem" in response.visible_text for response in responses if response.status == 200)


@pytest.mark.parametrize("email", ["a&b@example.org", "'or'1'='1@example.org", "{{7*7}}@example.org"])
def test_unusual_valid_email_is_shown_as_entered(shop: AbuseServer, email: str) -> None:
    visitor = shop.visitor()
    number = visitor.buy(shop.product_ids["mug"], email=email)
    assert shop.order(number)["email"] == email
    assert f"To: {email}" in shop.emails()[-1].replace("\n ", " ")
    page = shop.staff().get(f"/admin/orders/order/{shop.order(number)['id']}/change/")
    assert email in page.visible_text


INVALID_LINKS = [
    "x",
    "MQ/x-y",
    "MQ/set-password",
    "AAAA/cabc12-" + "0" * 32,
    "%00/x",
    "Li4vLi4/x",
    "9" * 2000 + "/x",
    "MQ/" + "x" * 2000,
]


@pytest.mark.parametrize("link", INVALID_LINKS, ids=short_id)
def test_invalid_link_opens_nothing(shop: AbuseServer, link: str) -> None:
    member = shop.visitor()
    with shop.assert_unchanged():
        for kind in ("password-reset", "verify", "claim"):
            response = member.get(f"/accounts/{kind}/{link}/")
            assert response.status in (302, 400, 404)
            assert response.status != 302 or response.location.startswith(LOGIN)


def signed_in(shop: AbuseServer) -> Attacker:
    """Return a signed-in member."""
    member = shop.visitor()
    assert member.log_in(OWNER).status == 302
    return member


def test_invalid_tokens_and_extra_fields_of_a_member_are_rejected(shop: AbuseServer) -> None:
    member = signed_in(shop)
    tokens = ["x", "WzEsMSwiYSJd:1abc:xyz", "." * 50, "%00", "a" * 2000]
    with shop.assert_unchanged("django_session", *FAILURES):
        for token in tokens:
            for kind in ("verify", "claim"):
                assert member.get(f"/accounts/{kind}/{token}/").status in (400, 404)
                assert member.post(f"/accounts/{kind}/{token}/").status in (400, 404)
        changes = {"old_password": "wrong", "new_password1": "another one 9", "new_password2": "another one 9"}
        response = member.post("/accounts/password-change/", changes | {"is_staff": "1", "user": "1"})
    assert "The password is incorrect. Try again." in response.visible_text
    assert member.get("/admin/").status == 302
