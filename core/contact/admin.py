"""Admin for messages to the shop."""

from core.admin import ReadOnlyAdmin
from core.emails.preview_admin import DeliveryFilter


class ContactMailAdmin(ReadOnlyAdmin):
    """Read-only admin for messages to the shop. Rows that were sent are deleted after a day."""

    list_display = ["timestamp", "name", "sender", "order_number", "sent", "dropped", "refusal", "attempts"]
    list_filter = [DeliveryFilter, "timestamp"]
    search_fields = ["name", "sender", "order_number"]
    fields = [
        "timestamp", "name", "sender", "order_number", "message", "language", "to", "sent", "dropped", "refusal",
        "attempts", "tried_at",
    ]  # fmt: skip
