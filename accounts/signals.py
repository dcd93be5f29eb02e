"""Signal receivers for accounts."""

from typing import Any

from axes.models import AccessAttempt
from django.db.models.signals import pre_save
from django.dispatch import receiver


@receiver(pre_save, sender=AccessAttempt, dispatch_uid="accounts.drop_typed_data")
def drop_typed_data(instance: AccessAttempt, **kwargs: Any) -> None:
    """Drop the submitted sign-in data before axes stores it: it can contain a password typed into the wrong field."""
    instance.get_data = instance.post_data = ""
