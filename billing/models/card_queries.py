"""The statements about cards that every checkout needs."""

from typing import Any

from django.apps import apps
from django.db.models import Case, Q, Value, When

from billing.models.profile import BillingProfile
from core.database.prepared import PreparedQuery, PreparedUpdate


def _cards() -> Any:
    return apps.get_model("billing.Card").objects


SAME_NUMBER: PreparedQuery[Any] = PreparedQuery(
    lambda billing_profile, stripe_id, fingerprint: (
        _cards()
        .filter(billing_profile=billing_profile, active=True, fingerprint=fingerprint)
        .exclude(stripe_id=stripe_id)
        .select_related("billing_profile")
    ),
    billing_profile=int,
    stripe_id=str,
    fingerprint=str,
)
USABLE: PreparedQuery[Any] = PreparedQuery(
    lambda billing_profile, order_number: _cards().usable(billing_profile, order_number),
    billing_profile=int,
    order_number=str,
)
# These lock the rows.
LOCKED_PROFILE: PreparedQuery[Any] = PreparedQuery(
    lambda billing_profile: BillingProfile.objects.filter(pk=billing_profile).select_for_update().values_list("pk"),
    billing_profile=int,
)
ACTIVE: PreparedQuery[Any] = PreparedQuery(
    lambda billing_profile: (
        _cards()
        .filter(billing_profile=billing_profile, active=True)
        .order_by("pk")
        .select_for_update()
        .values_list("pk", "is_saved", "order_number")
    ),
    billing_profile=int,
)
SAME_CARDS: PreparedQuery[Any] = PreparedQuery(
    lambda billing_profile, stripe_id, fingerprint: (
        _cards()
        .filter(
            Q(stripe_id=stripe_id)
            | Q(billing_profile=billing_profile, active=True, fingerprint=fingerprint) & ~Q(fingerprint="")
        )
        .order_by("pk")
        .select_for_update()
    ),
    billing_profile=int,
    stripe_id=str,
    fingerprint=str,
)
DROP_OF_ORDER = PreparedUpdate(
    lambda billing_profile, order_number: _cards().filter(
        # The subquery locks the rows in the order of their primary keys, to avoid deadlocks.
        pk__in=_cards()
        .unsaved()
        .filter(billing_profile=billing_profile, order_number=order_number)
        .order_by("pk")
        .select_for_update()
        .values("pk")
    ),
    *("active", "default", "is_detach_due", "removed_at"),
    billing_profile=int,
    order_number=str,
)
BIND = PreparedUpdate(
    lambda card, billing_profile, order_number: _cards().usable(billing_profile, order_number).filter(pk=card),
    expressions=lambda order_number, **others: {
        "order_number": Case(When(is_saved=False, then=Value(order_number)), default=Value(""))
    },
    card=int,
    billing_profile=int,
    order_number=str,
)
