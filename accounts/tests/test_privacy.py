"""Tests for downloading personal data and deleting an account."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccountMail, AccountMailQuerySet, GuestEmail, User
from accounts.tests.mailbox import send_due_emails
from addresses.models import Address
from billing.models import BillingProfile, Card
from orders.bookkeeping.audit import audit
from orders.bookkeeping.checksum import checksum_of
from orders.bookkeeping.reconcile import reconcile
from orders.models import Mail, Order, OrderEvent, OrderItem, Payment, Refund
from orders.workflow.erasure import OrdersInProgress, delete_account
from stripe_simulator.server import Simulator
from tests.makers import ADDRESS, PASSWORD, buy, make_product, make_user, ship
from tests.visitors import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
DOWNLOAD, DELETE = "/accounts/data/", "/accounts/delete/"
AGAIN = {"password": PASSWORD}


@pytest.fixture
def alice(client: Client) -> User:
    """Return a signed-in user."""
    user = make_user(name="Alice Adams", email_verified="alice@example.org")
    sign_in(client, user)
    return user


def make_order(user: User, status: str = Order.Status.SHIPPED, **fields: Any) -> Order:
    """Create a row that looks like a placed order of this user, without going through checkout."""
    then = timezone.now() - timedelta(days=1)
    text = "Alice Adams\n1 High Street\nBath BA1 1AA\nUnited Kingdom"
    order = Order.objects.create(
        **{
            "billing_profile": user.billing_profile, "email": user.email, "status": status, "placed_at": then,
            "paid_at": then, "shipping_address_text": text, "billing_address_text": text, "subtotal": Decimal(16),
            "total": Decimal(16), "currency": "gbp",
        } | fields
    )  # fmt: skip
    product = make_product(title="Teal mug")
    OrderItem.objects.create(
        order=order, product=product, sku="T", title="Teal mug", unit_price=16, quantity=1, total=16
    )
    order.record(OrderEvent.Kind.PLACED)
    order.refresh_from_db()
    Order.objects.filter(pk=order.pk).update(checksum=checksum_of(order))
    return order


def make_payment(order: Order, status: str = Payment.Status.SUCCEEDED) -> Payment:
    return Payment.objects.create(order=order, number=1, stripe_pm="pm_1", amount=16, currency="gbp", status=status)


def make_card(user: User, **fields: Any) -> Card:
    defaults = {"stripe_id": "card_1", "brand": "Visa", "last4": "4242", "exp_month": 12, "exp_year": 2034}
    defaults |= {"is_saved": True, "default": True}
    return Card.objects.create(billing_profile=user.billing_profile, **defaults | fields)


def make_address(user: User) -> Address:
    return Address.objects.create(billing_profile=user.billing_profile, **ADDRESS)


@pytest.mark.parametrize("url", [DOWNLOAD, DELETE])
def test_privacy_pages_require_login(client: Client, url: str) -> None:
    assert client.post(url, AGAIN).url == f"/accounts/login/?next={url}"


@pytest.mark.parametrize("url", [DOWNLOAD, DELETE])
def test_privacy_pages_require_password(client: Client, alice: User, url: str) -> None:
    response = client.post(url, {"password": "wrong"})
    assert "The password is incorrect." in response.text
    assert "Error:" in response.text
    assert User.objects.filter(pk=alice.pk).exists()


# Download


def test_download_is_attachment_and_not_cached(client: Client, alice: User) -> None:
    response = client.post(DOWNLOAD, AGAIN)
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="my-data-')
    assert {"no-store", "private"} <= set(response.headers["Cache-Control"].split(", "))


def test_download_contains_all_data_of_user(client: Client, alice: User) -> None:
    order = make_order(alice)
    Refund.objects.create(payment=make_payment(order), amount=5, currency="gbp", status="done", reason="chipped")
    Mail.objects.create(order=order, kind=Mail.Kind.CONFIRMATION, to=alice.email, message_id="<1@x>")
    make_card(alice)
    make_address(alice)
    client.post("/accounts/password-reset/", {"email": alice.email})
    data = client.post(DOWNLOAD, AGAIN).json()
    assert (data["account"]["email"], data["account"]["name"]) == ("alice@example.org", "Alice Adams")
    assert (data["addresses"][0]["line_1"], data["cards"][0]["last4"]) == ("1 High Street", "4242")
    [entry] = data["orders"]
    assert (entry["order_id"], entry["total"], entry["lines"][0]["title"]) == (order.order_id, "16.00", "Teal mug")
    assert entry["history"][0]["what"] == "Order placed"
    assert entry["payments"][0]["refunds"][0]["reason"] == "chipped"
    assert [row["kind"] for row in entry["mails"] + data["mails"]] == ["confirmation", "reset"]


def test_download_contains_no_secrets_and_no_data_of_others(client: Client, alice: User) -> None:
    bob = make_user("bob@example.org", name="Bob Brown")
    for user, number in ((alice, "card_a"), (bob, "card_b")):
        make_order(user, shipping_address_text=f"{user.name}\nUnited Kingdom")
        make_card(user, stripe_id=number)
    text = client.post(DOWNLOAD, AGAIN).text
    assert "Alice Adams" in text
    for word in ("Bob Brown", "bob@example.org", "card_a", "card_b", alice.password, "cus_", "key"):
        assert word not in text, word


def test_download_omits_staff_notes(client: Client, alice: User) -> None:
    make_order(alice).record(OrderEvent.Kind.ALERTED, by="shop", text="looks like a thief")
    assert "thief" not in client.post(DOWNLOAD, AGAIN).text


# Deletion


def test_delete_page_explains_what_is_deleted_and_kept(client: Client, alice: User) -> None:
    page = client.get(DELETE).text
    assert ("What we delete" in page, "What we keep" in page, "This cannot be undone." in page) == (True, True, True)


@pytest.mark.slow
def test_delete_removes_account_and_ends_sessions(client: Client, other_client: Client, alice: User) -> None:
    sign_in(other_client, alice)
    response = client.post(DELETE, AGAIN, follow=True)
    assert "Your account has been deleted." in response.text
    assert not User.objects.exists()
    for browser in (client, other_client):
        assert browser.get("/accounts/profile/").url.startswith("/accounts/login/")


@pytest.mark.slow
def test_delete_frees_email_for_new_signup(client: Client, alice: User) -> None:
    delete_account(alice)
    client.logout()
    client.post("/accounts/signup/", {"name": "Al", "email": "alice@example.org", "password": "a long walk home"})
    assert "You have not ordered anything yet." in client.get("/orders/").text


@pytest.mark.slow
def test_delete_keeps_orders_without_personal_data(alice: User) -> None:
    order = make_order(alice)
    email = Mail.objects.create(order=order, kind=Mail.Kind.CONFIRMATION, to=alice.email, message_id="<1@x>")
    delete_account(alice)
    order.refresh_from_db()
    email.refresh_from_db()
    assert (order.email, email.to, order.total, order.items.get().title) == ("", "", Decimal(16), "Teal mug")
    assert order.shipping_address_text == "(removed)\nUnited Kingdom"
    assert order.checksum == checksum_of(order)
    assert order.events.filter(kind=OrderEvent.Kind.ERASED).count() == 1


def test_delete_leaves_no_row_with_personal_data(alice: User) -> None:
    make_order(alice)
    make_order(alice, status=Order.Status.OPEN)
    make_address(alice)
    make_card(alice)
    GuestEmail.objects.create(email="alice@example.org")
    AccountMail.objects.queue("reset", "alice@example.org", "client", None)
    AccountMail.objects.queue("verify", "alice@example.org", "client", alice)
    delete_account(alice)
    for model in (Address, Card, GuestEmail):
        assert not model._default_manager.exists()
    assert [profile.email for profile in BillingProfile.objects.all()] == [""]
    assert not any("alice" in to for to in AccountMail.objects.values_list("to", flat=True))
    assert (Order.objects.count(), send_due_emails(), mail.outbox) == (1, 0, [])


@pytest.mark.slow
def test_delete_does_not_reset_email_limits(alice: User) -> None:
    for _ in range(AccountMailQuerySet.RECIPIENT_LIMIT):
        AccountMail.objects.queue("reset", "alice@example.org", "client", None)
    delete_account(alice)
    AccountMail.objects.queue("reset", "alice@example.org", "client", None)
    assert not AccountMail.objects.filter(to="alice@example.org").exists()


@pytest.mark.parametrize("status", [Order.Status.PLACED, Order.Status.CANCELING])
def test_delete_is_rejected_while_order_is_unpaid(client: Client, alice: User, status: str) -> None:
    order = make_order(alice, status=status, paid_at=None)
    response = client.post(DELETE, AGAIN)
    assert ("cannot be deleted yet" in response.text, order.order_id in response.text) == (True, True)
    assert User.objects.filter(pk=alice.pk).exists()


@pytest.mark.parametrize("status", [Refund.Status.REQUESTED, Refund.Status.PENDING])
def test_delete_is_rejected_while_refund_is_in_progress(alice: User, status: str) -> None:
    Refund.objects.create(payment=make_payment(make_order(alice)), amount=5, currency="gbp", status=status)
    with pytest.raises(OrdersInProgress):
        delete_account(alice)
    assert User.objects.filter(pk=alice.pk).exists()
    assert Order.objects.get().email == "alice@example.org"


def test_delete_is_rejected_for_staff(client: Client, alice: User) -> None:
    User.objects.update(is_staff=True)
    assert "member of staff" in client.post(DELETE, AGAIN).text
    assert User.objects.filter(pk=alice.pk).exists()


@pytest.mark.slow
def test_unshipped_order_keeps_hidden_address_until_shipped(client: Client, other_client: Client, alice: User) -> None:
    order = make_order(alice, status=Order.Status.PAID)
    session = other_client.session
    session["order_ids"] = [order.order_id]
    session.save()
    delete_account(alice)
    assert Order.objects.get().shipping_address_text.startswith("Alice Adams")
    assert other_client.get(reverse("orders:detail", args=[order.order_id])).status_code == 404
    assert order.order_id not in other_client.get("/cart/success/", follow=True).text
    Order.objects.update(status=Order.Status.SHIPPED)
    assert reconcile()["orders erased"] == 1
    assert Order.objects.get().email == ""


@pytest.mark.slow
def test_unshipped_order_is_erased_after_one_month(alice: User) -> None:
    make_order(alice, status=Order.Status.PAID)
    delete_account(alice)
    Order.objects.update(paid_at=timezone.now() - Order.ADDRESS_RETENTION)
    reconcile()
    assert Order.objects.get().email == ""


@pytest.mark.slow
def test_new_account_with_same_email_cannot_claim_old_orders(alice: User) -> None:
    make_order(alice, status=Order.Status.PAID)
    delete_account(alice)
    again = make_user(email_verified="alice@example.org")
    assert not Order.objects.claimable(again).exists()


@pytest.mark.slow
def test_delete_erases_claimed_guest_orders(alice: User) -> None:
    guest = BillingProfile.objects.create(email=alice.email)
    make_order(alice, billing_profile=guest, account=alice)
    delete_account(alice)
    assert Order.objects.get().email == ""
    assert set(BillingProfile.objects.values_list("email", "active")) == {("", False)}


# Stripe


@pytest.mark.slow
def test_delete_removes_customer_at_stripe(client: Client, simulator: Simulator) -> None:
    sign_in(client, make_user())
    order = buy(client, make_product())
    ship(order, by="staff@shop.example")
    customer = order.billing_profile.customer_id
    client.post(DELETE, AGAIN)
    assert (simulator.store.find("customer", customer) or {})["deleted"]
    assert BillingProfile.objects.get().customer_id == ""
    assert audit() == []


@pytest.mark.slow
def test_reconcile_deletes_customer_after_stripe_failure(request: pytest.FixtureRequest, alice: User) -> None:
    BillingProfile.objects.update(customer_id="cus_none")
    delete_account(alice)  # Stripe is not reachable before the simulator starts.
    assert BillingProfile.objects.get().customer_id == "cus_none"
    request.getfixturevalue("simulator")
    assert reconcile()["customers erased"] == 1  # Stripe does not know this customer, which counts as deleted.
    assert BillingProfile.objects.get().customer_id == ""


@pytest.mark.slow
def test_audit_finds_customer_left_at_stripe(alice: User) -> None:
    BillingProfile.objects.update(customer_id="cus_none")
    delete_account(alice)
    BillingProfile.objects.update(forgotten=timezone.now() - timedelta(hours=2))
    assert [finding.rule for finding in audit(with_stripe=False)] == ["I19"]


@pytest.mark.slow
def test_audit_still_finds_order_forged_before_deletion(alice: User) -> None:
    make_order(alice)
    Order.objects.update(checksum="0" * 64)
    delete_account(alice)
    assert "I5" in {finding.rule for finding in audit(with_stripe=False)}


def test_download_does_not_escape_unicode(client: Client, alice: User) -> None:
    User.objects.update(name="Żaneta 愛")
    assert "Żaneta 愛" in client.post(DOWNLOAD, AGAIN).text
    assert json.loads(client.post(DOWNLOAD, AGAIN).content)["account"]["name"] == "Żaneta 愛"
