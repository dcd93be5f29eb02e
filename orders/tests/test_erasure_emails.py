"""Property test: which notes under an email address an erasure reaches, for any history of who had it."""

from datetime import UTC, datetime, timedelta

import pytest
from axes.models import AccessAttempt
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import EarlierEmail, User
from orders.workflow.erasure import delete_account
from tests.makers import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
EMAILS = [f"shared{number}@example.org" for number in range(4)]
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
# Each step: one of two people changes to an email address, or verifies theirs, or somebody fails to sign in with one.
STEPS = st.lists(
    st.tuples(st.sampled_from(["change", "change", "verify", "note"]), st.integers(0, 1), st.sampled_from(EMAILS)),
    max_size=14,
)


def run_history(steps: list[tuple[str, int, str]]) -> tuple[User, dict[int, bool]]:
    """Return the person to erase, and for each note whether it must stay, by its primary key."""
    people = [make_user(f"own{number}@example.org", date_joined=BEGAN) for number in range(2)]
    held: list[set[str]] = [{user.email} for user in people]
    verified: set[str] = set()  # email addresses that the person to erase verified
    notes: list[tuple[int, str, User | None]] = []
    for number, (kind, who, email) in enumerate(steps):
        now, user = BEGAN + timedelta(hours=number + 1), people[who]
        holder = next((other for other in people if other.email == email), None)
        if kind == "change" and holder is None:
            user.email = email
            user.save()
            EarlierEmail.objects.filter(pk=user.earlier_emails.latest("pk").pk).update(until=now)
            held[who].add(email)
        elif kind == "verify":
            User.objects.mark_email_verified(user)
            verified |= {user.email} if who == 0 else set()
        elif kind == "note":
            row = AccessAttempt.objects.create(username=email, ip_address=f"192.0.2.{number}", failures_since_start=1)
            AccessAttempt.objects.filter(pk=row.pk).update(attempt_time=now)
            notes.append((row.pk, email, holder))
    theirs = verified - held[1]
    return people[0], {
        pk: holder != people[0] and (holder is not None or email not in theirs) for pk, email, holder in notes
    }


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_erasure_reaches_the_notes_about_this_person_and_no_others(steps: list[tuple[str, int, str]]) -> None:
    with transaction.atomic():
        person, must_stay = run_history(steps)
        delete_account(person)
        left = set(AccessAttempt.objects.values_list("pk", flat=True))
        transaction.set_rollback(True)
    assert {pk: pk in left for pk in must_stay} == must_stay
