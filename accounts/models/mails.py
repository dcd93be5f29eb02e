"""Emails about accounts."""

from typing import Any, ClassVar

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.email_addresses import ERASED_DOMAIN, canonical_email, erased_email
from accounts.models.tries import DAY, HOUR
from accounts.models.users import User
from core.database.locks import lock_until_commit
from core.emails.outbox import OutboxMail, OutboxQuerySet, queued


class AccountMailQuerySet(OutboxQuerySet):
    """Queryset that queues account emails within limits and erases their email addresses."""

    RECIPIENT_LIMIT = 5  # per kind and hour, so that the shop cannot be used to flood a mailbox
    CLIENT_LIMIT = 20  # per hour

    def notify(self, kind: str, to: str, user: User | None = None) -> None:
        """Queue a notice for the owner of an account, in their language, unless the mailbox has had enough of them.

        The limit per client does not apply: an attacker could exhaust it before the change that the notice is about.
        """
        self._queue(AccountMail(kind=kind, to=canonical_email(to), user=user))

    def queue(self, kind: str, to: str, client: str, user: User | None) -> None:
        """Queue an email unless a limit is reached. The work is the same for any email address.

        The limits are checked after the row is written. Concurrent requests under the same limit write theirs one after
        the other, so that they cannot exceed it.
        """
        mail = AccountMail(kind=kind, to=canonical_email(to), client=client, user=user, language=get_language() or "")
        with transaction.atomic():
            lock_until_commit(f"{kind} to {mail.to}", f"account emails of {client}")
            self._queue(mail)

    def _queue(self, mail: "AccountMail") -> None:
        mail.save()
        if self.exceeds_limit(mail):
            mail.delete()
        else:
            queued.send(AccountMail)

    def exceeds_limit(self, mail: "AccountMail") -> bool:
        """Check whether earlier emails already reach the limit of the recipient or the client.

        Notices have no client. Those about wrong passwords and codes are limited to one a day.
        """
        is_daily = mail.kind in (AccountMail.Kind.GUESSING, AccountMail.Kind.CODES)
        limit, time = (1, DAY) if is_daily else (self.RECIPIENT_LIMIT, HOUR)
        earlier = self.filter(timestamp__gt=timezone.now() - time, pk__lt=mail.pk)
        of_address = earlier.filter(kind=mail.kind, to__in=[mail.to, erased_email(mail.to)]).count()
        of_client = earlier.filter(client=mail.client).count() if mail.client else 0
        return of_address >= limit or of_client >= self.CLIENT_LIMIT

    def erase(self) -> None:
        """Erase the recipients of these emails and drop the unsent ones.

        The limits still count these rows until they are deleted.
        """
        rows = AccountMail.objects.filter(pk__in=list(self.values_list("pk", flat=True)))
        rows.filter(sent=None, dropped=None).update(dropped=timezone.now())
        for to in set(rows.values_list("to", flat=True)):
            erased = to if to.endswith(ERASED_DOMAIN) else erased_email(to)
            rows.filter(to=to).update(user=None, to=erased)


class AccountMail(OutboxMail):
    """An email about an account. Its link is created when the email is sent and is never stored."""

    class Kind(models.TextChoices):
        RESET = "reset", _("New password")
        VERIFY = "verify", _("Verify email")
        CLAIM = "claim", _("Earlier orders")
        CHANGED = "changed", _("Email changed")
        PASSWORD = "password", _("Password changed")
        GUESSING = "guessing", _("Wrong passwords")
        SIGN_IN = "sign_in", _("Sign-in of staff")
        FACTOR_ON = "factor_on", _("Second factor on")
        FACTOR_OFF = "factor_off", _("Second factor off")
        RESET_FACTOR = "no_factor", _("Second factor reset")
        CODES = "codes", _("Wrong codes")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    user = models.ForeignKey(
        User, models.CASCADE, null=True, related_name="mails", verbose_name=_("user"),
        help_text=_("The user who requested it while logged in. Otherwise the account is looked up on sending."),
    )  # fmt: skip
    client = models.CharField(max_length=64, blank=True, editable=False)
    language = models.CharField(_("language"), max_length=12, blank=True, help_text=_("Empty: that of the user."))
    used = models.DateTimeField(_("link used"), null=True, blank=True)

    objects: ClassVar[Any] = AccountMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("account email")
        verbose_name_plural = _("account emails")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["to", "timestamp"], name="account_mail_of_address"),
            models.Index(fields=["client", "timestamp"], name="account_mail_of_client"),
            models.Index(fields=["timestamp"], name="account_mail_by_age"),
            models.Index(fields=["attempts"], condition=models.Q(sent=None, dropped=None), name="account_mail_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.to}"

    def mark_used(self) -> bool:
        """Mark the link as used. Return False if it was used already."""
        return bool(AccountMail.objects.filter(pk=self.pk, used=None).update(used=timezone.now()))
