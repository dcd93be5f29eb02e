"""Attempts to pay an order."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models import Card
from core.models import GuardedModel
from orders.models import columns
from orders.models.columns import MONEY


class PaymentStatus(models.TextChoices):
    NEW = "new", _("Being checked")
    REQUIRES_ACTION = "requires_action", _("Awaiting bank confirmation")
    PROCESSING = "processing", _("Being processed")
    SUCCEEDED = "succeeded", _("Paid")
    FAILED = "failed", _("Failed")
    CANCELED = "canceled", _("Cancelled")


# An attempt in one of these states can still succeed. The database allows an order one such attempt.
OPEN_STATES = (PaymentStatus.NEW, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING)


class PaymentQuerySet(models.QuerySet["Payment"]):
    def succeeded(self) -> Self:
        """Return the attempts that charged the card, also if the charge did not match its order and is refunded."""
        return self.filter(status=PaymentStatus.SUCCEEDED)


class Payment(GuardedModel):
    """One payment attempt (a click on Pay) and its outcome."""

    Status = PaymentStatus
    OPEN = OPEN_STATES
    columns = columns.PAYMENT

    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="payments", verbose_name=_("order"))
    number = models.PositiveSmallIntegerField(_("attempt"))
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    card = models.ForeignKey(Card, models.SET_NULL, null=True, related_name="payments", verbose_name=_("card"))
    stripe_pm = models.CharField(_("Stripe card"), max_length=120)
    amount = models.DecimalField(_("amount"), **MONEY)
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.NEW)
    code = models.CharField(_("code"), max_length=80, blank=True)
    decline_code = models.CharField(_("decline code"), max_length=80, blank=True)
    message = models.CharField(_("message"), max_length=250, blank=True)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["order", "number"], name="payment_number_once_an_order"),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(status__in=[status.value for status in OPEN_STATES]),
                name="payment_one_open_an_order",
            ),
            models.UniqueConstraint(
                fields=["order"], condition=Q(status="succeeded"), name="payment_one_succeeded_an_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} #{self.number}"
