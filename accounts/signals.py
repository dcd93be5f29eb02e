"""Signal receivers for accounts."""

from typing import Any

from axes.models import AccessAttempt
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.guest_session import guest_session_ended
from accounts.models import GuestEmail


@receiver(pre_save, sender=AccessAttempt, dispatch_uid="accounts.drop_typed_data")
def drop_typed_data(instance: AccessAttempt, **kwargs: Any) -> None:
    """Drop the submitted sign-in data before axes stores it: it can contain a password typed into the wrong field."""
    instance.get_data = instance.post_data = ""


@receiver(guest_session_ended, dispatch_uid="accounts.forget_guest_email")
def forget_guest_email(request: HttpRequest, **kwargs: Any) -> None:
    GuestEmail.objects.forget(request)
