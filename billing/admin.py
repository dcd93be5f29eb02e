"""Admin for billing."""

from django.contrib import admin

from billing.abuse import emails
from billing.models import CardAttempt, CardMail, StripeEvent
from core.admin import ReadOnlyAdmin
from core.admin.lists import FilledFilter
from core.emails.preview_admin import DeliveryFilter, EmailPreviewAdmin


@admin.register(CardAttempt)
class CardAttemptAdmin(ReadOnlyAdmin):
    """Card attempts of the last day and their results. Many declines from one IP address indicate card testing."""

    list_display = ["timestamp", "kind", "ok", "must_authenticate", "billing_profile", "card", "address"]
    list_filter = ["kind", "ok", "must_authenticate", "timestamp"]
    list_select_related = ["billing_profile", "card"]
    search_fields = ["billing_profile__email", "=address", "=session"]


@admin.register(CardMail)
class CardMailAdmin(EmailPreviewAdmin):
    """Read-only admin for emails about cards. Links are never stored, so staff cannot see them here."""

    preview_permissions = ["billing.view_cardmail"]
    build_row_preview = staticmethod(emails.build_preview)
    build_kind_preview = staticmethod(emails.build_sample_preview)
    list_display = ["to", "kind", "timestamp", "sent", "dropped", "refusal", "attempts", "used"]
    list_filter = ["kind", DeliveryFilter, "timestamp"]
    search_fields = ["to"]
    fields = [
        "to", "kind", "order_number", "timestamp", "sent", "dropped", "refusal", "attempts", "used", "tried_at",
        "language",
    ]  # fmt: skip


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    """Events that Stripe delivered, and whether they were processed."""

    list_display = ["stripe_id", "type", "object_id", "received", "processed"]
    list_filter = ["type", ("processed", FilledFilter), "received"]
    search_fields = ["stripe_id", "object_id"]
