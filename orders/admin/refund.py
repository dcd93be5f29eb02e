"""Admin for refunds."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import answers
from core.admin import Plan, ReadOnlyAdmin, confirmed_action, record_action
from orders.models import Refund
from orders.workflow import refunds


def _retry_obstacle(row: Refund) -> str:
    """Return why the refund is not requested again."""
    can_retry = row.is_mismatch and row.status == Refund.Status.FAILED
    return "" if can_retry else _("Only a failed mismatch refund can be retried.")


RETRY = Plan(
    effect=gettext_lazy("Stripe is asked again to refund these charges, which belong to no order."),
    obstacle=_retry_obstacle,
    detail=lambda row: str(row.payment.order),
)


class UnresolvedFilter(admin.SimpleListFilter):
    """Filter for the failed refunds that staff have to deal with."""

    title = gettext_lazy("to do")
    parameter_name = "todo"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("failed", _("Failed and not dealt with"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:
        return queryset & Refund.objects.unresolved() if self.value() == "failed" else queryset


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """Finished, pending and failed refunds."""

    list_display = ["payment", "money", "state", "reason", "by", "timestamp"]
    list_filter = [UnresolvedFilter, "status", "is_mismatch", "timestamp"]
    list_select_related = ["payment__order"]
    ordering = ["-timestamp", "-pk"]
    search_fields = ["payment__order__order_id", "stripe_id"]
    actions = ["retry_mismatch_refund"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def money(self, row: Refund) -> str:
        return str(row)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, row: Refund) -> str:
        """Return the status, and whether the charge belonged to no order."""
        texts = [str(row.get_status_display()), _("mismatch refund") if row.is_mismatch else ""]
        return ", ".join(filter(None, texts))

    def has_refund_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.refund_order")

    @confirmed_action(gettext_lazy("Retry failed mismatch refunds"), ["refund"], RETRY)
    def retry_mismatch_refund(self, request: HttpRequest, rows: list[Refund]) -> None:
        for row in rows:
            try:
                is_requested = refunds.retry_mismatch_refund(row, by=request.user.get_username())
            except answers.GatewayError:
                is_requested = True  # reconcile requests it again.
            row.refresh_from_db()
            if is_requested:
                record_action(
                    request,
                    [row, row.payment.order],
                    gettext_lazy("Retry of the refund requested: %(amount)s."),
                    amount=row,
                )
            text = (
                row.get_status_display()
                if is_requested
                else _("nothing to retry: only a failed mismatch refund can be retried.")
            )
            messages.info(request, f"{row.payment.order}, {row}: {text}")
