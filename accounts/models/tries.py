"""Rows that limit what a stranger can try: passwords, and sign-ups with email addresses that have an account."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

HOUR = timedelta(hours=1)


class TakenSignupQuerySet(models.QuerySet["TakenSignup"]):
    """Queryset that limits attempts with a taken email address, because their error reveals that it has an account."""

    LIMIT = 10  # per hour and client

    def record(self, client: str) -> bool:
        """Record an attempt by this client. Return True if it exceeds the limit."""
        self.create(client=client)
        return self._of_last_hour(client).count() > self.LIMIT

    def is_at_limit(self, client: str) -> bool:
        """Check whether the next attempt by this client would exceed the limit."""
        return self._of_last_hour(client).count() >= self.LIMIT

    def _of_last_hour(self, client: str) -> Self:
        return self.filter(client=client, timestamp__gt=timezone.now() - HOUR)


class TakenSignup(models.Model):
    """A sign-up or email change rejected because the email address is taken. Only a hash of the client is stored."""

    client = models.CharField(max_length=64)
    timestamp = models.DateTimeField(auto_now_add=True)

    objects = TakenSignupQuerySet.as_manager()

    class Meta:
        verbose_name = _("sign-up with an existing email")
        verbose_name_plural = _("sign-ups with an existing email")
        indexes = [
            models.Index(fields=["client", "timestamp"], name="taken_signup_of_client"),
            models.Index(fields=["timestamp"], name="taken_signup_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.timestamp:%Y-%m-%d %H:%M}"
