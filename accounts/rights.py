"""Who may change whose account. Rights of staff are granted and removed by superusers only."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User

# The columns of a user that grant rights in the admin. Only superusers change them.
RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


def may_grant_rights(actor: Any) -> bool:
    """Check whether `actor` may change the rights of users and groups, and the accounts of staff."""
    return bool(actor.is_active and actor.is_superuser)


def has_rights(user: User) -> bool:
    """Check whether this account has rights, or would have them if it was active."""
    return user.is_staff or user.is_superuser or user.groups.exists() or user.user_permissions.exists()


def may_change_user(actor: Any, user: User) -> bool:
    """Check whether `actor` may change or erase this account if their permissions allow it for customers.

    Accounts with rights are for superusers only: a new email address or password would hand over the rights.
    """
    return may_grant_rights(actor) or not has_rights(user)


def lock_and_check(actor: Any, user: User) -> bool:
    """Lock the row of `user` and check `may_change_user` again. Call this in the transaction that changes the user.

    Rights that were granted after the row was loaded count.
    """
    locked = User.objects.select_for_update().filter(pk=user.pk).first()
    return locked is not None and may_change_user(actor, locked)


def active_superusers() -> QuerySet[User]:
    """Return the users who can log in to the admin and grant rights."""
    return User.objects.filter(is_active=True, is_staff=True, is_superuser=True)


@transaction.atomic
def is_last_superuser(user: User) -> bool:
    """Check whether nobody could grant rights without `user`.

    In a transaction, the active superusers stay locked until it ends, so that two of them cannot remove each other.
    """
    pks = list(active_superusers().order_by("pk").select_for_update().values_list("pk", flat=True))
    return pks == [user.pk]
