"""What happens of itself when rows about people are saved."""

from typing import Any

from axes.models import AccessAttempt
from django.db.models.signals import pre_save
from django.dispatch import receiver


@receiver(pre_save, sender=AccessAttempt, dispatch_uid="accounts.drop_typed_data")
def drop_typed_data(instance: AccessAttempt, **kwargs: Any) -> None:
    """Whatever was typed into a sign-in form may be a password in the wrong field: axes keeps none of it."""
    instance.get_data = instance.post_data = ""
