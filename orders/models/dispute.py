"""Disputes of charges, and the inquiries that can precede them."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.models import GuardedModel
from core.money import format_money
from orders.models import columns
from orders.models.columns import MONEY

INQUIRY_PREFIX = "warning_"


class DisputeStatus(models.TextChoices):
    """Stripe's statuses. Rows can also have a status that Stripe adds later; it counts as open."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response", _("Inquiry: needs a response")
    WARNING_UNDER_REVIEW = "warning_under_review", _("Inquiry: under review")
    WARNING_CLOSED = "warning_closed", _("Inquiry closed")
    NEEDS_RESPONSE = "needs_response", _("Needs a response")
    UNDER_REVIEW = "under_review", _("Under review")
    APPEAL_NEEDS_RESPONSE = "appeal_needs_response", _("Appeal: needs a response")
    APPEAL_UNDER_REVIEW = "appeal_under_review", _("Appeal: under review")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")
    PREVENTED = "prevented", _("Prevented")


# Stripe has decided these. Every other status is open.
CLOSED_STATES = (DisputeStatus.WARNING_CLOSED, DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.PREVENTED)
NEEDS_RESPONSE = Q(status__endswith="needs_response")
INQUIRY = Q(status__startswith=INQUIRY_PREFIX)


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def open(self) -> Self:
        """Return the disputes and inquiries that are not decided."""
        return self.exclude(status__in=CLOSED_STATES)

    def decided(self) -> Self:
        """Return the disputes and inquiries that Stripe has decided."""
        return self.filter(status__in=CLOSED_STATES)

    def blocking_refunds(self) -> Self:
        """Return the disputes during which Stripe rejects refunds of the charge. Inquiries are not among them."""
        return self.open().exclude(INQUIRY)

    def lost(self) -> Self:
        """Return the disputes whose money went back to the cardholder."""
        return self.filter(is_lost=True)


class Dispute(GuardedModel):
    """A cardholder's dispute of a charge, or an inquiry about it, as last fetched from Stripe."""

    Status = DisputeStatus
    CLOSED = CLOSED_STATES
    columns = columns.DISPUTE

    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="disputes", verbose_name=_("order"))
    stripe_id = models.CharField(_("Stripe dispute"), max_length=120, unique=True)
    amount = models.DecimalField(_("amount"), **MONEY)
    currency = models.CharField(_("currency"), max_length=3)
    reason = models.CharField(_("reason"), max_length=80, blank=True)
    status = models.CharField(_("dispute status"), max_length=40, choices=Status)
    is_lost = models.BooleanField(
        _("money lost"), default=False, help_text=_("The disputed amount went back to the cardholder.")
    )
    due = models.DateTimeField(_("respond by"), null=True, blank=True)
    opened = models.DateTimeField(_("opened"))
    closed = models.DateTimeField(_("closed"), null=True, blank=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        ordering = ["pk"]
        indexes = [
            models.Index(
                fields=["order"],
                condition=~Q(status__in=[status.value for status in CLOSED_STATES]),
                name="dispute_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.stripe_id} ({format_money(self.amount, self.currency)})"

    @property
    def is_closed(self) -> bool:
        return self.status in self.CLOSED

    @property
    def is_inquiry(self) -> bool:
        """Whether the bank only asks about the charge. Nothing was withdrawn, and refunds are possible."""
        return self.status.startswith(INQUIRY_PREFIX)

    @property
    def display_reason(self) -> str:
        """Stripe's name of the reason, such as "product not received"."""
        return self.reason.replace("_", " ")
