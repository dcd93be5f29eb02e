"""What the shop noted about a person: sign-in attempts, account emails, log entries, names of staff and sessions."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db.models import F, Model, Q, Value
from django.db.models.functions import Concat

from accounts.models import GUEST_SESSION_KEY, AccountMail, GuestEmail, User
from billing.models import BillingProfile, CardMail
from billing.models.profile import PROFILE_KEY
from carts.models.session import CART_KEY
from core.models import ContactMail
from orders.models import Correction, CustomerNote, OrderEvent, OrderLinkMail, OrderNote, Refund, Shipment, Withdrawal
from orders.models.withdrawal import WithdrawalQuerySet
from orders.workflow.erasure.person import HeldEmail, Person, notes_about
from products.models import StockMovement

# Models with a column that has the email address of a member of staff, with this column and that of its time.
DONE_BY: list[tuple[type[Model], str, str]] = [
    (OrderEvent, "by", "at"), (Correction, "by", "at"), (OrderNote, "by", "at"), (Refund, "by", "timestamp"),
    (StockMovement, "by", "at"), (Shipment, "by", "shipped_at"), (CustomerNote, "by", "at"),
    (Withdrawal, "assigned_by", "assigned_at"), (Withdrawal, "closed_by", "closed_at"),
]  # fmt: skip


def erase_notes(person: Person, emails: list[HeldEmail]) -> None:
    """Erase the sign-in attempts, account emails and messages of this person, and what identifies them in the logs.

    Log entries stay, with their time, their author and the id of the row.
    """
    for model in (AccessAttempt, AccessFailureLog, AccessLog):
        model.objects.filter(notes_about(emails, "username", "attempt_time")).delete()
    of_account = Q(user=person.user) if person.user else Q(pk__in=[])
    AccountMail.objects.filter(of_account | notes_about(emails, "to", "timestamp")).erase()
    of_profiles = Q(billing_profile__in=person.profiles)
    CardMail.objects.filter(of_profiles | notes_about(emails, "to", "timestamp")).delete()
    ContactMail.objects.filter(notes_about(emails, "sender", "timestamp")).delete()
    OrderLinkMail.objects.filter(notes_about(emails, "to", "timestamp")).delete()
    CustomerNote.objects.filter(billing_profile__in=person.profiles).delete()
    _clear_log_about(person, emails)
    _erase_guest_emails(person, emails)
    if person.user:
        unmatched_withdrawals(emails).erase()
        for model, by, time in DONE_BY:
            rows = model._default_manager.filter(notes_about(emails, by, time))
            rows.update(**{by: f"#{person.user.pk}"})


def unmatched_withdrawals(emails: list[HeldEmail]) -> WithdrawalQuerySet:
    """Return the withdrawals without an order that were declared with a verified email address of this account.

    Whoever signs up with the email address of another person must neither read nor clear their declarations.
    """
    own = [held for held in emails if held.is_only_theirs]
    rows: WithdrawalQuerySet = Withdrawal.objects.unmatched().filter(notes_about(own, "email", "declared_at"))
    return rows


def _clear_log_about(person: Person, emails: list[HeldEmail]) -> None:
    if person.user:
        clear_log(User, [person.user.pk])
    clear_log(BillingProfile, person.profiles)
    clear_log(GuestEmail, person.guest_emails)
    # Entries about rows that are gone, such as a user that was deleted before this workflow existed.
    clear_entries(LogEntry.objects.filter(notes_about(emails, "object_repr", "action_time")))


def _erase_guest_emails(person: Person, emails: list[HeldEmail]) -> None:
    """Delete the guest emails of this person.

    Those of guest profiles that stay are left, and so are all that only look like this person's.
    """
    GuestEmail.objects.filter(pk__in=person.guest_emails).delete()
    own = [held for held in emails if held.is_only_theirs]
    GuestEmail.objects.filter(notes_about(own, "email", "timestamp"), billing_profiles=None).delete()


def clear_log(model: type[Model], pks: Iterable[Any]) -> None:
    """Remove the texts of the log entries about these rows: their names, and old and new values."""
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
    clear_entries(about.filter(object_id__in=[str(pk) for pk in pks]))


def clear_entries(entries: Any) -> None:
    """Replace the name of the row by its id, and remove the message."""
    entries.update(object_repr=Concat(Value("#"), F("object_id")), change_message="")


def sessions_of(person: Person) -> list[str]:
    """Return the keys of the sessions of this person.

    They are signed in to the account, or belong to nobody else and refer to a profile, guest email or cart of this
    person. The session of another account stays, even if this person used the same browser before.
    """
    carts = dict(person.carts.values_list("pk", "session_key"))
    keys = set(carts.values()) - {""}
    own = {PROFILE_KEY: set(person.profiles), GUEST_SESSION_KEY: set(person.guest_emails), CART_KEY: set(carts)}
    account = str(person.user.pk) if person.user else None
    return [
        key
        for key, data in _stored_sessions()
        if (data[SESSION_KEY] == account if SESSION_KEY in data else key in keys or _refers_to(data, own))
    ]


def _stored_sessions() -> Iterator[tuple[str, dict[str, Any]]]:
    if settings.SESSION_ENGINE.endswith(".cache"):
        return
    for session in Session.objects.iterator(chunk_size=1000):
        yield session.session_key, session.get_decoded()


def _refers_to(data: dict[str, Any], own: dict[str, set[int]]) -> bool:
    return any(data.get(name) in pks for name, pks in own.items())


def delete_sessions(keys: list[str]) -> None:
    """Delete these sessions, also from the cache if the session engine has one."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    for key in keys:
        store.delete(key)
