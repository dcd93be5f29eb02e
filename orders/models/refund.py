"""Refunds of payments."""

import uuid
from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.models import GuardedModel
from core.money import format_money
from orders.models import columns
from orders.models.columns import MONEY
from orders.models.dispute import Dispute
from orders.models.payment import Payment
from orders.models.withdrawal import Withdrawal


class RefundQuerySet(models.QuerySet["Refund"]):
    def owed(self) -> Self:
        """Return the failed mismatch refunds whose money is still owed.

        Nothing is owed if the cardholder got the money back through a lost dispute.
        """
        lost = Dispute.objects.lost().filter(
            order=OuterRef("payment__order"), currency=OuterRef("currency"), amount__gte=OuterRef("amount")
        )
        return self.filter(~Exists(lost), is_mismatch=True, status=self.model.Status.FAILED)

    def unresolved(self) -> Self:
        """Return the failed refunds that staff have to deal with.

        These are mismatch refunds that are still owed, and refunds of orders whose alert is not acknowledged.
        """
        is_owed = Q(pk__in=self.model.objects.owed().values("pk"))
        return self.filter(is_owed | ~Q(payment__order__attention=""), status=self.model.Status.FAILED)

    def of_revenue(self) -> Self:
        """Return the refunds that reduce the revenue: those that did not fail and are of charges for an order."""
        return self.filter(is_mismatch=False).exclude(status=self.model.Status.FAILED)


class Refund(GuardedModel):
    """A full or partial refund of a payment."""

    class Status(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        PENDING = "pending", _("On its way")
        DONE = "done", _("Refunded")
        FAILED = "failed", _("Failed")

    OPEN = (Status.REQUESTED, Status.PENDING)
    columns = columns.REFUND

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds", verbose_name=_("payment"))
    amount = models.DecimalField(_("amount"), **MONEY)
    currency = models.CharField(_("currency"), max_length=3)
    delivery = models.DecimalField(
        _("refunded delivery"),
        **MONEY,
        default=Decimal(0),
        db_default=Decimal(0),
        help_text=_("The part of the amount that returns the price of delivery."),
    )
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    stripe_id = models.CharField(_("Stripe refund"), max_length=120, null=True, blank=True, unique=True)
    reason = models.CharField(_("reason"), max_length=120, blank=True)
    units = models.JSONField(
        _("refunded units"), default=dict, db_default={}, blank=True, help_text=_("Units by the ID of the order line.")
    )
    # Without an index, because refunds are found by their payment.
    withdrawal = models.ForeignKey(
        Withdrawal,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="refunds",
        db_index=False,
        verbose_name=_("withdrawal"),
    )
    restock = models.JSONField(
        _("return to stock"), default=dict, blank=True, help_text=_("Units by the ID of the order line.")
    )
    is_restocked = models.BooleanField(_("returned to stock"), default=False)
    is_mismatch = models.BooleanField(
        _("mismatch refund"), default=False, help_text=_("The refunded charge does not count towards the order.")
    )
    asked_at = models.DateTimeField(_("requested from Stripe"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.REQUESTED)
    message = models.CharField(_("message"), max_length=250, blank=True)
    by = models.CharField(_("by"), max_length=254, blank=True)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["timestamp"], name="refund_by_time"),
            models.Index(fields=["payment"], condition=Q(status="failed"), name="refund_failed"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
            models.UniqueConstraint(fields=["payment"], condition=Q(is_mismatch=True), name="refund_one_of_a_mismatch"),
        ]

    def __str__(self) -> str:
        return format_money(self.amount, self.currency)
