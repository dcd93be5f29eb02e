"""Mails as rows first: written in the transaction that causes them, sent after, tried again until they are gone."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.core.mail import EmailMessage
from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

logger = logging.getLogger(__name__)
MOST_ATTEMPTS = 60  # about two weeks
LONGEST_PAUSE = 360  # minutes
ROUND_SECONDS = 20.0


class OutboxQuerySet(models.QuerySet[Any]):
    """Finds the mails that are still to be sent."""

    def unsent(self) -> Self:
        """Neither sent nor dropped nor given up."""
        return self.filter(sent=None, dropped=None, attempts__lt=MOST_ATTEMPTS)

    def waiting(self) -> list[Any]:
        """Unsent mails whose turn it is, the oldest first."""
        return [mail for mail in self.unsent().order_by("pk") if mail.is_due]

    def send(self, deliver: Callable[[Any], bool]) -> int:
        """Deliver what waits, for ROUND_SECONDS at most: a dead mail server must not hold others up. How many went."""
        end, done = time.monotonic() + ROUND_SECONDS, 0
        for mail in self.waiting():
            if time.monotonic() > end:
                break
            done += deliver(mail)
        return done


class OutboxMail(models.Model):
    """A mail to be sent; what it says is made at the time of sending, by whoever calls `deliver`."""

    to = models.EmailField(_("to"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    tried_at = models.DateTimeField(_("last attempt"), null=True, blank=True)
    sent = models.DateTimeField(_("sent"), null=True, blank=True)
    dropped = models.DateTimeField(_("closed without sending"), null=True, blank=True)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)

    objects: ClassVar[Any] = OutboxQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def is_due(self) -> bool:
        """Whether the last attempt is long enough ago: 2, 4, 8 minutes and so on, up to six hours."""
        pause = timedelta(minutes=min(2**self.attempts, LONGEST_PAUSE))  # the first is longer than a sending may take
        return self.tried_at is None or self.tried_at + pause <= timezone.now()

    def deliver(self, build: Callable[[Self], EmailMessage | None]) -> bool:
        """Send what `build` makes of the row, unless somebody else is at it; True if it went out now.

        Where `build` answers None there is nobody to write to (any more), and the row is closed.
        """
        if not self.is_due or not self._claim():
            return False
        try:
            message = build(self)
            if message is None:
                self._close("dropped")
                return False
            message.send()
        except Exception:  # a mail server fails in many ways; the row says that the mail is still to be sent
            logger.exception("%s %s could not be sent", self._meta.label, self.pk)
            return False
        return self._close("sent")

    def _claim(self) -> bool:
        """Count this attempt; False if another process took it a moment ago, or nothing is left to do."""
        mine = self._rows().filter(sent=None, dropped=None, attempts=self.attempts)
        return bool(mine.update(attempts=F("attempts") + 1, tried_at=timezone.now()))

    def _close(self, column: str) -> bool:
        return bool(self._rows().filter(sent=None, dropped=None).update(**{column: timezone.now()}))

    def _rows(self) -> models.QuerySet[Any]:
        return type(self)._default_manager.filter(pk=self.pk)
