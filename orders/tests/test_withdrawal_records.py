"""Tests for what stays of a withdrawal: it cannot be rewritten, and typed text is erased, exported and pruned."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as mailbox
from django.test import Client
from django.utils import timezone

from orders.bookkeeping.pruning import prune
from orders.bookkeeping.reconcile import send_emails
from orders.models import Order, OrderLinkMail, Withdrawal, WithdrawalMail
from orders.models.columns import TYPED
from orders.workflow.erasure import delete_account, erase_order, preview
from orders.workflow.erasure.person import Person
from orders.workflow.personal_data import export_personal_data
from orders.workflow.withdrawals.declaring import Declaration, declare
from tests.makers import make_paid_order, make_user

pytestmark = pytest.mark.django_db
EMAIL = "alice@example.org"


def make_withdrawal(
    matching: Order | None = None, email: str = EMAIL, items: str = "the mug", **fields: Any
) -> Withdrawal:
    number = matching.order_id if matching else "UNKNOWN234"
    row = declare(Declaration("Alice", email, number, is_whole_order=False, language="en", items=items), ip="hash")
    Withdrawal.objects.filter(pk=row.pk).update(**fields)
    row.refresh_from_db()
    return row


def make_verified_user(email: str = EMAIL) -> Any:
    return make_user(email, email_verified=email)


def typed_text(row: Withdrawal) -> str:
    row.refresh_from_db()
    return "".join(getattr(row, name) for name in TYPED)


def test_saving_a_row_does_not_change_what_was_declared() -> None:
    row = make_withdrawal()
    before = Withdrawal.objects.filter(pk=row.pk).values().get()
    for name in Withdrawal.columns.frozen:
        value = getattr(row, name)
        setattr(row, name, not value if isinstance(value, bool) else f"{value}x" if isinstance(value, str) else None)
    row.save()
    assert Withdrawal.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize(
    "name", ["number", "is_whole_order", "is_from_order_page", "language", "declared_at", "digest"]
)
def test_checksum_covers_what_was_declared(name: str) -> None:
    row = make_withdrawal()
    assert row.is_intact
    value = getattr(row, name)
    change = value + timedelta(seconds=1) if name == "declared_at" else not value if value in (True, False) else "x"
    Withdrawal.objects.update(**{name: change})
    assert not Withdrawal.objects.get().is_intact


def test_checksum_stays_true_after_assignment_and_erasure() -> None:
    row = make_withdrawal(units={"1": 2}, assigned_at=timezone.now(), assigned_by="staff")
    assert Withdrawal.objects.all().erase() == 1
    assert Withdrawal.objects.all().erase() == 0
    row.refresh_from_db()
    assert (row.is_intact, typed_text(row), row.units, row.assigned_by) == (True, "", {"1": 2}, "staff")


def test_declaration_after_an_erasure_of_the_same_one_is_kept(client: Client) -> None:
    data = {"name": "Alice", "email": EMAIL, "order_number": "UNKNOWN234", "scope": "whole", "items": ""}
    for number in (1, 2, 3):
        page = client.post("/orders/withdraw/confirm/", data, follow=True)
        again = client.post("/orders/withdraw/confirm/", data, follow=True)
        assert (page.status_code, again.context["withdrawal"]) == (200, page.context["withdrawal"])
        assert (Withdrawal.objects.count(), Withdrawal.objects.exclude(email="").count()) == (number, 1)
        Withdrawal.objects.all().erase()
    assert all(row.is_intact for row in Withdrawal.objects.all())


def test_ticked_units_are_in_the_checksum() -> None:
    order = make_paid_order()
    declaration = Declaration(
        "A", EMAIL, order.order_id, is_whole_order=False, language="en", units={"1": 1}, order=order
    )
    declare(declaration, ip="x")
    Withdrawal.objects.update(units={"1": 2})
    assert not Withdrawal.objects.get().is_intact


# Erasure


def test_erasure_of_an_order_clears_its_withdrawals_and_drops_receipts(settings: Any) -> None:
    settings.STAFF_EMAIL = "staff@shop.example"
    order = make_paid_order(email=EMAIL)
    row = make_withdrawal(order)
    assert row.order == order
    erase_order(order)
    assert typed_text(row) == ""
    assert WithdrawalMail.objects.receipts().get().to == ""
    send_emails()
    assert EMAIL not in [to for message in mailbox.outbox for to in message.to]


def test_erasure_of_a_member_clears_unmatched_withdrawals_with_the_verified_email() -> None:
    mine, other = make_withdrawal(email="ALICE@example.org"), make_withdrawal(email="bob@example.org")
    OrderLinkMail.objects.create(order_number="X", to=EMAIL, client="x", language="en")
    delete_account(make_verified_user())
    assert (typed_text(mine), typed_text(other) != "") == ("", True)
    assert not OrderLinkMail.objects.exists()


def test_account_with_the_unverified_email_of_another_person_clears_and_exports_nothing() -> None:
    user = make_user(EMAIL)
    row = make_withdrawal()
    assert export_personal_data(user)["withdrawals"] == []
    delete_account(user)
    assert typed_text(row) != ""


def test_unmatched_withdrawal_of_a_matched_order_of_another_person_stays() -> None:
    order = make_paid_order(email="bob@example.org")
    row = make_withdrawal(order, email="bob@example.org")
    delete_account(make_verified_user())
    assert typed_text(row) != ""


def test_staff_columns_get_the_number_of_the_erased_account() -> None:
    user = make_verified_user()
    row = make_withdrawal(
        email="bob@example.org", closed_by=EMAIL, closed_at=timezone.now(), assigned_by="c@example.org"
    )
    delete_account(user)
    row.refresh_from_db()
    assert (row.closed_by, row.assigned_by) == (f"#{user.pk}", "c@example.org")


def test_preview_of_an_erasure_counts_withdrawals() -> None:
    user = make_verified_user()
    Order.objects.filter(pk=make_paid_order(email=EMAIL).pk).update(billing_profile=user.billing_profile)
    make_withdrawal(Order.objects.get())
    make_withdrawal()
    make_withdrawal(email="bob@example.org")
    counts = {str(name): number for name, number in preview(Person.of_user(user)).counts}
    assert counts["Withdrawals, without what was typed"] == 2


# Export


def test_export_contains_withdrawals_from_orders_and_unmatched_ones() -> None:
    user = make_verified_user()
    order = make_paid_order(email="work@example.org")
    Order.objects.update(account=user)
    make_withdrawal(order, email="work@example.org")
    make_withdrawal()
    make_withdrawal(email="bob@example.org")
    found = export_personal_data(user)["withdrawals"]
    assert [(row["order"], row["email"]) for row in found] == [(order.order_id, "work@example.org"), ("", EMAIL)]
    assert (found[0]["items"], [mail["kind"] for mail in found[0]["mails"]]) == ("the mug", ["receipt"])


def test_export_names_the_lines_that_were_ticked() -> None:
    user = make_verified_user()
    order = make_paid_order()
    Order.objects.update(account=user)
    item = order.items.get()
    units = {str(item.pk): 1}
    declare(Declaration("A", EMAIL, "X", is_whole_order=False, language="en", units=units, order=order), ip="x")
    assert export_personal_data(user)["withdrawals"][0]["units"] == [{"title": item.title, "units": 1}]


# Pruning


@pytest.mark.parametrize(("days", "is_kept"), [(1094, True), (1096, False)])
def test_typed_text_of_unmatched_withdrawals_is_cleared_after_three_years(days: int, is_kept: bool) -> None:
    old = timezone.now() - timedelta(days=days)
    unmatched, matched = (
        make_withdrawal(declared_at=old),
        make_withdrawal(make_paid_order(email=EMAIL), declared_at=old),
    )
    pruned, _is_more = prune()
    assert (typed_text(unmatched) != "", typed_text(matched) != "") == (is_kept, True)
    assert pruned["texts of unmatched withdrawals pruned"] == (0 if is_kept else 1)


def test_typed_text_about_an_order_that_was_erased_before_is_cleared_too() -> None:
    erased = make_paid_order(email="")
    row = make_withdrawal(order=erased, declared_at=timezone.now() - timedelta(days=1096))
    prune()
    assert typed_text(row) == ""


def test_setting_says_how_long_typed_text_is_kept(settings: Any) -> None:
    settings.WITHDRAWAL_RETENTION_DAYS = 400
    row = make_withdrawal(declared_at=timezone.now() - timedelta(days=401))
    prune()
    assert typed_text(row) == ""


def test_hashed_ip_address_is_cleared_after_a_day() -> None:
    new = make_withdrawal()
    old = make_withdrawal(items="bowl", declared_at=timezone.now() - timedelta(hours=25))
    prune()
    assert list(Withdrawal.objects.order_by("pk").values_list("ip", flat=True)) == [new.ip, ""] == ["hash", old.ip[:0]]


def test_requests_for_links_are_deleted_after_two_days() -> None:
    for hours in (47, 49):
        mail = OrderLinkMail.objects.create(order_number=str(hours), to=EMAIL, client="x", language="en")
        OrderLinkMail.objects.filter(pk=mail.pk).update(timestamp=timezone.now() - timedelta(hours=hours))
    prune()
    assert OrderLinkMail.objects.get().order_number == "47"
