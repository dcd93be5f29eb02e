"""The rows of other models on the page of an order."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyInline
from orders.admin.shipment import contents, tracking_link
from orders.models import Correction, Dispute, OrderEvent, OrderItem, OrderNote, Payment, Shipment, Withdrawal


class OrderItemInline(ReadOnlyInline):
    """The lines of an order, as they were sold."""

    model = OrderItem
    fields = [name for name in OrderItem.columns.frozen if name not in ("order", "product")]


class PaymentInline(ReadOnlyInline):
    """The payment attempts of an order."""

    model = Payment
    fields = ["number", "card", "amount", "currency", "status", "code", "decline_code", "timestamp"]


class ShipmentInline(ReadOnlyInline):
    """The shipments of an order."""

    model = Shipment
    fields: ClassVar[Any] = [
        contents,
        tracking_link,
        "carrier",
        "shipped_at",
        "delivered_at",
        "by",
    ]  # the heading has its number
    show_change_link = True


class DisputeInline(ReadOnlyInline):
    """The disputes of an order's charge and the inquiries about it."""

    model = Dispute
    fields = ["status", "reason", "due", "opened", "closed"]  # the heading of a row has its id and amount


class WithdrawalInline(ReadOnlyInline):
    """The withdrawals from an order."""

    model = Withdrawal
    fields = ["is_whole_order", "items", "declared_at", "arrived_at", "closed_at"]  # the heading has its number
    show_change_link = True


class NoteInline(ReadOnlyInline):
    """The notes of staff about an order, newest first."""

    model = OrderNote
    fields = ["text", "by", "at"]


class CorrectionInline(ReadOnlyInline):
    """What staff corrected about an order, newest first."""

    model = Correction
    fields = ["old", "new", "by", "at"]  # the heading of a row has its kind


class OrderEventInline(ReadOnlyInline):
    """The history of an order, oldest event first."""

    model = OrderEvent
    fields = ["at", "kind", "text", "by"]


class MilestoneInline(OrderEventInline):
    """The milestones in the history of an order."""

    verbose_name_plural = gettext_lazy("order history")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderEvent]:
        """Return the events that stay visible."""
        return super().get_queryset(request).filter(kind__in=OrderEvent.MILESTONES)


class FoldedEventInline(OrderEventInline):
    """The whole history of an order, folded."""

    verbose_name_plural = gettext_lazy("all order events")
    classes = ["collapse"]
