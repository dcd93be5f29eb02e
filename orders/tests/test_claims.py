"""Tests for claiming earlier guest orders through an emailed link."""

import pytest
from django.core import mail, signing
from django.test import Client

from accounts.models import AccountMail, User
from accounts.tests.mailbox import send_and_get_link, send_due_emails
from orders.models import Order
from orders.workflow.claims import claim_orders
from tests.makers import make_open_order, make_user
from tests.visitors import count_queries, sign_in

pytestmark = pytest.mark.django_db
PROFILE, CLAIM = "/accounts/profile/", "/accounts/claim/"


@pytest.fixture
def alice(client: Client) -> User:
    """Return a signed-in user with a verified email address."""
    user = make_user(email_verified="alice@example.org")
    sign_in(client, user)
    return user


def guest_order(email: str = "alice@example.org", status: str = Order.Status.PAID) -> Order:
    """Create an order that was placed as a guest."""
    order = make_open_order()
    Order.objects.filter(pk=order.pk).update(email=email, status=status, active=False)
    return Order.objects.get(pk=order.pk)


def claim_link(client: Client) -> str:
    client.post(CLAIM)
    return send_and_get_link()


def can_see(client: Client, order: Order) -> bool:
    return order.order_id in client.get("/orders/").text


@pytest.mark.slow
def test_claim_adds_guest_orders_to_account(client: Client, alice: User) -> None:
    orders = [guest_order(), guest_order("ALICE@Example.org", Order.Status.SHIPPED)]
    response = client.post(claim_link(client), follow=True)
    assert "2 orders are now in your account." in response.text
    assert all(can_see(client, order) for order in orders)
    assert client.get(orders[0].get_absolute_url()).status_code == 200


@pytest.mark.slow
def test_claim_adds_only_paid_guest_orders_with_same_email(client: Client, alice: User) -> None:
    guest_order()
    others = [guest_order("bob@example.org"), guest_order(status=Order.Status.PLACED), guest_order(status="canceled")]
    client.post(claim_link(client))
    assert Order.objects.filter(account=alice).count() == 1
    assert not any(can_see(client, order) for order in others)


def test_claim_link_get_changes_nothing(client: Client, alice: User) -> None:
    order = guest_order()
    link = claim_link(client)
    with count_queries() as queries:
        assert "Add them to my account" in client.get(link).text
    assert {query.split()[0] for query in queries} == {"SELECT"}
    assert not can_see(client, order)


def test_claim_is_offered_only_with_verified_email(client: Client, alice: User) -> None:
    button = "Look for earlier guest orders with this email"
    assert button in client.get(PROFILE).text
    User.objects.update(email_verified="")
    assert button not in client.get(PROFILE).text


@pytest.mark.parametrize("verified", ["", "old@example.org"])
def test_claim_without_verified_email_sends_no_email(client: Client, alice: User, verified: str) -> None:
    guest_order()
    User.objects.update(email_verified=verified)
    assert "Please verify your email first." in client.post(CLAIM, follow=True).text
    assert not AccountMail.objects.exists()


def test_claim_response_does_not_reveal_whether_orders_exist(client: Client, alice: User) -> None:
    client.get("/contact/")  # reads what is kept
    with count_queries() as without:
        response = client.post(CLAIM, follow=True).text
    order = guest_order()
    with count_queries() as with_order:
        again = client.post(CLAIM, follow=True).text
    assert "If there are earlier orders, we have sent a link to alice@example.org." in response
    assert ("If there are earlier orders" in again, order.order_id in again) == (True, False)
    assert [query.split()[:3] for query in without] == [query.split()[:3] for query in with_order]


def test_claim_without_orders_sends_no_email(client: Client, alice: User) -> None:
    guest_order("bob@example.org")
    client.post(CLAIM)
    assert (send_due_emails(), mail.outbox) == (0, [])
    assert AccountMail.objects.get().dropped


def test_claim_link_works_once(client: Client, alice: User) -> None:
    guest_order()
    link = claim_link(client)
    client.post(link)
    later = guest_order()
    assert client.post(link).status_code == 404
    assert not can_see(client, later)


def test_claim_link_is_rejected_for_another_user(client: Client, other_client: Client, alice: User) -> None:
    order = guest_order()
    sign_in(other_client, make_user("charlie@example.org", email_verified="charlie@example.org"))
    link = claim_link(client)
    assert (other_client.get(link).status_code, other_client.post(link).status_code) == (404, 404)
    assert not can_see(other_client, order)


def test_claim_link_requires_login(client: Client, other_client: Client, alice: User) -> None:
    order = guest_order()
    assert other_client.post(claim_link(client)).url.startswith("/accounts/login/")
    assert Order.objects.get(pk=order.pk).account is None


@pytest.mark.parametrize(
    "change", [{"email": "new@example.org"}, {"email": "new@example.org", "email_verified": "new@example.org"}]
)
def test_claim_link_is_invalid_after_email_change(client: Client, alice: User, change: dict[str, str]) -> None:
    order = guest_order()
    link = claim_link(client)
    User.objects.update(**change)
    client.force_login(User.objects.get())  # the change ended the session
    assert client.post(link).status_code == 404
    assert not can_see(client, order)


def test_claim_link_adds_nothing_without_verified_email(client: Client, alice: User) -> None:
    order = guest_order()
    link = claim_link(client)
    User.objects.update(email_verified="")
    client.post(link)
    assert not can_see(client, order)


def test_link_that_a_second_request_has_just_used_adds_nothing(alice: User) -> None:
    guest_order()
    message = AccountMail.objects.create(user=alice, kind=AccountMail.Kind.CLAIM, language="en-gb")
    first, second = (AccountMail.objects.get(pk=message.pk) for _request in range(2))
    assert [claim_orders(alice, first), claim_orders(alice, second)] == [1, 0]


def test_claim_link_expires_after_one_day(client: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    order = guest_order()
    link = claim_link(client)
    later = signing.time.time() + 86_400 + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert client.post(link).status_code == 404
    assert not can_see(client, order)


def test_login_does_not_claim_orders(client: Client, alice: User) -> None:
    order = guest_order()
    assert not can_see(client, order)
    client.post("/accounts/logout/")
    sign_in(client, alice)
    assert not can_see(client, order)


@pytest.mark.parametrize("owner", ["alice@ma\u0131l.example", "al\u0131ce@mail.example", "alice@ma\u0130l.example"])
def test_lookalike_email_claims_nothing(owner: str) -> None:
    """Do not match a dotless i with an i, as an uppercase comparison would: another person can own that domain."""
    guest_order("alice@mail.example")
    assert not Order.objects.claimable(make_user(owner, email_verified=owner)).exists()


def test_lookalike_emails_are_separate_accounts(client: Client) -> None:
    alice = make_user("alice@mail.example")
    make_user("alice@ma\u0131l.example")
    assert sign_in(client, alice).status_code == 302
    assert client.session["_auth_user_id"] == str(alice.pk)
