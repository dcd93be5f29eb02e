"""Which rows are old, and their deletion in batches. Each batch is a transaction of its own, so locks are short."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import DAY, HOUR, AccountMail, GuestEmail, PasswordTry, SignIn, TakenSignup
from billing.models import BillingProfile, CardAttempt, CardMail, RateCounter, StripeEvent
from carts.models import Cart, WrongCode
from core.models import ContactMail
from orders.models import Order, OrderLinkMail, Payment, Withdrawal

BATCH = 100  # rows that one transaction deletes
ROUND = 10_000  # rows of one kind that one round deletes

# What a step did: the number of deleted rows, and whether the round ended before all old rows were deleted.
Done = tuple[int, bool]
Delete = Callable[[Any], object]
HAS_PAYMENT = Exists(Payment.objects.filter(order=OuterRef("pk")))


def limit(kind: str) -> datetime:
    """Return the time before which rows of this kind of settings.KEEP_DAYS are old."""
    return timezone.now() - timedelta(days=settings.KEEP_DAYS[kind])


def kept_orders() -> QuerySet[Order]:
    """Return the orders that are never deleted: those that were placed, and any for which a card could be charged."""
    return Order.objects.filter(~Q(status=Order.Status.OPEN) | Q(payment_intent_id__isnull=False) | HAS_PAYMENT)


def expired_sessions() -> QuerySet[Any]:
    """Return the sessions that are over, from the table of the session engine."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    model = store.get_model_class() if hasattr(store, "get_model_class") else Session
    rows: QuerySet[Any] = model.objects.filter(expire_date__lt=timezone.now())
    return rows.order_by("expire_date")


def sign_ins_without_session() -> QuerySet[SignIn]:
    """Return the sign-ins whose session is over. A new one gets its session at the end of its request."""
    return SignIn.objects.over().filter(created__lt=timezone.now() - HOUR).order_by("pk")


def old_carts() -> QuerySet[Cart]:
    """Return the carts of visitors without an account from which no order was placed."""
    carts = Cart.objects.filter(user=None, updated__lt=limit("carts"))
    return carts.filter(~Exists(kept_orders().filter(cart=OuterRef("pk")))).order_by("updated")


def old_drafts() -> QuerySet[Order]:
    """Return the open orders of guests that were replaced by another one, so that they can never be placed."""
    drafts = Order.objects.filter(~HAS_PAYMENT, status=Order.Status.OPEN, payment_intent_id=None, active=False)
    return drafts.filter(billing_profile__user=None, updated__lt=limit("carts")).order_by("updated")


def old_guest_emails() -> QuerySet[GuestEmail]:
    """Return the email addresses of guests that belong to no payer of an order."""
    payers = BillingProfile.objects.alias(lower=Lower("email")).filter(lower=Lower(OuterRef("email")))
    payers = payers.filter(Exists(kept_orders().filter(billing_profile=OuterRef("pk"))))
    return GuestEmail.objects.filter(~Exists(payers), updated__lt=limit("guests")).order_by("updated")


def old_stripe_events() -> QuerySet[StripeEvent]:
    return StripeEvent.objects.filter(processed__lt=limit("stripe_events")).order_by("processed")


def old_sign_ins(model: Any) -> QuerySet[Any]:
    """Return the old rows of this table of django-axes, by the time of their last failure."""
    rows: QuerySet[Any] = model.objects.filter(attempt_time__lt=limit("sign_ins"))
    return rows.order_by("pk")  # the table has no index on the time


def old_taken_signups() -> QuerySet[TakenSignup]:
    return TakenSignup.objects.filter(timestamp__lt=limit("sign_ins")).order_by("timestamp")


def old_password_tries() -> QuerySet[PasswordTry]:
    """Return the password tries that no longer count."""
    return PasswordTry.objects.filter(timestamp__lt=timezone.now() - DAY).order_by("timestamp")


def old_account_emails() -> QuerySet[AccountMail]:
    """Return old emails, also those that were never sent: an email about an account is sent within a day or never."""
    emails: QuerySet[AccountMail] = AccountMail.objects.filter(timestamp__lt=limit("account_emails"))
    return emails.order_by("timestamp")


def old_contact_mails() -> QuerySet[ContactMail]:
    return ContactMail.objects.old().order_by("timestamp")


def old_card_attempts() -> QuerySet[CardAttempt]:
    return CardAttempt.objects.old().order_by("timestamp")


def old_tasks() -> QuerySet[Any]:
    """Return tasks that ended a day ago, and those of a week ago that no worker finished."""
    now = timezone.now()
    old = Q(finished_at__lt=now - timedelta(days=1)) | Q(finished_at=None, enqueued_at__lt=now - timedelta(days=7))
    rows: QuerySet[Any] = DBTaskResult.objects.filter(old)
    return rows.order_by("enqueued_at")


def forget_placers() -> Done:
    """Remove the fingerprints of the visitors of unpaid orders that no limit counts any more."""
    old = Order.objects.filter(~Q(placed_ip=""), placed_at__lt=timezone.now() - CardAttempt.KEPT_FOR)
    return old.update(placed_ip="", placed_session=""), False


def forget_declarers() -> Done:
    """Remove the hashed IP addresses of withdrawals that no limit counts any more."""
    old = Withdrawal.objects.filter(~Q(ip=""), declared_at__lt=timezone.now() - DAY)
    return old.update(ip=""), False


def clear_unmatched_withdrawals() -> Done:
    """Clear what was typed in old withdrawals that match no order, or one that was erased before.

    Somebody could still refer to newer ones.
    """
    limit = timezone.now() - timedelta(days=settings.WITHDRAWAL_RETENTION_DAYS)
    due = Withdrawal.objects.filter(Q(order=None) | Q(order__email=""), declared_at__lt=limit)
    return due.erase(), False


def old_order_link_mails() -> QuerySet[OrderLinkMail]:
    emails: QuerySet[OrderLinkMail] = OrderLinkMail.objects.old().order_by("timestamp")
    return emails


def old_wrong_codes() -> QuerySet[WrongCode]:
    return WrongCode.objects.old().order_by("timestamp")


def old_card_mails() -> QuerySet[CardMail]:
    emails: QuerySet[CardMail] = CardMail.objects.old().order_by("timestamp")
    return emails


def old_rate_counters() -> QuerySet[RateCounter]:
    return RateCounter.objects.old().order_by("until")


def delete_with_drafts(carts: QuerySet[Cart]) -> None:
    """Delete these carts, which the caller has locked, after their open orders."""
    Order.objects.filter(cart__in=carts.values("pk")).delete()
    carts.delete()


def delete_old(rows: Callable[[], QuerySet[Any]], delete: Delete = QuerySet.delete) -> Done:
    """Delete the rows that `rows` returns, oldest first, in batches. `delete` deletes one batch."""
    found = list(rows().values_list("pk", flat=True)[:ROUND])
    deleted = sum(_delete_batch(rows(), batch, delete) for batch in batches(found, BATCH))
    return deleted, len(found) == ROUND and deleted > 0


def batches(found: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(found), size):
        yield found[start : start + size]


@transaction.atomic
def _delete_batch(rows: QuerySet[Any], found: list[Any], delete: Delete) -> int:
    due = lock_due(rows, found)
    if due:
        delete(rows.model._base_manager.filter(pk__in=due))
    return len(due)


def lock_due(rows: QuerySet[Any], found: list[Any]) -> list[Any]:
    """Lock the rows with the primary keys `found`, and return the keys of those that `rows` still contains.

    A row that was used since it was found stays. Rows that another transaction has locked are in use and left out.
    """
    model: type[Model] = rows.model
    in_order = model._base_manager.filter(pk__in=found).order_by("pk")
    locked = list(in_order.select_for_update(skip_locked=True).values_list("pk", flat=True))
    return list(rows.filter(pk__in=locked).values_list("pk", flat=True)) if locked else []
