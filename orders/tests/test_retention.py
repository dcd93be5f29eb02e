"""Tests that every table has a time for which its rows are kept, and that docs/data-retention.md shows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import CASCADE

from accounts.tokens import TOKEN_LIFETIMES
from billing.models import CardAttempt
from carts.models import WrongCode
from orders.bookkeeping.pruning import STEPS
from orders.bookkeeping.retention import RETENTION, Kept, Pruned

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "data-retention.md"
HEADS = ("| table ", "|---")
MODELS = {model._meta.label: model for model in apps.get_models(include_auto_created=True)}
MODELS["migrations.Migration"] = MigrationRecorder.Migration


def rows_of(kind: type) -> Iterator[str]:
    """Yield the rows of the document's table about this class."""
    for label, entry in RETENTION.items():
        if isinstance(entry, kind):
            yield f"| {MODELS[label]._meta.db_table} | {entry.added_by} | {entry.kept_for} |"


def test_every_table_is_either_pruned_or_kept_for_a_reason() -> None:
    assert sorted(RETENTION) == sorted(MODELS)


def test_document_has_a_row_for_each_table() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("|") and not line.startswith(HEADS)]
    assert rows == [*rows_of(Pruned), *rows_of(Kept)]


def test_pruned_table_is_deleted_by_a_step_that_exists() -> None:
    assert {entry.step for entry in RETENTION.values() if isinstance(entry, Pruned)} == set(STEPS) - {
        "replaced open orders",  # of a table whose other rows are kept
        "unused picture files",  # not rows
        "visitors of unpaid orders",  # columns of rows that are kept
        "visitors of withdrawals",
        "texts of unmatched withdrawals",
    }


def test_row_that_goes_with_another_row_refers_to_it() -> None:
    together = {"carts.CartItem", "addresses.Address", "billing.Card", "axes.AccessAttemptExpiration"}
    for label in together:
        parents = [f.related_model for f in MODELS[label]._meta.fields if f.remote_field]
        rules = [f.remote_field.on_delete for f in MODELS[label]._meta.fields if f.remote_field]
        step = RETENTION[label]
        assert isinstance(step, Pruned)
        with_parent = {
            getattr(RETENTION.get(parent._meta.label), "step", None)
            for parent, rule in zip(parents, rules, strict=True)
            if parent and rule is CASCADE
        }
        assert step.step in with_parent, label


def test_document_and_example_name_every_setting() -> None:
    names = {f"KEEP_{name.upper()}_DAYS" for name in settings.KEEP_DAYS}
    example = (Path(settings.BASE_DIR) / ".env.example").read_text()
    for name in names:
        assert f"# {name}=" in example, name
        assert name in DOCUMENT.read_text(), name


def test_emails_are_kept_as_long_as_their_links_are_valid() -> None:
    assert max(lifetime.days for lifetime in TOKEN_LIFETIMES.values()) == 3  # `least` in settings.KEEP_DAYS
    assert CardAttempt.KEPT_FOR > CardAttempt.COUNTED_FOR
    assert WrongCode.KEPT_FOR > WrongCode.COUNTED_FOR


# The index by which old rows are found. django-axes has none on the time.
BY_AGE = {
    "accounts_accountmail": "account_mail_by_age",
    "accounts_passwordtry": "password_try_by_age",
    "accounts_guestemail": "guest_email_by_age",
    "accounts_takensignup": "taken_signup_by_age",
    "billing_billingprofile": "profile_of_guest_by_age",
    "billing_cardattempt": "attempt_by_age",
    "billing_cardmail": "card_mail_by_age",
    "billing_ratecounter": "rate_counter_by_age",
    "billing_stripeevent": "stripe_event_by_age",
    "carts_cart": "cart_of_visitor_by_age",
    "carts_wrongcode": "wrong_code_by_age",
}


@pytest.mark.django_db
@pytest.mark.parametrize("table", BY_AGE)
def test_table_has_an_index_by_age(table: str) -> None:
    with connection.cursor() as cursor:
        assert BY_AGE[table] in connection.introspection.get_constraints(cursor, table)
