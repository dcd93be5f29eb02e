"""Admin for disputes. Stripe decides them, and staff respond in the Stripe Dashboard."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyAdmin
from core.money import format_money
from orders.models import Dispute


class OpenFilter(admin.SimpleListFilter):
    """Filter for disputes that Stripe has not decided, and for those that it has."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", _("Open")), ("closed", _("Closed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Dispute]) -> QuerySet[Dispute]:
        found = {"open": Dispute.objects.open(), "closed": Dispute.objects.decided()}.get(self.value() or "")
        return queryset if found is None else queryset & found


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    """Disputes and inquiries with their deadlines, newest first."""

    list_display = ["order", "status", "money", "display_reason", "due", "opened"]
    list_filter = [OpenFilter, "status", "is_lost", "due"]
    list_select_related = ["order"]
    ordering = ["-opened"]
    search_fields = ["stripe_id", "order__order_id"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def money(self, row: Dispute) -> str:
        return format_money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("reason"), ordering="reason")
    def display_reason(self, row: Dispute) -> str:
        return row.display_reason
