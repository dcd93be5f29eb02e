"""Tests for notes of staff about orders."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from orders.models import Order, OrderNote
from orders.workflow.erasure import erase_order
from orders.workflow.personal_data import export_personal_data
from tests.makers import make_intact_order, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]


def make_staff(email: str, *permissions: str) -> Client:
    user = make_user(email, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff() -> Client:
    """Return a client of staff who may see orders, and see and add notes."""
    return make_staff("packer@example.org", "view_order", "view_ordernote", "add_ordernote")


def note_url(order: Order) -> str:
    return reverse("admin:orders_order_note", args=[order.pk])


def page_of(client: Client, order: Order) -> str:
    return str(client.get(reverse("admin:orders_order_change", args=[order.pk])).text)


def add(client: Client, order: Order, text: str) -> Any:
    return client.post(note_url(order), {"text": text}, follow=True)


def test_notes_are_on_the_page_of_the_order_newest_first(staff: Client) -> None:
    order = make_intact_order()
    for text in ("Called the shopper", "Called again"):
        page = add(staff, order, text).text
    assert re.findall(r"Called the shopper|Called again", page) == ["Called again", "Called the shopper"]
    assert set(order.notes.values_list("by", flat=True)) == {"packer@example.org"}


def test_page_of_the_order_links_to_the_form(staff: Client) -> None:
    order = make_intact_order()
    assert note_url(order) in page_of(staff, order)


def test_log_does_not_contain_the_text(staff: Client) -> None:
    order = make_intact_order()
    add(staff, order, "Called the shopper")
    assert LogEntry.objects.get().get_change_message() == "Added a note."


def test_second_click_adds_nothing(staff: Client) -> None:
    order = make_intact_order()
    for _click in range(2):
        add(staff, order, "Called the shopper")
    assert order.notes.count() == 1


def test_two_members_of_staff_both_add_a_note(staff: Client) -> None:
    order = make_intact_order()
    other = make_staff("other@example.org", "view_order", "add_ordernote")
    for client in (staff, other):
        add(client, order, "Called the shopper")
    assert order.notes.count() == 2


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001, "a\0b"])
def test_invalid_note_is_rejected_with_a_message(staff: Client, text: str) -> None:
    order = make_intact_order()
    assert "errorlist" in add(staff, order, text).text
    assert not order.notes.exists()


def test_markup_in_a_note_is_shown_as_text(staff: Client) -> None:
    order = make_intact_order()
    page = add(staff, order, "<script>alert(1)</script>").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


def test_shopper_does_not_see_notes(staff: Client, client: Client) -> None:
    user = make_user("owner@example.org")
    order = make_intact_order(billing_profile=user.billing_profile)
    add(staff, order, "Called the shopper")
    client.force_login(user)
    page = client.get(order.get_absolute_url())
    assert (page.status_code, "Called the shopper" in page.text) == (200, False)


def test_note_needs_the_permission(client: Client) -> None:
    order = make_intact_order()
    viewer = make_staff("viewer@example.org", "view_order")
    assert [method(note_url(order)).status_code for method in (viewer.get, viewer.post)] == [403, 403]
    assert note_url(order) not in page_of(viewer, order)


def test_notes_are_shown_only_with_the_permission(staff: Client) -> None:
    order = make_intact_order()
    add(staff, order, "Called the shopper")
    viewer = make_staff("viewer@example.org", "view_order", "add_ordernote")
    assert "Called the shopper" not in page_of(viewer, order)
    assert "Called the shopper" not in viewer.get(note_url(order)).text


def test_erasure_clears_notes_and_allows_no_more(staff: Client) -> None:
    order = make_intact_order()
    add(staff, order, "Called the shopper")
    erase_order(order)
    assert order.notes.get().text == ""
    assert "was erased" in add(staff, order, "Called Gia").text
    assert OrderNote.objects.count() == 1


def test_export_contains_notes(staff: Client) -> None:
    user = make_user("owner@example.org")
    order = make_intact_order(billing_profile=user.billing_profile)
    add(staff, order, "Called the shopper")
    [entry] = export_personal_data(user)["orders"]
    assert [note["text"] for note in entry["notes"]] == ["Called the shopper"]
