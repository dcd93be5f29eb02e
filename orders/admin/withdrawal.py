"""Admin for withdrawals and the emails about them."""

from django.contrib import admin

from core.admin import ReadOnlyAdmin
from orders.models import OrderLinkMail, Withdrawal, WithdrawalMail


@admin.register(Withdrawal)
class WithdrawalAdmin(ReadOnlyAdmin):
    """Declarations of withdrawal, newest first."""

    list_display = ["number", "order", "order_number", "is_whole_order", "declared_at", "closed_at"]
    list_select_related = ["order"]
    search_fields = ["number", "order__order_id", "order_number", "email"]


@admin.register(WithdrawalMail)
class WithdrawalMailAdmin(ReadOnlyAdmin):
    """Receipts and notices for staff, newest first."""

    list_display = ["withdrawal", "kind", "to", "attempts", "sent", "refusal"]
    list_filter = ["kind"]
    list_select_related = ["withdrawal"]
    search_fields = ["to", "withdrawal__number"]


@admin.register(OrderLinkMail)
class OrderLinkMailAdmin(ReadOnlyAdmin):
    """Requests for links to orders, newest first."""

    list_display = ["order_number", "to", "attempts", "sent", "refusal", "timestamp"]
    search_fields = ["to", "order_number"]
