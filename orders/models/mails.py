"""Email messages that are not about an order that the shop has looked up: receipts, and links to orders."""

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.email_addresses import same_email
from accounts.models import HOUR
from core.emails.outbox import OutboxMail, OutboxQuerySet
from orders.models.withdrawal import MAX_ORDER_NUMBER, Withdrawal


class WithdrawalMailQuerySet(OutboxQuerySet):
    def receipts(self) -> Self:
        return self.filter(kind=WithdrawalMail.Kind.RECEIPT)

    def is_at_limit(self, email: str, ip: str) -> bool:
        """Return whether this mailbox or IP address got as many receipts in the last hour as it may."""
        recent = self.receipts().filter(timestamp__gt=timezone.now() - HOUR, copy=0)  # staff send the copies
        to_mailbox = recent.filter(same_email("to", email)).count()
        from_ip = recent.filter(withdrawal__ip=ip).count()
        return to_mailbox >= WithdrawalMail.MAILBOX_LIMIT or from_ip >= WithdrawalMail.IP_LIMIT


class WithdrawalMail(OutboxMail):
    """An email message about a withdrawal: the receipt for the shopper, or a notice for staff.

    A withdrawal without a row for its receipt was declared above the limits, so no receipt was sent.
    """

    class Kind(models.TextChoices):
        RECEIPT = "receipt", _("Receipt of a withdrawal")
        STAFF = "staff", _("For staff: new withdrawal")

    MAILBOX_LIMIT, IP_LIMIT = 3, 10  # receipts an hour

    withdrawal = models.ForeignKey(Withdrawal, models.CASCADE, related_name="mails", verbose_name=_("withdrawal"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    copy = models.PositiveSmallIntegerField(
        _("copy"), default=0, db_default=0, help_text=_("0 is the first one; others were sent again.")
    )

    objects: ClassVar[Any] = WithdrawalMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("email about a withdrawal")
        verbose_name_plural = _("emails about withdrawals")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["withdrawal", "kind", "copy"], name="withdrawal_mail_once"),
        ]
        indexes = [
            models.Index(fields=["timestamp"], name="withdrawal_mail_by_age"),
            models.Index(fields=["attempts"], condition=Q(sent=None, dropped=None), name="withdrawal_mail_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.to}"


class OrderLinkMailQuerySet(OutboxQuerySet):
    def exceeds_limit(self, mail: "OrderLinkMail") -> bool:
        """Check whether earlier requests already reach the limit of the client."""
        return self._of_last_hour(mail).filter(client=mail.client).count() >= OrderLinkMail.IP_LIMIT

    def is_mailbox_full(self, mail: "OrderLinkMail") -> bool:
        """Check whether as many links were sent to this mailbox as it gets.

        Requests that name no order do not count, so that nobody can use up the limit of somebody else.
        """
        sent = self._of_last_hour(mail).filter(same_email("to", mail.to), dropped=None, attempts__gt=0)
        return sent.count() >= OrderLinkMail.MAILBOX_LIMIT

    def _of_last_hour(self, mail: "OrderLinkMail") -> Self:
        return self.filter(timestamp__gt=timezone.now() - HOUR, pk__lt=mail.pk)

    def old(self) -> Any:
        """Return the messages that no limit counts any more, sent or not."""
        return self.filter(timestamp__lt=timezone.now() - OrderLinkMail.KEPT_FOR)


class OrderLinkMail(OutboxMail):
    """A request for a link to an order. The order is looked up when the message is sent, so the page tells nothing."""

    MAILBOX_LIMIT, IP_LIMIT = 5, 20  # links an hour
    SENT_WITHIN = timedelta(days=1)
    KEPT_FOR = timedelta(days=2)

    order_number = models.CharField(_("order number as entered"), max_length=MAX_ORDER_NUMBER)
    client = models.CharField(max_length=64, editable=False)
    language = models.CharField(_("language"), max_length=12)

    objects: ClassVar[Any] = OrderLinkMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("email with a link to an order")
        verbose_name_plural = _("emails with links to orders")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["to", "timestamp"], name="order_link_mail_of_address"),
            models.Index(fields=["client", "timestamp"], name="order_link_mail_of_client"),
            models.Index(fields=["timestamp"], name="order_link_mail_by_age"),
            models.Index(fields=["attempts"], condition=Q(sent=None, dropped=None), name="order_link_mail_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.order_number}: {self.to}"
