"""Rows that limit what a stranger can try: passwords, and sign-ups with email addresses that have an account."""

from datetime import timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Count, Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


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


class PasswordTryQuerySet(models.QuerySet["PasswordTry"]):
    """Queryset that starts password tries, with a pause before each one after the first twenty of a day."""

    FREE = 20  # wrong passwords a day without a pause; then 1, 2, 4 minutes and so on
    LONGEST_PAUSE = HOUR

    def start(self, account: str, device: str) -> "PasswordTry":
        """Return a new try. If its `wait` is not zero, it must not be made, and it is not stored.

        The tries are counted again after the row is written. At least one of two simultaneous tries therefore sees the
        other.
        """
        attempt = self.model(account=account, device=device, timestamp=timezone.now())
        attempt.count_others()
        if not attempt.wait:
            attempt.save()
            attempt.count_others()
            if attempt.wait:
                attempt.delete()
        return attempt


class PasswordTry(models.Model):
    """A wrong password, or one that is being checked. Only keyed hashes of the email address and device are stored.

    Tries of all devices from which nobody has signed in to the account are counted together. They have no `device`.
    """

    account = models.CharField(max_length=64)
    device = models.CharField(max_length=64, blank=True)
    timestamp = models.DateTimeField()

    objects: ClassVar[PasswordTryQuerySet] = PasswordTryQuerySet.as_manager()  # type: ignore[assignment]
    wait = timedelta()  # how long this try has to wait
    is_after_many = False  # whether the pauses have begun

    class Meta:
        verbose_name = _("wrong password")
        verbose_name_plural = _("wrong passwords")
        indexes = [
            models.Index(fields=["account", "device", "timestamp"], name="password_try_of_account"),
            models.Index(fields=["timestamp"], name="password_try_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.timestamp:%Y-%m-%d %H:%M}"

    def count_others(self) -> None:
        """Set `wait` and `is_after_many` by the other tries of the last day."""
        now, free = self.timestamp, PasswordTryQuerySet.FREE
        others = PasswordTry.objects.filter(account=self.account, device=self.device, timestamp__gt=now - DAY)
        found = others.exclude(pk=self.pk).aggregate(number=Count("pk"), last=Max("timestamp"))
        self.is_after_many = found["number"] >= free
        if self.is_after_many:
            doubled = min(found["number"] - free, 10)  # further doubling would only make larger numbers
            pause = min(timedelta(minutes=2**doubled), PasswordTryQuerySet.LONGEST_PAUSE)
            self.wait = max(found["last"] + pause - now, timedelta())
