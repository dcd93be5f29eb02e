"""Tests for declaring a withdrawal: every declaration is kept once, matched with its order, and receipted."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail as mailbox
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from orders.bookkeeping.reconcile import reconcile, send_emails
from orders.emails import withdrawals as emails
from orders.links import order_url
from orders.models import Mail, Order, OrderEvent, Shipment, Withdrawal, WithdrawalMail
from orders.workflow.withdrawals import declaring, matching
from stripe_simulator.server import Simulator
from tests.lawful_shop import hide_page, make_page
from tests.makers import add_card, buy, make_open_order, make_paid_order, make_product, make_user, ship
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
FORM, CONFIRM = "/orders/withdraw/", "/orders/withdraw/confirm/"
STAFF = "staff@shop.example"


@pytest.fixture(autouse=True)
def staff_mailbox(settings: Any) -> None:
    settings.STAFF_EMAIL = STAFF


def typed(order: Order | None = None, **changes: Any) -> dict[str, str]:
    """Return the fields of the form, as somebody types them."""
    number = order.order_id if order else "UNKNOWN234"
    data = {"name": "Gia Guest", "order_number": number, "email": "guest@example.org", "scope": "whole", "items": ""}
    return data | changes


def withdraw(client: Client, data: dict[str, str], **extra: Any) -> Any:
    """Confirm the declaration and return the page with the receipt."""
    response = client.post(CONFIRM, data, **extra)
    assert response.status_code == 302, response.text
    return client.get(response["Location"])


@pytest.mark.parametrize("is_published", [True, False])
def test_form_links_to_the_page_about_withdrawal_if_it_is_published(client: Client, is_published: bool) -> None:
    make_page("withdrawal", "en-gb", "How it works.")
    if not is_published:
        hide_page("withdrawal", "en-gb")
    form = client.get(FORM).text.partition("<main")[2].partition("<form")[0]
    assert ('<a href="/pages/withdrawal-en-gb/">' in form) == is_published


def receipts() -> list[Any]:
    return [message for message in mailbox.outbox if message.to != [STAFF]]


def open_by_link(client: Client, order: Order) -> None:
    client.get(order_url(order).partition("8000")[2])


# Two steps


def test_form_needs_no_sign_in_and_asks_for_no_reason(client: Client) -> None:
    page = client.get(FORM)
    fields = set(re.findall(r'name="(\w+)"', page.text)) - {"csrfmiddlewaretoken", "next", "language", "viewport"}
    assert {"name", "order_number", "email", "scope", "items"} <= fields
    assert not any("reason" in field for field in fields)


def test_second_step_repeats_what_was_typed_and_stores_nothing(client: Client) -> None:
    data = typed(scope="items", items="2 blue mugs\n1 bowl", name="<b>Gia</b>")
    page = client.post(FORM, data)
    for text in ("&lt;b&gt;Gia&lt;/b&gt;", "UNKNOWN234", "guest@example.org", "2 blue mugs<br>1 bowl"):
        assert text in page.text
    assert (page.text.count("Confirm withdrawal") > 1, Withdrawal.objects.exists()) == (True, False)


def test_hidden_fields_of_the_second_step_declare_what_it_shows(client: Client) -> None:
    page = client.post(FORM, typed(scope="items", items="2 mugs\n1 bowl"))
    assert "aria-describedby" not in page.text  # invalid on hidden fields
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    withdraw(client, hidden)
    row = Withdrawal.objects.get()
    assert (row.name, row.items, row.is_whole_order) == ("Gia Guest", "2 mugs\n1 bowl", False)


def test_changing_keeps_the_typed_values(client: Client) -> None:
    page = client.post(FORM, typed(name="Gia Gust") | {"edit": "1"})
    assert 'value="Gia Gust"' in page.text
    assert "Confirm withdrawal" not in page.text
    assert "Please fill in" not in page.text


def test_both_steps_have_the_words_of_the_law(client: Client) -> None:
    order = make_paid_order()
    open_by_link(client, order)
    for path in ("/", "/products/", "/accounts/login/", order.get_absolute_url()):
        assert "Withdraw from contract here" in client.get(path).text, path
    assert "Confirm withdrawal</button>" in client.post(FORM, typed(order)).text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "Please fill in: Your name."),
        ({"name": "\x00\u202e "}, "Please fill in: Your name."),
        ({"name": "x" * 81}, "Please shorten: Your name. Use at most 80 characters."),
        ({"order_number": ""}, "Please fill in: Order number."),
        ({"email": "gia"}, "Enter a valid email address."),
        ({"scope": ""}, "Please choose: You withdraw from."),
        ({"scope": "some"}, "Please choose: You withdraw from."),
        ({"scope": "items"}, "Please fill in: Items, and how many of each."),
        ({"scope": "items", "items": "x" * 501}, "Please shorten: Items, and how many of each."),
    ],
)
def test_unreadable_input_gets_a_message_and_keeps_what_was_typed(
    client: Client, changes: dict[str, str], message: str
) -> None:
    for path in (FORM, CONFIRM):
        page = client.post(path, typed() | changes)
        assert message in page.text
        kept = (typed() | changes)["email" if "email" not in changes else "order_number"]
        assert kept in page.text
    assert not Withdrawal.objects.exists()


def test_declaration_needs_no_cookie() -> None:
    client = Client(enforce_csrf_checks=True)
    here, elsewhere = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}
    for path in (FORM, CONFIRM):
        assert client.post(path, typed(), headers=elsewhere).status_code == 403
        assert client.post(path, typed()).status_code == 403
    assert client.post(FORM, typed(), headers=here).status_code == 200
    client.cookies.clear()
    response = client.post(CONFIRM, typed(), headers=here)
    client.cookies.clear()
    assert Withdrawal.objects.get().number in client.get(response["Location"]).text


def test_opening_the_second_step_without_input_shows_the_form(client: Client) -> None:
    assert client.get(CONFIRM)["Location"] == FORM


def test_names_and_items_of_the_longest_length_are_kept(client: Client) -> None:
    withdraw(client, typed(name="N" * 80, scope="items", items="i" * 500))
    row = Withdrawal.objects.get()
    assert (len(row.name), len(row.items)) == (80, 500)


def test_characters_that_do_not_print_do_not_reject_a_declaration(client: Client) -> None:
    withdraw(client, typed(name="Gia\x00 \u202eGuest\n", scope="items", items="1 mug\x00\r\n\r\n 1\u2028bowl"))
    row = Withdrawal.objects.get()
    assert (row.name, row.items) == ("Gia Guest", "1 mug\n1 bowl")


# Matching


@pytest.mark.parametrize("status", Order.PAID_STATES)
@pytest.mark.parametrize("spelling", ["{}", " #{} ", "{}\n"])
def test_declaration_is_matched_by_number_and_email(client: Client, status: str, spelling: str) -> None:
    order = make_paid_order(status=status)
    number = spelling.format(f"{order.order_id[:4].lower()}-{order.order_id[4:]}")
    withdraw(client, typed(order, order_number=number, email="GUEST@example.org"))
    row = Withdrawal.objects.get()
    assert (row.order, row.is_checked, row.is_intact) == (order, True, True)
    [event] = order.events.filter(kind=OrderEvent.Kind.WITHDRAWN)
    assert event.text == row.number


@pytest.mark.parametrize("status", [Order.Status.OPEN, Order.Status.PLACED, Order.Status.CANCELED])
def test_unpaid_order_is_not_matched(client: Client, status: str) -> None:
    withdraw(client, typed(make_paid_order(status=status)))
    assert Withdrawal.objects.get().order is None


@pytest.mark.parametrize("is_looked_up", [True, False])
def test_declaration_is_matched_when_the_named_order_is_paid(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, is_looked_up: bool
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    Order.objects.update(placed_at=timezone.now() - timedelta(minutes=2))
    if not is_looked_up:
        monkeypatch.setattr(declaring, "start", lambda *args: None)
    withdraw(client, typed(order, order_number=f"#{order.order_id.lower()}"))
    withdraw(client, typed(order, email="other@example.org"))
    assert Withdrawal.objects.unmatched().count() == 2
    client.post(reverse("orders:pay", args=[order.order_id]), {"card": add_card(client).json()["card"]})
    order.refresh_from_db()
    [row] = order.withdrawals.all()
    assert (row.email, row.is_checked, row.is_intact) == (order.email, True, True)
    assert not order.lines_to_ship()
    reconcile()
    assert order.events.filter(kind=OrderEvent.Kind.WITHDRAWN).count() == 1
    assert row.mails.filter(kind="staff").count() == 1


def test_number_with_another_email_is_not_matched(client: Client) -> None:
    order = make_paid_order()
    withdraw(client, typed(order, email="other@example.org"))
    assert (Withdrawal.objects.unmatched().count(), order.events.count()) == (1, 0)


def test_erased_order_is_not_matched(client: Client) -> None:
    order = make_paid_order(email="")
    withdraw(client, typed(order))
    assert Withdrawal.objects.get().order is None


def test_order_is_not_named_without_an_email() -> None:
    order = make_paid_order(email="")
    assert not Order.objects.named(order.order_id, "").exists()


def test_whole_order_needs_no_staff(client: Client) -> None:
    order = make_paid_order()
    withdraw(client, typed(order))
    order.refresh_from_db()
    assert order.attention == ""


def test_typed_items_need_staff_and_stop_shipping(client: Client) -> None:
    order = make_paid_order()
    withdraw(client, typed(order, scope="items", items="the mug"))
    order.refresh_from_db()
    row = Withdrawal.objects.get()
    assert row.number in order.attention
    assert order.mails.filter(kind=Mail.Kind.ATTENTION).count() == 1
    assert not ship(order, by="staff")
    assert Order.objects.get().status == Order.Status.PAID
    Withdrawal.objects.update(assigned_at=timezone.now())
    assert ship(order, by="staff")


def test_order_with_a_closed_withdrawal_ships(client: Client) -> None:
    order = make_paid_order()
    withdraw(client, typed(order, scope="items", items="the mug"))
    Withdrawal.objects.update(closed_at=timezone.now())
    assert ship(order, by="staff")


def test_reconcile_matches_what_a_killed_process_left(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_paid_order()
    monkeypatch.setattr(declaring, "start", lambda *args: None)
    withdraw(client, typed(order))
    assert Withdrawal.objects.get().order is None
    assert reconcile()["withdrawals matched"] == 1
    assert reconcile()["withdrawals matched"] == 0
    assert (Withdrawal.objects.get().order, order.events.filter(kind="withdrawn").count()) == (order, 1)


def test_withdrawal_that_staff_assigned_first_keeps_that_order(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declaring, "start", lambda *args: None)
    named, assigned = make_paid_order(), make_paid_order()
    withdraw(client, typed(named))
    row = Withdrawal.objects.get()
    Withdrawal.objects.update(order=assigned)
    assert not matching.match(row)
    assert reconcile()["withdrawals matched"] == 1
    assert (Withdrawal.objects.get().order, named.events.count()) == (assigned, 0)


# One declaration, one row


def test_same_declaration_twice_is_one_row_and_one_receipt(client: Client, other_client: Client) -> None:
    order = make_paid_order()
    first = withdraw(client, typed(order))
    second = withdraw(other_client, typed(order, name=" gia  GUEST", email="Guest@Example.org"))
    number = Withdrawal.objects.get().number
    assert number in first.text
    assert number in second.text
    assert WithdrawalMail.objects.receipts().count() == 1
    assert order.events.filter(kind=OrderEvent.Kind.WITHDRAWN).count() == 1


@pytest.mark.parametrize(
    "changes",
    [{"name": "Bo"}, {"email": "b@example.org"}, {"order_number": "X"}, {"scope": "items", "items": "mug"}],
)
def test_other_declaration_is_another_row(client: Client, changes: dict[str, str]) -> None:
    withdraw(client, typed())
    withdraw(client, typed() | changes)
    assert Withdrawal.objects.count() == 2


def test_whole_order_is_another_declaration_than_the_same_items(client: Client) -> None:
    for scope in ("items", "whole"):
        withdraw(client, typed(scope=scope, items="mug"))
    assert list(Withdrawal.objects.order_by("pk").values_list("is_whole_order", flat=True)) == [False, True]


def test_slower_of_two_presses_gets_the_row_of_the_faster(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    withdraw(client, typed())
    real, calls = declaring._find, []

    def find_late(*args: Any) -> Withdrawal | None:
        calls.append(args)
        return real(*args) if len(calls) > 1 else None

    monkeypatch.setattr(declaring, "_find", find_late)
    assert Withdrawal.objects.get().number in withdraw(client, typed()).text
    assert (Withdrawal.objects.count(), len(calls)) == (1, 2)


def test_error_of_the_database_is_not_taken_for_a_second_press(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    withdraw(client, typed())
    monkeypatch.setattr(declaring, "_find", lambda *args: None)
    with pytest.raises(IntegrityError):
        client.post(CONFIRM, typed())


@pytest.mark.parametrize(
    ("first", "second", "rows"),
    [
        ("2026-07-01T08:00:00", "2026-07-01T22:59:59", 1),  # the same day in London
        ("2026-07-01T22:59:59", "2026-07-01T23:00:01", 1),  # a double press around midnight
        ("2026-07-01T12:00:00", "2026-07-01T23:20:00", 2),  # the next day
        ("2026-07-01T12:00:00", "2026-07-02T12:00:00", 2),
    ],
)
def test_same_declaration_on_another_day_is_another_row(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, first: str, second: str, rows: int
) -> None:
    for moment in (first, second):
        now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        monkeypatch.setattr(timezone, "now", lambda now=now: now)
        declaring.declare(
            declaring.Declaration("Gia", "gia@example.org", "X", is_whole_order=True, language="en"), ip="x"
        )
    assert Withdrawal.objects.count() == rows


# The receipt


def test_receipt_page_and_email_have_content_and_time_to_the_second(client: Client) -> None:
    page = withdraw(client, typed(scope="items", items="2 mugs"))
    moment = datetime(2026, 7, 1, 12, 3, 5, tzinfo=UTC)
    Withdrawal.objects.update(declared_at=moment)
    page = client.get(page.request["PATH_INFO"])
    send_emails()
    [receipt] = receipts()
    for text in ("Gia Guest", "UNKNOWN234", "2 mugs", "1 July 2026, 13:03:05 BST"):
        assert text in page.text
        assert text in receipt.body
    assert "guest@example.org" in receipt.body
    assert (receipt.to, receipt.alternatives) == (["guest@example.org"], [])


def test_receipt_is_in_the_language_of_the_page(client: Client) -> None:
    client.cookies["django_language"] = "de"
    withdraw(client, typed())
    send_emails()
    [row] = Withdrawal.objects.all()
    assert row.language == "de"
    with translation.override("de"):
        assert translation.gettext("Reference") in receipts()[0].body


def test_receipt_has_no_url(client: Client) -> None:
    evil = "see https://evil.example/x?a=1 or www.evil.example, evil.example, a@evil.example"
    withdraw(client, typed(name="http://evil.example", scope="items", items=evil, order_number="evil.example"))
    send_emails()
    [receipt] = receipts()
    body = receipt.body.replace("guest@example.org", "")
    assert not re.search(r"https?:/|www\.\w|\w\.example|\w@\w|127\.0", body + receipt.subject)
    assert "https: / /evil. example/x?a=1" in body


def test_typed_text_is_quoted(client: Client) -> None:
    withdraw(client, typed(scope="items", items="1 mug\nReceived: never"))
    send_emails()
    assert "\n> Received: never\n" in receipts()[0].body


def test_reload_and_back_do_nothing(client: Client) -> None:
    page = withdraw(client, typed())
    client.get(page.request["PATH_INFO"])
    assert (Withdrawal.objects.count(), WithdrawalMail.objects.receipts().count()) == (1, 1)


@pytest.mark.parametrize("key", ["x", "x:y:z", "1"])
def test_receipt_needs_its_key(client: Client, key: str) -> None:
    withdraw(client, typed())
    assert client.get(f"/orders/withdraw/receipt/{key}/").status_code == 404
    assert client.get(f"/orders/withdraw/receipt/{Withdrawal.objects.get().number}/").status_code == 404


def test_receipt_page_is_gone_after_a_day(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = withdraw(client, typed()).request["PATH_INFO"]
    tomorrow = timezone.now().timestamp() + 86_500
    monkeypatch.setattr("django.core.signing.time.time", lambda: tomorrow)
    assert client.get(path).status_code == 404


def test_staff_get_an_email_about_each_withdrawal(client: Client) -> None:
    order = make_paid_order()
    withdraw(client, typed(order))
    withdraw(client, typed(scope="items", items="evil"))
    send_emails()
    notices = [message for message in mailbox.outbox if message.to == [STAFF]]
    assert [order.order_id in message.body for message in notices] == [True, False]
    assert "matches no order" in notices[1].body
    assert not any("evil" in message.body for message in notices)


# Limits


def test_forty_tries_from_one_ip_address_are_kept_with_ten_receipts(client: Client) -> None:
    pages = [withdraw(client, typed(name=f"Gia {n}", email=f"gia{n}@example.org")) for n in range(40)]
    assert Withdrawal.objects.count() == 40
    assert WithdrawalMail.objects.receipts().count() == 10
    assert all("Receipt of your withdrawal" in page.text for page in pages)
    assert ["We also send" in page.text for page in pages] == [True] * 10 + [False] * 30
    assert "have not sent this receipt" in pages[-1].text


def test_one_mailbox_gets_three_receipts_an_hour(client: Client) -> None:
    def declare(number: int) -> None:
        spelling = "guest@example.org" if number % 2 else "GUEST@example.org"
        withdraw(client, typed(name=f"Gia {number}", email=spelling), REMOTE_ADDR=f"192.0.2.{number}")

    for number in range(5):
        declare(number)
    assert (Withdrawal.objects.count(), WithdrawalMail.objects.receipts().count()) == (5, 3)
    WithdrawalMail.objects.update(timestamp=timezone.now() - timedelta(minutes=61))
    declare(5)
    assert WithdrawalMail.objects.receipts().count() == 4


def test_stranger_cannot_flood_the_mailbox_of_staff(client: Client) -> None:
    order = make_paid_order()
    for number in range(15):
        withdraw(client, typed(name=f"Gia {number}"))
    withdraw(client, typed(order))
    notices = WithdrawalMail.objects.filter(kind=WithdrawalMail.Kind.STAFF)
    assert (notices.count(), notices.filter(withdrawal__order=order).count()) == (11, 1)


def test_staff_send_a_receipt_that_was_not_sent(client: Client) -> None:
    for number in range(4):
        withdraw(client, typed(name=f"Gia {number}"))
    unsent = Withdrawal.objects.get(name="Gia 3")
    assert emails.send_receipt(unsent)
    assert not emails.send_receipt(unsent)  # it is waiting
    send_emails()
    assert len(receipts()) == 4
    assert not emails.send_receipt(unsent)


def test_staff_send_an_undeliverable_receipt_again(client: Client) -> None:
    withdraw(client, typed())
    WithdrawalMail.objects.receipts().update(dropped=timezone.now(), refusal="550", attempts=1)
    assert emails.send_receipt(Withdrawal.objects.get())
    send_emails()
    assert len(receipts()) == 1


def test_receipt_of_an_erased_withdrawal_cannot_be_sent(client: Client) -> None:
    withdraw(client, typed())
    Withdrawal.objects.all().erase()
    assert not emails.send_receipt(Withdrawal.objects.get())
    send_emails()
    assert receipts() == []
    assert emails.build(WithdrawalMail.objects.receipts().get()) is None


# On the order page


def ticked(order: Order, units: int = 1, **changes: str) -> dict[str, str]:
    data = {"name": "Gia Guest", "email": "guest@example.org", "scope": "items"}
    return data | {f"line_{item.pk}": str(units) for item in order.items.all()} | changes


def withdraw_lines(client: Client, order: Order, data: dict[str, str]) -> Any:
    path = f"/orders/{order.order_id}/withdraw/"
    assert "Confirm withdrawal</button>" in client.post(path, data).text
    return client.get(client.post(f"{path}confirm/", data)["Location"])


@pytest.mark.parametrize("visitor", ["link", "member"])
def test_lines_are_chosen_on_the_order_page(client: Client, visitor: str) -> None:
    order = make_paid_order(make_product(title="Teal mug"))
    if visitor == "link":
        open_by_link(client, order)
    else:
        user = make_user()
        Order.objects.update(account=user)
        sign_in(client, user)
    assert f'href="/orders/{order.order_id}/withdraw/"' in client.get(order.get_absolute_url()).text
    page = withdraw_lines(client, order, ticked(order, email="other@example.org"))
    row = Withdrawal.objects.get()
    item = order.items.get()
    assert (row.order, row.units, row.is_from_order_page) == (order, {str(item.pk): 1}, True)
    assert (row.awaits_assignment, row.is_intact, row.order_number) == (False, True, order.order_id)
    assert "1 × <span>Teal mug" in page.text
    send_emails()
    assert "> 1 × Teal mug" in receipts()[0].body
    order.refresh_from_db()
    assert order.attention == ""


def test_whole_order_from_the_order_page_has_no_units(client: Client) -> None:
    order = make_paid_order()
    open_by_link(client, order)
    withdraw_lines(client, order, ticked(order, scope="whole"))
    row = Withdrawal.objects.get()
    assert (row.is_whole_order, row.units) == (True, {})


@pytest.mark.parametrize("units", ["2", "-1", "x", "0", "", "1.5", "9" * 30])
def test_invalid_units_get_a_message(client: Client, units: str) -> None:
    order = make_paid_order()
    open_by_link(client, order)
    data = ticked(order) | {f"line_{order.items.get().pk}": units}
    for path in ("", "confirm/"):
        page = client.post(f"/orders/{order.order_id}/withdraw/{path}", data)
        assert "There is a problem" in page.text
    assert not Withdrawal.objects.exists()


@pytest.mark.parametrize("make", [make_paid_order, make_open_order, None])
@pytest.mark.parametrize("path", ["", "confirm/"])
def test_stranger_is_sent_to_the_form_for_everybody(
    client: Client, make: Callable[[], Order] | None, path: str
) -> None:
    number = make().order_id if make else "UNKNOWN234"
    for response in (
        client.get(f"/orders/{number}/withdraw/{path}"),
        client.post(f"/orders/{number}/withdraw/{path}", {"name": "Gia", "scope": "whole", "email": "g@example.org"}),
    ):
        assert response["Location"] == f"/orders/withdraw/?order_number={number}"
    assert not Withdrawal.objects.exists()
    assert f'value="{number}"' in client.get(response["Location"]).text


def test_unpaid_order_has_no_form_of_its_own(client: Client) -> None:
    user = make_user()
    order = make_paid_order(account=user, status=Order.Status.PLACED)
    sign_in(client, user)
    response = client.get(f"/orders/{order.order_id}/withdraw/")
    assert response["Location"] == f"/orders/withdraw/?order_number={order.order_id}"


def test_button_is_on_the_order_page_only_in_the_period(client: Client) -> None:
    order = make_paid_order()
    open_by_link(client, order)
    path = f'href="/orders/{order.order_id}/withdraw/"'
    assert path in client.get(order.get_absolute_url()).text
    ship(order, by="packer")
    Shipment.objects.update(shipped_at=timezone.now() - timedelta(days=500))
    assert path not in client.get(order.get_absolute_url()).text
    withdraw_lines(client, order, ticked(order))  # it is kept, and staff see that it is late
    assert Withdrawal.objects.get().order == order


def test_email_of_the_order_is_not_shown_to_who_opens_a_link(client: Client) -> None:
    order = make_paid_order(email="secret@example.org")
    open_by_link(client, order)
    assert "secret@example.org" not in client.get(f"/orders/{order.order_id}/withdraw/").text


def test_form_is_filled_in_for_a_member(client: Client) -> None:
    sign_in(client, make_user(name="Alice Archer"))
    page = client.get(FORM).text
    assert 'value="Alice Archer"' in page
    assert 'value="alice@example.org"' in page
