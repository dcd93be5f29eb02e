"""A transactional outbox: email is stored in the transaction that causes it, sent afterwards, and retried."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar, Self

from django.core.mail import EmailMessage
from django.db import models, transaction
from django.db.models import F
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.prepared import PreparedUpdate
from core.emails import refusals
from core.page_cache.versions import note_site_version, remember_versions

logger = logging.getLogger(__name__)
queued = Signal()  # sent by who adds a row, in the same transaction
MAX_ATTEMPTS = 60  # about two weeks
MAX_PAUSE_MINUTES = 360
MAX_SEND_SECONDS = 20.0
LATE = timedelta(hours=1)  # after five attempts
REFUSED_FOR = timedelta(days=7)  # how long staff are told of a refused message
Build = Callable[[Any], EmailMessage | None]
Report = Callable[[Any, str], object]
Record = Callable[[Any], object]


def do_nothing(*args: object) -> None:
    """Do nothing."""


class OutboxQuerySet(models.QuerySet[Any]):
    """Queryset of email that is still to be sent."""

    def unsent(self) -> Self:
        """Filter email that is not sent, not dropped, and has attempts left."""
        return self.filter(sent=None, dropped=None, attempts__lt=MAX_ATTEMPTS)

    def undeliverable(self) -> Self:
        """Filter email that was given up because the mail server refused it, or did so MAX_ATTEMPTS times."""
        return self.exclude(refusal="")

    def late(self) -> Self:
        """Filter email that has waited for longer than LATE."""
        return self.filter(sent=None, dropped=None, timestamp__lt=timezone.now() - LATE)

    def refused_lately(self) -> Self:
        """Filter undeliverable email that was given up in the last days."""
        return self.undeliverable().filter(dropped__gt=timezone.now() - REFUSED_FOR)

    def undelivered(self) -> Self:
        """Filter email that staff should know about: it is late, or was refused lately."""
        return self.late() | self.refused_lately()

    def waiting(self) -> list[Any]:
        """Return unsent email whose next attempt is due, oldest first."""
        return [row for row in self.unsent().order_by("pk") if row.is_due]

    def send(self, deliver: Callable[[Any], bool]) -> int:
        """Deliver waiting email for at most MAX_SEND_SECONDS and return the number of messages sent.

        The limit prevents an unresponsive mail server from delaying other work.
        """
        deadline, sent = time.monotonic() + MAX_SEND_SECONDS, 0
        for row in self.waiting():
            if time.monotonic() > deadline:
                break
            sent += deliver(row)
        return sent


class OutboxMail(models.Model):
    """An email message to be sent. The caller of `deliver` builds its content at the time of sending."""

    to = models.EmailField(_("to"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    tried_at = models.DateTimeField(_("last attempt"), null=True, blank=True)
    sent = models.DateTimeField(_("sent"), null=True, blank=True)
    dropped = models.DateTimeField(_("closed without sending"), null=True, blank=True)
    refusal = models.CharField(
        _("undeliverable"), max_length=refusals.MAX_LENGTH, blank=True,
        help_text=_("The code with which the mail server refused it."),
    )  # fmt: skip
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)

    objects: ClassVar[Any] = OutboxQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def is_due(self) -> bool:
        """Whether the pause since the last attempt is over: 2, 4, 8 minutes and so on, up to six hours."""
        pause = timedelta(minutes=min(2**self.attempts, MAX_PAUSE_MINUTES))  # the first is longer than sending takes
        return self.tried_at is None or self.tried_at + pause <= timezone.now()

    def deliver(self, build: Build, report: Report = do_nothing, record: Record = do_nothing) -> bool:
        """Send the message that `build` returns for this row. Return True if this call sent it.

        Return False if the row is not due, if another process is sending it, or if `send_claimed` does.
        """
        return self.is_due and self._claim() and self.send_claimed(build, report, record)

    def claim_new(self) -> None:
        """Claim a row that is about to be inserted. Who has its `claim` then sends it with `send_claimed`.

        If that process dies, the row is due again as after a first attempt.
        """
        self.attempts, self.tried_at = 1, timezone.now()

    @property
    def claim(self) -> str:
        """The claim of this row, with which another process can send it."""
        return self.tried_at.isoformat() if self.tried_at else ""

    def send_claimed(self, build: Build, report: Report = do_nothing, record: Record = do_nothing) -> bool:
        """Send the message that `build` returns for this row, which this process has claimed.

        `record` is called in the transaction in which the row is marked as sent. Return False if sending fails; the
        failure is logged and the row is retried later. If `build` returns None because there is no recipient, mark the
        row as dropped and return False. If the mail server refuses the recipient, or if this was the last attempt, call
        `report` with the reason and close the row.
        """
        try:
            with remember_versions():  # of the shop, which every message shows several times
                note_site_version(self)
                message = build(self)
            if message is None:
                self._close("dropped")
                return False
            message.send()
        except Exception as error:  # a mail server can fail in many ways
            self._fail(error, report)
            return False
        with transaction.atomic():
            is_closed = self._close("sent")
            if is_closed:
                record(self)
        return is_closed

    def _claim(self) -> bool:
        """Count this attempt. Return False if another process has claimed it or the row is already closed."""
        claimable = self._rows().filter(sent=None, dropped=None, attempts=self.attempts)
        return bool(claimable.update(attempts=F("attempts") + 1, tried_at=timezone.now()))

    def _fail(self, error: Exception, report: Report) -> None:
        """Log the error without its text, which can contain the recipient. Give up if it is final.

        The row is closed after the report. If this process dies in between, the next attempt reports it again.
        """
        reason = refusals.describe(error)
        logger.error("%s %s could not be sent: %s", self._meta.label, self.pk, reason)
        if refusals.is_final(error) or self.attempts + 1 >= MAX_ATTEMPTS:
            report(self, reason)
            self._close("dropped", refusal=reason)

    def _close(self, column: str, **values: str) -> bool:
        """Close the row. Return False if it is closed, or if it got another recipient in the meantime.

        A new recipient resets the attempts, and the message is sent again.
        """
        written = {column: timezone.now()} | values
        return bool(_closing(type(self), *written).run(written, row=self.pk))

    def _rows(self) -> models.QuerySet[Any]:
        return type(self)._default_manager.filter(pk=self.pk)


@cache
def _closing(model: type[OutboxMail], *columns: str) -> PreparedUpdate:
    """Return the update of a claimed row that is not closed."""
    return PreparedUpdate(
        lambda row: model._default_manager.filter(pk=row, sent=None, dropped=None, attempts__gt=0), *columns, row=int
    )
