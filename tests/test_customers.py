"""Tests for customers in the admin: the list, the page, notes, and the export and erasure of ticked orders."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import GuestEmail, User
from accounts.staff.roles import make_roles
from addresses.models import Address
from billing.models import BillingProfile, Card
from core.models import ContactMail
from orders.models import CustomerNote, Order, OrderWords
from orders.workflow import erasure
from tests.makers import ADDRESS, make_paid_order, make_user
from tests.visitors import count_queries

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.sampled(3)]
LIST = reverse("admin:billing_billingprofile_changelist")
EMAIL = "shared@example.org"


@pytest.fixture
def support(client: Client) -> User:
    """Return a signed-in member of the support staff."""
    return sign_in_as("Support", client)


def sign_in_as(role: str, client: Client, email: str = "clerk@example.org") -> User:
    make_roles()
    user = make_user(email, is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    client.force_login(user)
    return user


def guest_order(email: str = EMAIL, name: str = "Gia Guest", **fields: Any) -> Order:
    """Create a shipped order of a new guest, who entered this email address and has a saved postal address."""
    address = f"{name}\n1 High Street\nUnited Kingdom"
    values: dict[str, Any] = {"status": Order.Status.SHIPPED, "email": email, "placed_at": timezone.now()}
    values |= {"shipping_address_text": address, "billing_address_text": address}
    order = make_paid_order(**(values | fields))
    guest = GuestEmail.objects.create(email=email)
    BillingProfile.objects.filter(pk=order.billing_profile_id).update(email=email, guest_email=guest)
    Address.objects.create(billing_profile_id=order.billing_profile_id, **(ADDRESS | {"name": name}))
    OrderWords.objects.store(Order.objects.filter(pk=order.pk))
    return Order.objects.select_related("billing_profile").get(pk=order.pk)


def account_order(user: User, **fields: Any) -> Order:
    """Create a shipped order of this account."""
    order = guest_order(user.email, user.name or "Alice", **fields)
    Order.objects.filter(pk=order.pk).update(billing_profile=user.billing_profile)
    OrderWords.objects.store(Order.objects.filter(pk=order.pk))
    BillingProfile.objects.filter(pk=order.billing_profile_id).delete()
    return Order.objects.get(pk=order.pk)


def url(row: BillingProfile | int, page: str = "change") -> str:
    pk = row if isinstance(row, int) else row.pk
    return reverse(f"admin:billing_billingprofile_{page}", args=[pk])


def ticked(*orders: Order, **data: Any) -> dict[str, Any]:
    return {"guests": [order.billing_profile_id for order in orders]} | data


def found(client: Client, **query: str) -> list[str]:
    """Return the email addresses in the list of customers."""
    return [row.email for row in client.get(LIST, query).context["cl"].result_list]


# The list


def test_list_has_one_row_for_each_account_and_guest_email(client: Client, support: User) -> None:
    make_user("member@example.org")
    guest_order(EMAIL)
    guest_order(EMAIL.upper())
    BillingProfile.objects.create(email="browser@example.org")  # entered an email address and ordered nothing
    assert sorted(email.lower() for email in found(client)) == ["member@example.org", EMAIL]


def test_page_lists_the_orders_of_an_account_by_time(client: Client, support: User) -> None:
    alice, now = make_user(), timezone.now()
    placed = [account_order(alice, placed_at=now - timedelta(days=days)) for days in (5, 1, 9)]
    shown = client.get(url(alice.billing_profile)).context["orders"]
    assert list(shown) == [placed[1], placed[0], placed[2]]


def test_page_of_an_account_speaks_of_ticked_guests_only_if_there_are_some(client: Client, support: User) -> None:
    alice = make_user()
    shown = ["Ticked guests" in client.get(url(alice.billing_profile)).text]
    guest_order(alice.email)
    shown.append("Ticked guests" in client.get(url(alice.billing_profile)).text)
    assert shown == [False, True]


def test_list_names_staff_only_if_they_have_orders(client: Client, support: User) -> None:
    assert found(client) == []
    account_order(support)
    assert found(client) == [support.email]


def test_list_counts_the_orders_of_all_guests_with_one_email(client: Client, support: User) -> None:
    guest_order(EMAIL)
    guest_order(EMAIL.upper())
    guest_order(EMAIL, status=Order.Status.CANCELED)
    listed = client.get(LIST)
    model_admin, row = listed.context["cl"].model_admin, listed.context["cl"].result_list[0]
    assert (model_admin.order_count(row), model_admin.spent(row)) == (3, "£41.90")


def test_list_counts_claimed_orders_of_an_account_once(client: Client, support: User) -> None:
    alice = make_user()
    account_order(alice)
    claimed = guest_order(alice.email)
    Order.objects.filter(pk=claimed.pk).update(account=alice)
    listed = client.get(LIST)
    assert [listed.context["cl"].model_admin.order_count(row) for row in listed.context["cl"].result_list] == [2]


def test_customer_with_the_latest_order_comes_first(client: Client, support: User) -> None:
    alice = make_user()
    guest_order("early@example.org")
    account_order(alice)
    guest_order("late@example.org")
    assert found(client) == ["late@example.org", alice.email, "early@example.org"]


def test_kind_filters_accounts_and_guests(client: Client, support: User) -> None:
    alice = make_user()
    guest_order()
    assert (found(client, kind="account"), found(client, kind="guest")) == ([alice.email], [EMAIL])


@pytest.mark.parametrize("text", ["Weißbär", "WEISSBÄR", "weissbaer", "jürgen", "jurgen weiss", "JÜRGEN"])
def test_search_finds_names_with_umlauts(client: Client, support: User, text: str) -> None:
    make_user("account@example.org", name="Jürgen Weißbär")
    guest_order("guest@example.org", name="Jürgen Weißbär")
    guest_order("other@example.org", name="Jo Other")
    assert set(found(client, q=text)) == {"account@example.org", "guest@example.org"}


@pytest.mark.parametrize("text", ["a+b%c", "A+B%C@EXAMPLE.ORG"])
def test_search_finds_a_part_of_an_email_with_signs(client: Client, support: User, text: str) -> None:
    for email in ("a+b%c@example.org", "a+bxc@example.com"):
        guest_order(email)
    assert found(client, q=text) == ["a+b%c@example.org"]


def test_search_finds_an_email_with_an_umlaut(client: Client, support: User) -> None:
    for email in ("ärzte@example.org", "other@example.org"):
        guest_order(email)
    assert found(client, q="ärzte@") == ["ärzte@example.org"]


def test_search_finds_the_buyer_of_an_order_number(client: Client, support: User) -> None:
    order = guest_order()
    guest_order("other@example.org")
    assert found(client, q=order.order_id.lower()) == [EMAIL]


@pytest.mark.slow
def test_search_runs_a_constant_number_of_queries(client: Client, support: User) -> None:
    counts = []
    for numbers in (range(2), range(2, 7)):
        for number in numbers:
            guest_order(f"guest{number}@example.org")
            account_order(make_user(f"user{number}@example.org", name="Gia"))
        client.get(LIST, {"q": "gia"})
        with count_queries() as queries:
            client.get(LIST, {"q": "gia"})
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 11


# The page


def test_page_shows_what_the_shop_knows(client: Client, support: User) -> None:
    alice = make_user(name="Alice Adams")
    order = account_order(alice, amount_refunded=5)
    Address.objects.create(billing_profile=alice.billing_profile, **ADDRESS)
    card = {"id": "card_1", "object": "card", "brand": "Visa", "last4": "4242", "exp_month": 9, "exp_year": 2040}
    Card.objects.add_new(alice.billing_profile, card)
    text = client.get(url(alice.billing_profile)).text
    for words in ("Alice Adams", order.order_id, "£20.95", "£5.00", "1 High Street", "4242"):
        assert words in text, words


def test_page_of_a_guest_shows_all_orders_with_the_email_in_any_case(client: Client, support: User) -> None:
    first, second, other = guest_order(EMAIL), guest_order(EMAIL.upper()), guest_order("other@example.org")
    text = client.get(url(first.billing_profile)).text
    shown = {order for order in (first, second, other) if order.order_id in text}
    assert shown == {first, second}


@pytest.mark.parametrize(
    ("permission", "words"), [("view_card", "4242"), ("view_address", "1 High Street"), ("view_order", "ORDER")]
)
def test_page_leaves_out_what_staff_may_not_see(client: Client, support: User, permission: str, words: str) -> None:
    alice = make_user(name="Alice")
    order = account_order(alice)
    Address.objects.create(billing_profile=alice.billing_profile, **ADDRESS)
    card = {"id": "card_1", "object": "card", "brand": "Visa", "last4": "4242", "exp_month": 9, "exp_year": 2040}
    Card.objects.add_new(alice.billing_profile, card)
    words = order.order_id if words == "ORDER" else words
    assert words in client.get(url(alice.billing_profile)).text
    Group.objects.get(name="Support").permissions.remove(
        *Group.objects.get(name="Support").permissions.filter(codename=permission)
    )
    assert words not in client.get(url(alice.billing_profile)).text


def test_profile_of_a_claimed_order_leads_to_the_account(client: Client, support: User) -> None:
    alice = make_user()
    order = guest_order(alice.email)
    Order.objects.filter(pk=order.pk).update(account=alice)
    response: Any = client.get(url(order.billing_profile))
    assert response.url == url(alice.billing_profile)


def test_page_of_a_guest_names_the_account_with_the_email(client: Client, support: User) -> None:
    alice = make_user()
    order = guest_order(alice.email)
    assert url(alice.billing_profile) in client.get(url(order.billing_profile)).text


def test_order_and_customer_link_to_each_other(client: Client, support: User) -> None:
    order = guest_order()
    page = reverse("admin:orders_order_change", args=[order.pk])
    assert page in client.get(url(order.billing_profile)).text
    assert f'href="{url(order.billing_profile)}">Customer' in client.get(page).text


@pytest.mark.slow
def test_page_runs_as_many_queries_for_seven_orders_as_for_two(client: Client, support: User) -> None:
    counts = []
    for number in (2, 5):
        orders = [guest_order() for _number in range(number)]
        for order in orders:
            CustomerNote.objects.create(billing_profile=order.billing_profile, text="Calls")
        client.get(url(orders[0].billing_profile))  # reads what is kept
        with count_queries() as queries:
            client.get(url(orders[0].billing_profile))
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("page", ["change", "export", "erase", "note"])
def test_roles_without_the_permissions_open_no_page(client: Client, page: str) -> None:
    sign_in_as("Packer", client)
    profile = guest_order().billing_profile
    assert client.get(url(profile, page)).status_code == 403
    assert client.post(url(profile, page)).status_code == 403


@pytest.mark.parametrize("key", ["0", "x", "9" * 40, "1%00", "-1", "ä@example.org", "1/../2"])
def test_hostile_keys_are_no_server_error(client: Client, support: User, key: str) -> None:
    for page in ("change", "export", "erase", "note"):
        path = url(1, page).replace("/1/", f"/{key}/")
        assert client.get(path).status_code < 500
        assert client.post(path, {"guests": [key]}).status_code < 500


# Ticked orders


@pytest.mark.slow
def test_export_contains_exactly_the_ticked_orders(client: Client, support: User) -> None:
    first, second, third = guest_order(name="Gia"), guest_order(name="Stranger"), guest_order(name="Gia")
    response = client.post(url(second.billing_profile, "export"), ticked(first, third))
    data = json.loads(response.content)
    assert [order["order_id"] for order in data["orders"]] == [first.order_id, third.order_id]
    assert "Stranger" not in response.text
    assert [address["name"] for address in data["addresses"]] == ["Gia", "Gia"]
    assert "attachment" in response["Content-Disposition"]


def test_export_is_recorded(client: Client, support: User) -> None:
    order = guest_order()
    client.post(url(order.billing_profile, "export"), ticked(order))
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (support, str(order.billing_profile_id))
    assert entry.change_message == "Exported the personal data."


def test_export_leaves_out_messages_while_another_guest_has_the_email(client: Client, support: User) -> None:
    first, second = guest_order(), guest_order()
    ContactMail.objects.create(to="shop@example.org", name="Gia", sender=EMAIL, message="Hello")
    one = client.post(url(first.billing_profile, "export"), ticked(first)).json()
    both = client.post(url(first.billing_profile, "export"), ticked(first, second)).json()
    assert (len(one["messages"]), len(both["messages"])) == (0, 1)


def test_export_of_an_account_is_the_shoppers_own_download(client: Client, support: User) -> None:
    alice = make_user(name="Alice Adams")
    order, guest = account_order(alice), guest_order(alice.email)
    data = client.post(url(alice.billing_profile, "export")).json()
    assert (data["account"]["name"], [row["order_id"] for row in data["orders"]]) == ("Alice Adams", [order.order_id])
    assert guest.order_id not in json.dumps(data)


def test_export_of_an_account_includes_ticked_guests(client: Client, support: User) -> None:
    alice = make_user()
    guest = guest_order(alice.email)
    data = client.post(url(alice.billing_profile, "export"), ticked(guest)).json()
    assert [row["order_id"] for row in data["guest"]["orders"]] == [guest.order_id]


@pytest.mark.parametrize("page", ["export", "erase"])
def test_nothing_happens_without_a_tick(client: Client, support: User, page: str) -> None:
    order = guest_order()
    response = client.post(url(order.billing_profile, page), {"confirmed": "1"}, follow=True)
    assert "Tick the orders that belong to this person." in response.text
    assert (Order.objects.get().email, LogEntry.objects.count()) == (EMAIL, 0)


@pytest.mark.parametrize("page", ["export", "erase"])
def test_guests_with_another_email_cannot_be_ticked(client: Client, support: User, page: str) -> None:
    order, stranger = guest_order(), guest_order("stranger@example.org")
    response = client.post(url(order.billing_profile, page), ticked(stranger, confirmed="1"), follow=True)
    assert "is not there any more" in response.text
    assert Order.objects.exclude(email="").count() == 2


@pytest.mark.slow
@pytest.mark.parametrize("page", ["export", "erase"])
@pytest.mark.parametrize("key", ["9" * 30, "0", "x", "-1"])
def test_tick_that_is_no_guest_is_told(client: Client, support: User, page: str, key: str) -> None:
    order = guest_order()
    response = client.post(url(order.billing_profile_id, page), {"guests": [key], "confirmed": "1"}, follow=True)
    assert (response.status_code, "A guest that you ticked is not there any more." in response.text) == (200, True)
    assert Order.objects.get().email == EMAIL


def test_erasure_takes_only_the_ticked_orders_and_leaves_the_others_complete(client: Client, support: User) -> None:
    own, other = guest_order(name="Gia"), guest_order(name="Stranger")
    CustomerNote.objects.create(billing_profile=own.billing_profile, text="About Gia")
    CustomerNote.objects.create(billing_profile=other.billing_profile, text="About the other")
    before = [Order.objects.filter(pk=other.pk).values().get(), *other.billing_profile.addresses.values()]
    response: Any = client.post(url(other.billing_profile, "erase"), ticked(own, confirmed="1"))
    assert response.url == url(other.billing_profile)
    erased = Order.objects.get(pk=own.pk)
    assert (erased.email, "Gia" in erased.shipping_address_text) == ("", False)
    assert not Address.objects.filter(billing_profile=own.billing_profile).exists()
    assert [Order.objects.filter(pk=other.pk).values().get(), *other.billing_profile.addresses.values()] == before
    assert [note.text for note in CustomerNote.objects.all()] == ["About the other"]
    assert BillingProfile.objects.get(pk=other.billing_profile_id).email == EMAIL


def test_erasure_shows_the_ticked_orders_before_it_erases_them(client: Client, support: User) -> None:
    own, other = guest_order(), guest_order()
    text = client.post(url(other.billing_profile, "erase"), ticked(own)).text
    assert (own.order_id in text, other.order_id in text, "Erase permanently" in text) == (True, False, True)
    assert Order.objects.exclude(email="").count() == 2


def test_order_that_is_being_paid_blocks_the_erasure(client: Client, support: User) -> None:
    order = guest_order(status=Order.Status.PLACED)
    response = client.post(url(order.billing_profile, "erase"), ticked(order, confirmed="1"))
    assert "money can still move" in response.text
    assert Order.objects.get().email == EMAIL


def test_second_of_two_members_of_staff_is_told(client: Client, support: User) -> None:
    order = guest_order()
    data = ticked(order, confirmed="1")
    client.post(url(order.billing_profile, "erase"), data)
    response = client.post(url(order.billing_profile, "erase"), data, follow=True)
    assert "There is no personal data of this person left to erase." in response.text
    assert LogEntry.objects.count() == 1


def test_erasing_a_guest_again_changes_nothing(support: User) -> None:
    """Both members of staff have read the guest before one of them erases it."""
    person = erasure.Person.of_guest([guest_order().billing_profile_id])
    assert erasure.erase_person(person, by=support)
    assert not erasure.erase_person(person, by=support)
    assert LogEntry.objects.count() == 1


def test_erased_customer_has_a_page_and_is_not_listed(client: Client, support: User) -> None:
    order = guest_order()
    erasure.erase_person(erasure.Person.of_guest([order.billing_profile_id]))
    text = client.get(url(order.billing_profile)).text
    assert ("has been erased" in text, order.order_id in text, EMAIL in text) == (True, True, False)
    assert found(client) == []


def test_staff_without_the_right_to_erase_cannot_export(client: Client, support: User) -> None:
    group = Group.objects.get(name="Support")
    group.permissions.remove(*group.permissions.filter(codename="erase_person"))
    order = guest_order()
    assert 'name="guests"' not in client.get(url(order.billing_profile)).text
    for page in ("export", "erase"):
        assert client.post(url(order.billing_profile, page), ticked(order)).status_code == 403


# Notes


def test_note_belongs_to_the_guest_that_staff_chose(client: Client, support: User) -> None:
    first, second = guest_order(), guest_order()
    data = {"note-about": first.billing_profile_id, "note-text": "Prefers\nmornings"}
    text = client.post(url(second.billing_profile, "note"), data, follow=True).text
    note = CustomerNote.objects.get()
    assert (note.billing_profile, note.text, note.by) == (first.billing_profile, "Prefers\nmornings", support.email)
    assert f"about {first.order_id}" in text


@pytest.mark.parametrize("text", ["", "x" * 2001, "a\0b"])
def test_note_that_cannot_be_stored_is_rejected_with_a_message(client: Client, support: User, text: str) -> None:
    profile = guest_order().billing_profile
    response = client.post(url(profile, "note"), {"note-text": text})
    assert (response.status_code, "errorlist" in response.text) == (200, True)
    assert not CustomerNote.objects.exists()


def test_note_is_in_the_shoppers_own_export(client: Client, support: User) -> None:
    alice = make_user()
    client.post(url(alice.billing_profile, "note"), {"note-text": "Prefers mornings"})
    data = client.post(url(alice.billing_profile, "export")).json()
    assert [note["text"] for note in data["notes"]] == ["Prefers mornings"]
