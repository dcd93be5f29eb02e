"""One's own data: taken along as a file, or taken away with the account."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.deletion import UnderWay, delete_account
from accounts.mails import send_waiting
from accounts.models import AccountMail, AccountMailQuerySet, GuestEmail, User
from addresses.models import Address
from billing.models import BillingProfile, Card
from billing.simulator.server import Simulator
from ecommerce.tests.makers import ADDRESS, PASSWORD, buy, make_product, make_user
from ecommerce.tests.visitors import sign_in
from orders.audit import audit
from orders.models import Mail, Order, OrderEvent, OrderItem, Payment, Refund
from orders.reconcile import reconcile
from orders.seals import seal_of
from orders.shipping import ship

pytestmark = pytest.mark.django_db
DOWNLOAD, DELETE = "/accounts/data/", "/accounts/delete/"
AGAIN = {"password": PASSWORD}


@pytest.fixture
def alice(client: Client) -> User:
    """Signed in."""
    user = make_user(name="Alice Adams", email_verified="alice@example.org")
    sign_in(client, user)
    return user


def make_order(user: User, status: str = Order.Status.SHIPPED, **fields: Any) -> Order:
    """A row as a placed order of this user is, without the way there."""
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
    Order.objects.filter(pk=order.pk).update(seal=seal_of(order))
    return order


def make_payment(order: Order, status: str = Payment.Status.SUCCEEDED) -> Payment:
    return Payment.objects.create(order=order, number=1, stripe_pm="pm_1", amount=16, currency="gbp", status=status)


def make_card(user: User, **fields: Any) -> Card:
    facts = {"stripe_id": "card_1", "brand": "Visa", "last4": "4242", "exp_month": 12, "exp_year": 2034}
    return Card.objects.create(billing_profile=user.billing_profile, **facts | fields)


def make_address(user: User) -> Address:
    return Address.objects.create(billing_profile=user.billing_profile, **ADDRESS)


@pytest.mark.parametrize("address", [DOWNLOAD, DELETE])
def test_own_data_is_for_who_is_signed_in(client: Client, address: str) -> None:
    assert client.post(address, AGAIN).url == f"/accounts/login/?next={address}"


@pytest.mark.parametrize("address", [DOWNLOAD, DELETE])
def test_own_data_asks_for_the_password_again(client: Client, alice: User, address: str) -> None:
    answer = client.post(address, {"password": "wrong"})
    assert "The password is incorrect." in answer.text
    assert "Error:" in answer.text
    assert User.objects.filter(pk=alice.pk).exists()


# The file


def test_download_is_a_file_that_no_cache_keeps(client: Client, alice: User) -> None:
    answer = client.post(DOWNLOAD, AGAIN)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="my-data-')
    assert {"no-store", "private"} <= set(answer.headers["Cache-Control"].split(", "))


def test_download_has_everything_of_its_owner(client: Client, alice: User) -> None:
    order = make_order(alice)
    Refund.objects.create(payment=make_payment(order), amount=5, currency="gbp", status="done", reason="chipped")
    Mail.objects.create(order=order, kind=Mail.Kind.CONFIRMATION, to=alice.email, message_id="<1@x>")
    make_card(alice)
    make_address(alice)
    client.post("/accounts/password-reset/", {"email": alice.email})
    data = client.post(DOWNLOAD, AGAIN).json()
    assert (data["account"]["email"], data["account"]["name"]) == ("alice@example.org", "Alice Adams")
    assert (data["addresses"][0]["line_1"], data["cards"][0]["last4"]) == ("1 High Street", "4242")
    [found] = data["orders"]
    assert (found["order_id"], found["total"], found["lines"][0]["title"]) == (order.order_id, "16.00", "Teal mug")
    assert found["history"][0]["what"] == "Order placed"
    assert found["payments"][0]["refunds"][0]["reason"] == "chipped"
    assert [row["kind"] for row in found["mails"] + data["mails"]] == ["confirmation", "reset"]


def test_download_has_nothing_of_others_and_nothing_secret(client: Client, alice: User) -> None:
    bob = make_user("bob@example.org", name="Bob Brown")
    for user, number in ((alice, "card_a"), (bob, "card_b")):
        make_order(user, shipping_address_text=f"{user.name}\nUnited Kingdom")
        make_card(user, stripe_id=number)
    text = client.post(DOWNLOAD, AGAIN).text
    assert "Alice Adams" in text
    for word in ("Bob Brown", "bob@example.org", "card_a", "card_b", alice.password, "cus_", "key"):
        assert word not in text, word


def test_download_says_what_staff_wrote_to_themselves_to_nobody(client: Client, alice: User) -> None:
    make_order(alice).record(OrderEvent.Kind.TOLD_STAFF, by="shop", text="looks like a thief")
    assert "thief" not in client.post(DOWNLOAD, AGAIN).text


# The deletion


def test_delete_says_what_goes_and_what_stays(client: Client, alice: User) -> None:
    page = client.get(DELETE).text
    assert ("What we delete" in page, "What we keep" in page, "This cannot be undone." in page) == (True, True, True)


def test_deleted_account_is_gone_and_its_sessions_too(client: Client, other_client: Client, alice: User) -> None:
    sign_in(other_client, alice)
    answer = client.post(DELETE, AGAIN, follow=True)
    assert "Your account has been deleted." in answer.text
    assert not User.objects.exists()
    for browser in (client, other_client):
        assert browser.get("/accounts/profile/").url.startswith("/accounts/login/")


def test_deleted_accounts_email_is_free_again(client: Client, alice: User) -> None:
    delete_account(alice)
    client.logout()
    client.post("/accounts/signup/", {"name": "Al", "email": "alice@example.org", "password": "a long walk home"})
    assert "You have not ordered anything yet." in client.get("/orders/").text


def test_deleted_account_leaves_its_orders_without_the_person(alice: User) -> None:
    order = make_order(alice)
    mails = Mail.objects.create(order=order, kind=Mail.Kind.CONFIRMATION, to=alice.email, message_id="<1@x>")
    delete_account(alice)
    order.refresh_from_db()
    mails.refresh_from_db()
    assert (order.email, mails.to, order.total, order.items.get().title) == ("", "", Decimal(16), "Teal mug")
    assert order.shipping_address_text == "(removed with the account)\nUnited Kingdom"
    assert order.seal == seal_of(order)
    assert order.events.filter(kind=OrderEvent.Kind.FORGOTTEN).count() == 1


def test_deleted_account_leaves_no_row_that_names_the_person(alice: User) -> None:
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
    assert (Order.objects.count(), send_waiting(), mail.outbox) == (1, 0, [])


def test_deleting_and_signing_up_again_floods_no_mailbox(alice: User) -> None:
    for _ in range(AccountMailQuerySet.ADDRESS_LIMIT):
        AccountMail.objects.queue("reset", "alice@example.org", "client", None)
    delete_account(alice)
    AccountMail.objects.queue("reset", "alice@example.org", "client", None)
    assert not AccountMail.objects.filter(to="alice@example.org").exists()


@pytest.mark.parametrize("status", [Order.Status.PLACED, Order.Status.CANCELING])
def test_delete_is_refused_while_an_order_is_unpaid(client: Client, alice: User, status: str) -> None:
    order = make_order(alice, status=status, paid_at=None)
    answer = client.post(DELETE, AGAIN)
    assert ("cannot be deleted yet" in answer.text, order.order_id in answer.text) == (True, True)
    assert User.objects.filter(pk=alice.pk).exists()


@pytest.mark.parametrize("status", [Refund.Status.REQUESTED, Refund.Status.PENDING])
def test_delete_is_refused_while_a_refund_is_under_way(alice: User, status: str) -> None:
    Refund.objects.create(payment=make_payment(make_order(alice)), amount=5, currency="gbp", status=status)
    with pytest.raises(UnderWay):
        delete_account(alice)
    assert User.objects.filter(pk=alice.pk).exists()
    assert Order.objects.get().email == "alice@example.org"


def test_staff_are_told_to_ask_other_staff(client: Client, alice: User) -> None:
    User.objects.update(is_staff=True)
    assert "member of staff" in client.post(DELETE, AGAIN).text
    assert User.objects.filter(pk=alice.pk).exists()


def test_order_to_be_sent_keeps_its_address_until_it_is_and_nobody_sees_it(
    client: Client, other_client: Client, alice: User
) -> None:
    order = make_order(alice, status=Order.Status.PAID)
    session = other_client.session
    session["order_ids"] = [order.order_id]
    session.save()
    delete_account(alice)
    assert Order.objects.get().shipping_address_text.startswith("Alice Adams")
    assert other_client.get(reverse("orders:detail", args=[order.order_id])).status_code == 404
    assert order.order_id not in other_client.get("/cart/success/", follow=True).text
    Order.objects.update(status=Order.Status.SHIPPED)
    assert reconcile()["orders anonymised"] == 1
    assert Order.objects.get().email == ""


def test_order_never_sent_loses_its_person_after_a_month(alice: User) -> None:
    make_order(alice, status=Order.Status.PAID)
    delete_account(alice)
    Order.objects.update(paid_at=timezone.now() - Order.DELIVERY)
    reconcile()
    assert Order.objects.get().email == ""


def test_new_account_of_the_same_email_does_not_get_what_was_left(alice: User) -> None:
    make_order(alice, status=Order.Status.PAID)
    delete_account(alice)
    again = make_user(email_verified="alice@example.org")
    assert not Order.objects.claimable(again).exists()


def test_orders_taken_over_from_a_guest_go_with_the_account(alice: User) -> None:
    guest = BillingProfile.objects.create(email=alice.email)
    make_order(alice, billing_profile=guest, account=alice)
    delete_account(alice)
    assert Order.objects.get().email == ""
    assert set(BillingProfile.objects.values_list("email", "active")) == {("", False)}


# Stripe


def test_deleted_account_is_deleted_at_stripe(client: Client, simulator: Simulator) -> None:
    sign_in(client, make_user())
    order = buy(client, make_product())
    ship(order, by="staff@shop.example")
    customer = order.billing_profile.customer_id
    client.post(DELETE, AGAIN)
    assert (simulator.store.find("customer", customer) or {})["deleted"]
    assert BillingProfile.objects.get().customer_id == ""
    assert audit() == []


def test_customer_that_stripe_did_not_answer_for_is_deleted_by_reconcile(
    request: pytest.FixtureRequest, alice: User
) -> None:
    BillingProfile.objects.update(customer_id="cus_none")
    delete_account(alice)  # there is no Stripe here
    assert BillingProfile.objects.get().customer_id == "cus_none"
    request.getfixturevalue("simulator")
    assert reconcile()["customers erased"] == 1  # Stripe has none of this id, which will do
    assert BillingProfile.objects.get().customer_id == ""


def test_customer_left_at_stripe_is_found_by_the_audit(alice: User) -> None:
    BillingProfile.objects.update(customer_id="cus_none")
    delete_account(alice)
    BillingProfile.objects.update(forgotten=timezone.now() - timedelta(hours=2))
    assert [finding.rule for finding in audit(with_stripe=False)] == ["I19"]


def test_order_that_was_forged_before_stays_a_finding(alice: User) -> None:
    make_order(alice)
    Order.objects.update(seal="0" * 64)
    delete_account(alice)
    assert "I5" in {finding.rule for finding in audit(with_stripe=False)}


def test_download_is_readable_json_in_any_script(client: Client, alice: User) -> None:
    User.objects.update(name="Żaneta 愛")
    assert "Żaneta 愛" in client.post(DOWNLOAD, AGAIN).text
    assert json.loads(client.post(DOWNLOAD, AGAIN).content)["account"]["name"] == "Żaneta 愛"
