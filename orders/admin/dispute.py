"""Admin for disputes. Stripe decides them, and staff respond in the Stripe Dashboard."""

from django.contrib import admin

from core.admin import ReadOnlyAdmin
from orders.models import Dispute


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    """Disputes and inquiries with their deadlines, newest first."""

    list_display = ["order", "status", "amount", "currency", "reason", "due", "opened"]
    list_filter = ["status", "is_lost", "due"]
    list_select_related = ["order"]
    ordering = ["-opened"]
    search_fields = ["stripe_id", "order__order_id"]
