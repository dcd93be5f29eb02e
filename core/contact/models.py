"""Messages that visitors wrote to the shop."""

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.locks import lock_until_commit
from core.emails.outbox import OutboxMail, OutboxQuerySet, queued

HOUR = timedelta(hours=1)
MAX_MESSAGE = 4000  # characters


class ContactMailQuerySet(OutboxQuerySet):
    CLIENT_LIMIT = 10  # messages per hour from one IP address, which an office can share

    def queue(self, mail: "ContactMail") -> bool:
        """Queue a message. Return False if there are too many from this client.

        The same message sent twice within an hour is one row. Both are checked after the row is written. Concurrent
        requests of a client write theirs one after the other, so that they cannot exceed the limit.
        """
        with transaction.atomic():
            lock_until_commit(f"messages of {mail.client}")
            mail.save()
        earlier = self.filter(client=mail.client, timestamp__gt=timezone.now() - HOUR, pk__lt=mail.pk)
        is_sent_twice = earlier.filter(**{name: getattr(mail, name) for name in ContactMail.TYPED}).exists()
        is_allowed = is_sent_twice or earlier.count() < self.CLIENT_LIMIT
        if is_sent_twice or not is_allowed:
            mail.delete()
        else:
            queued.send(ContactMail)
        return is_allowed

    def old(self) -> Self:
        """Return the messages that nobody needs here any more: those that were sent, and those that could not be."""
        now = timezone.now()
        done = Q(timestamp__lt=now - ContactMail.KEPT_FOR) & ~Q(sent=None)
        return self.filter(done | Q(timestamp__lt=now - ContactMail.UNSENT_KEPT_FOR))


class ContactMail(OutboxMail):
    """A message to the shop. The answer goes to `sender`, an email address that nobody has verified."""

    TYPED = ("name", "sender", "order_number", "message")
    KEPT_FOR = timedelta(days=1)  # the shop has its email; the limit counts the row for an hour
    UNSENT_KEPT_FOR = timedelta(days=30)

    name = models.CharField(_("name"), max_length=80)
    sender = models.EmailField(_("email"))
    order_number = models.CharField(_("order number"), max_length=40, blank=True)
    message = models.TextField(_("message text"), max_length=MAX_MESSAGE)
    language = models.CharField(_("language"), max_length=12, blank=True)
    client = models.CharField(max_length=64, blank=True, editable=False)  # a keyed hash, see core.http.client_key

    objects: ClassVar[Any] = ContactMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("message to the shop")
        verbose_name_plural = _("messages to the shop")
        ordering = ["-pk"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["client", "timestamp"], name="contact_mail_of_client"),
            models.Index(fields=["timestamp"], name="contact_mail_by_age"),
            models.Index(fields=["attempts"], condition=Q(sent=None, dropped=None), name="contact_mail_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.timestamp:%Y-%m-%d %H:%M}"
