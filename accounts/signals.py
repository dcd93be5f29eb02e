"""Signal receivers for accounts."""

from typing import Any

from axes.models import AccessAttempt
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.guest_session import guest_session_ended
from accounts.models import EarlierEmail, GuestEmail, User


@receiver(pre_save, sender=AccessAttempt, dispatch_uid="accounts.drop_typed_data")
def drop_typed_data(instance: AccessAttempt, **kwargs: Any) -> None:
    """Drop the submitted sign-in data before axes stores it: it can contain a password typed into the wrong field."""
    instance.get_data = instance.post_data = ""


@receiver(pre_save, sender=User, dispatch_uid="accounts.record_earlier_email")
def record_earlier_email(instance: User, raw: bool = False, update_fields: Any = None, **kwargs: Any) -> None:
    """Record the email address that a user had before this change, wherever it is changed."""
    if raw or instance._state.adding or (update_fields is not None and "email" not in update_fields):
        return
    stored = User.objects.filter(pk=instance.pk).exclude(email=instance.email).first()
    if stored:
        EarlierEmail.objects.create(user=stored, email=stored.email, is_verified=stored.has_verified_email)


@receiver(guest_session_ended, dispatch_uid="accounts.forget_guest_email")
def forget_guest_email(request: HttpRequest, **kwargs: Any) -> None:
    GuestEmail.objects.forget(request)
