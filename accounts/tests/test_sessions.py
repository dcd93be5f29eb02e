"""Tests for the session engine: one statement for each session that has changed, and none for others."""

from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client

from accounts.sessions import SessionStore
from tests.makers import add_to_cart, make_product
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db


def saved(**data: Any) -> SessionStore:
    """Save a session and return it as the next request reads it."""
    session = SessionStore()
    session.update(data)
    session.save()
    return SessionStore(session.session_key)


def test_new_session_is_inserted_once_with_its_data() -> None:
    session = SessionStore()
    session.create()
    with count_queries() as queries:
        session["count"] = 2
        session.save()
        session.save()
    assert [query.split()[0] for query in queries] == ["INSERT"]
    assert SessionStore(session.session_key)["count"] == 2


def test_session_is_updated_only_if_its_data_changes() -> None:
    session = saved(count=2)
    session["count"] = 2
    with count_queries() as queries:
        session.save()
    assert queries == []
    session["count"] = 3
    session.save()
    assert SessionStore(session.session_key)["count"] == 3


def test_nested_change_of_a_session_is_saved() -> None:
    session = saved(orders=["A"])
    session["orders"].append("B")
    session.save()
    assert SessionStore(session.session_key)["orders"] == ["A", "B"]


def test_deleted_session_does_not_come_back() -> None:
    session = saved(count=2)
    session["count"] = 3
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        session.save()
    assert not Session.objects.exists()


def test_new_key_keeps_the_data_and_deletes_the_old_row() -> None:
    session = saved(count=2)
    session.cycle_key()
    session.save()
    assert [SessionStore(row.session_key)["count"] for row in Session.objects.all()] == [2]


@pytest.mark.parametrize("is_new", [True, False])
def test_session_of_a_transaction_that_was_rolled_back_is_saved_again(is_new: bool) -> None:
    session = SessionStore() if is_new else saved(count=2)
    with transaction.atomic():
        session["count"] = 3
        session.save()
        transaction.set_rollback(True)
    session.forget_saved()
    session.save()
    assert SessionStore(session.session_key)["count"] == 3


def test_first_addition_to_a_cart_gives_the_visitor_a_session(client: Client) -> None:
    add_to_cart(client, make_product(), 2)
    assert (client.session["cart_items"], Session.objects.count()) == (2, 1)
