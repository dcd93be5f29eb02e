"""Admin for orders. Amounts are read-only."""

from itertools import groupby
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyAdmin
from orders.admin.actions.batch_shipping import BatchShippingMixin
from orders.admin.actions.corrections import CorrectionsMixin
from orders.admin.actions.list_actions import ListActionsMixin
from orders.admin.actions.notes import NotesMixin
from orders.admin.actions.refunding import RefundMixin
from orders.admin.actions.resending import ResendMixin
from orders.admin.actions.slips import SlipsMixin
from orders.admin.erasure import ErasePersonMixin
from orders.admin.export import ExportMixin
from orders.admin.order_list import OrderListMixin
from orders.admin.order_page.inlines import (
    CorrectionInline,
    DisputeInline,
    FoldedEventInline,
    MilestoneInline,
    NoteInline,
    OrderEventInline,
    OrderItemInline,
    PaymentInline,
    ShipmentInline,
    WithdrawalInline,
)
from orders.models import Order
from orders.models.columns import FROM_QUOTE
from orders.workflow.erasure import Person, person_of_order


def _amount_rows() -> list[str | tuple[str, ...]]:
    """Return the amount fields. Fields whose names start with the same word share a row of the page."""
    names = [name for name in FROM_QUOTE if name != "discount"]
    rows = [tuple(row) for _word, row in groupby(names, key=lambda name: name.partition("_")[0])]
    return [row[0] if len(row) == 1 else row for row in rows]


@admin.register(Order)
class OrderAdmin(
    ErasePersonMixin, ExportMixin, CorrectionsMixin, ResendMixin, NotesMixin, BatchShippingMixin, SlipsMixin,
    RefundMixin, ListActionsMixin, OrderListMixin, ReadOnlyAdmin,
):  # fmt: skip
    """Placed orders. Staff cannot edit them, only run actions on them."""

    change_form_template = "orders/admin/order.html"
    view_on_site = False  # Only the shopper can open the order's page.
    inlines = [
        NoteInline, OrderItemInline, ShipmentInline, PaymentInline, DisputeInline, WithdrawalInline, CorrectionInline,
        OrderEventInline,
    ]  # fmt: skip
    actions = [
        "print_slips", "print_notes", "ship_orders", "cancel_unpaid", "cancel_missing_intent", "settle",
        "acknowledge_alerts", "revoke_links",
    ]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["order_id", "status", "attention", "email", "language"]}),
        (gettext_lazy("Payment"), {"fields": ["placed_at", "holds_stock", "paid_at"]}),
        (gettext_lazy("Shipment"), {"fields": ["shipped_at"]}),
        (gettext_lazy("Amounts"), {"fields": [*_amount_rows(), "amount_refunded", "amount_lost"]}),
        (gettext_lazy("Addresses"), {"fields": ["shipping_address_text", "billing_address_text"]}),
        (gettext_lazy("Agreed texts"), {"fields": ["terms_text", "privacy_text", "withdrawal_text"]}),
        ("Stripe", {"fields": ["payment_intent_id", "billing_profile", "account"]}),
    ]

    def get_person(self, obj: Order) -> Person | None:
        """Return the account or the guest who placed the order."""
        return person_of_order(obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        """Return placed orders only. Open orders are shown as carts."""
        return super().get_queryset(request).exclude(status=Order.Status.OPEN)

    def get_inlines(self, request: HttpRequest, obj: Order | None) -> list[Any]:
        """Fold the steps in the history as soon as the order is paid or canceled, as on the order's page."""
        if obj is None or obj.is_unpaid:
            return self.inlines
        others = [inline for inline in self.inlines if inline is not OrderEventInline]
        return [*others, MilestoneInline, FoldedEventInline]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the order, with links to ship and refund it for staff who have the permissions."""
        permissions = {"can_refund": self.has_refund_permission(request), "can_ship": self.has_ship_permission(request)}
        return super().change_view(request, object_id, form_url, permissions | (extra_context or {}))
