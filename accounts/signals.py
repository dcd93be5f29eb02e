"""Signal receivers for accounts."""

from typing import Any

from axes.models import AccessAttempt
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from accounts import devices
from accounts.guest_session import guest_session_ended
from accounts.models import AccountMail, EarlierEmail, GuestEmail, SignIn, User
from accounts.staff import sessions, waiting_sign_in
from accounts.staff.roles import make_roles
from core.times import shop_date

SIGN_IN_FIELDS = {"email", "password", "is_active"}


@receiver(pre_save, sender=AccessAttempt, dispatch_uid="accounts.drop_typed_data")
def drop_typed_data(instance: AccessAttempt, **kwargs: Any) -> None:
    """Drop the submitted sign-in data before axes stores it: it can contain a password typed into the wrong field."""
    instance.get_data = instance.post_data = ""


@receiver(pre_save, sender=User, dispatch_uid="accounts.remember_stored_user")
def remember_stored_user(instance: User, raw: bool = False, update_fields: Any = None, **kwargs: Any) -> None:
    """Remember the stored row, so that `follow_change` finds what this save changes, wherever it is called."""
    is_unchanged = update_fields is not None and SIGN_IN_FIELDS.isdisjoint(update_fields)
    is_ignored = raw or instance._state.adding or is_unchanged
    instance.before = None if is_ignored else User.objects.filter(pk=instance.pk).first()


@receiver(post_save, sender=User, dispatch_uid="accounts.follow_change")
def follow_change(instance: User, update_fields: Any = None, **kwargs: Any) -> None:
    """After a change of the email address or password, tell the owner, and let `User.save` end all sessions.

    The session of the owner who makes the change gets a new key and continues. Deactivation ends the sessions too.
    """
    before, instance.before = instance.before, None
    if before is None:
        return
    saved = SIGN_IN_FIELDS if update_fields is None else SIGN_IN_FIELDS.intersection(update_fields)
    has_to_sign_in_again = "is_active" in saved and before.is_active and not instance.is_active
    if "email" in saved and before.email != instance.email:
        EarlierEmail.objects.create(user=instance, email=before.email, is_verified=before.has_verified_email)
        AccountMail.objects.notify(AccountMail.Kind.CHANGED, before.email, instance)
        has_to_sign_in_again = True
    if "password" in saved and instance.has_new_password(before):
        AccountMail.objects.notify(AccountMail.Kind.PASSWORD, before.email, instance)
        has_to_sign_in_again = True
    instance.has_to_sign_in_again = has_to_sign_in_again


@receiver(user_logged_in, dispatch_uid="accounts.record_sign_in")
def record_sign_in(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Record the session and its device, and the language of the user."""
    if request is None:
        return
    if not request.session.session_key:
        request.session.create()
    now, key = timezone.now(), str(request.session.session_key)
    # A user who is signed in and signs in again, for example in the admin, keeps the session.
    values = {"user": user, "created": now, "last_used": shop_date(now)} | devices.describe(request)
    SignIn.objects.update_or_create(session_key=key, defaults=values)
    devices.remember(request, user)
    language = get_language() or ""
    if user.language != language:
        User.objects.filter(pk=user.pk).update(language=language)


@receiver(user_logged_in, dispatch_uid="accounts.start_staff_session")
def start_staff_session(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Limit the session of a member of staff, and tell them about a new browser."""
    if request is None:
        return
    waiting_sign_in.end(request)
    if user.is_staff:
        sessions.start(request, user)


@receiver(guest_session_ended, dispatch_uid="accounts.forget_guest_email")
def forget_guest_email(request: HttpRequest, **kwargs: Any) -> None:
    GuestEmail.objects.forget(request)


def make_staff_roles(apps: Any, **kwargs: Any) -> None:
    """Make the roles of staff after a migration. `apps` are those of the last migration that was applied."""
    try:
        apps.get_model("accounts", "Role")
    except LookupError:
        return  # a migration back has just removed the table
    make_roles()
