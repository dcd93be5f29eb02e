"""Admin for emails about orders."""

from django.contrib import admin

from core.emails.preview_admin import DeliveryFilter, EmailPreviewAdmin
from orders.emails import previews
from orders.models import Mail


@admin.register(Mail)
class MailAdmin(EmailPreviewAdmin):
    """Sent and waiting email messages, with previews of each row and of each kind for the latest order."""

    preview_permissions = ["orders.view_mail", "orders.view_order"]
    build_row_preview = staticmethod(previews.preview)
    build_kind_preview = staticmethod(previews.preview_kind)

    list_display = ["order", "kind", "to", "attempts", "sent", "refusal"]
    list_filter = ["kind", DeliveryFilter]
    list_select_related = ["order"]
    ordering = ["-timestamp", "-pk"]
    search_fields = ["to", "order__order_id"]
