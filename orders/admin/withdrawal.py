"""Admin for withdrawals and the emails about them."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyAdmin, record_action
from core.emails.preview_admin import DeliveryFilter
from core.times import format_date
from orders.admin.withdrawal_lists import StateFilter, has_receipt, states
from orders.emails.withdrawals import send_receipt
from orders.models import Order, OrderLinkMail, Withdrawal, WithdrawalMail
from orders.withdrawal_forms import AssignForm, OrderSearchForm
from orders.workflow.withdrawals import handling
from orders.workflow.withdrawals.due import due_on

CHANGED = gettext_lazy("Somebody else changed this withdrawal in the meantime. Nothing was changed.")


@admin.register(Withdrawal)
class WithdrawalAdmin(ReadOnlyAdmin):
    """Declarations of withdrawal: open ones first, the oldest at the top. Staff assign, refund and close them."""

    list_display = ["number", "state", "due", "order_text", "declared_at"]
    list_filter = [StateFilter, "declared_at"]
    list_select_related = ["order"]
    search_fields = ["number", "order__order_id", "order_number", "email"]
    change_form_template = "orders/admin/withdrawal.html"
    fieldsets = [
        (None, {"fields": ["number", "state", "due", "declared_at"]}),
        (
            gettext_lazy("As declared"),
            {"fields": ["name", "email", "order_number", "is_whole_order", "items", "is_from_order_page", "language"]},
        ),
        (gettext_lazy("Assigned"), {"fields": ["order", "lines", "assigned_by", "assigned_at"]}),
        (gettext_lazy("Answer"), {"fields": ["arrived_at", "closed_at", "closed_by"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Withdrawal]:
        """Return the rows with what their states are made of."""
        return super().get_queryset(request).prefetch_related("mails", "order__items")

    def get_ordering(self, request: HttpRequest) -> Any:
        """Put open withdrawals first, the oldest at the top, and then those that were closed last."""
        return [F("closed_at").desc(nulls_first=True), "declared_at"]

    @admin.display(description=gettext_lazy("order"), ordering="order_number")
    def order_text(self, withdrawal: Withdrawal) -> str:
        """Return the number of the order, or what the shopper entered while no order is assigned."""
        return str(withdrawal.order or withdrawal.order_number)

    @admin.display(description=gettext_lazy("refund by"))
    def due(self, withdrawal: Withdrawal) -> str:
        due = None if withdrawal.closed_at else due_on(withdrawal)
        return format_date(due) if due else "–"

    @admin.display(description=gettext_lazy("state"))
    def state(self, withdrawal: Withdrawal) -> str:
        return ", ".join(states(withdrawal)) or _("Open")

    @admin.display(description=gettext_lazy("units"))
    def lines(self, withdrawal: Withdrawal) -> str:
        items = withdrawal.order.items.all() if withdrawal.order else []
        units = {item: withdrawal.units.get(str(item.pk)) for item in items}
        return ", ".join(f"{number} × {item.title}" for item, number in units.items() if number) or "–"

    def has_handle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_withdrawal") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the page for assigning, and the steps that are one button each."""
        own = self.admin_site.admin_view
        steps = {"arrived": self._arrive, "receipt": self._send_receipt, "close": self._close}
        return [
            path("<int:pk>/assign/", own(self.assign_view), name="orders_withdrawal_assign"),
            *(
                path(f"<int:pk>/{name}/", own(self._step_view(step)), name=f"orders_withdrawal_{name}")
                for name, step in steps.items()
            ),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the withdrawal, with the steps that are possible for staff who have the permissions."""
        row = self.get_queryset(request).filter(pk=object_id).first() if object_id.isdecimal() else None
        context = extra_context or {}
        if row and self.has_handle_permission(request):
            context = self._steps(request, row) | context
        return super().change_view(request, object_id, form_url, context)

    def _steps(self, request: HttpRequest, row: Withdrawal) -> dict[str, bool]:
        is_open = row.closed_at is None
        return {
            "can_assign": is_open and not row.is_from_order_page and not row.refunds.exists(),
            "can_refund": is_open and self._is_refundable(row) and request.user.has_perm("orders.refund_order"),
            "can_arrive": is_open and row.arrived_at is None,
            "can_send": not row.is_erased and not has_receipt(row),
            "can_close": is_open,
        }

    def _is_refundable(self, row: Withdrawal) -> bool:
        return row.order is not None and row.order.status in (Order.Status.PAID, Order.Status.SHIPPED)

    def assign_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Find the order of the withdrawal, then assign its items to lines."""
        row = self._row_to_handle(request, pk)
        search = OrderSearchForm(request.GET if "order" in request.GET else None, initial={"order": row.order_number})
        order: Order | None = row.order if row.order and "order" not in request.GET else None
        if order is None and search.is_valid():
            order = search.cleaned_data["order"]
        form = AssignForm(request.POST or None, withdrawal=row, order=order) if order else None
        if request.method == "POST" and form and form.is_valid():
            is_done = handling.assign(row, form.assignment(by=request.user.get_username()))
            return self._finish(request, row, is_done, gettext_lazy("Assigned to order %(order)s."), order=order)
        context = {**self.admin_site.each_context(request), "withdrawal": row, "opts": self.opts, "search": search}
        context |= {"form": form, "order": order, "title": _("Assign the withdrawal")}
        return render(request, "orders/admin/assign.html", context)

    def _step_view(self, step: Callable[[HttpRequest, Withdrawal], HttpResponse]) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            row = self._row_to_handle(request, pk)
            return step(request, row) if request.method == "POST" else HttpResponseNotAllowed(["POST"])

        return view

    def _arrive(self, request: HttpRequest, row: Withdrawal) -> HttpResponse:
        return self._finish(request, row, handling.mark_arrived(row), gettext_lazy("Marked as arrived."))

    def _send_receipt(self, request: HttpRequest, row: Withdrawal) -> HttpResponse:
        return self._finish(request, row, send_receipt(row), gettext_lazy("The receipt will be sent."))

    def _close(self, request: HttpRequest, row: Withdrawal) -> HttpResponse:
        is_done = handling.close(row, by=request.user.get_username())
        return self._finish(request, row, is_done, gettext_lazy("Closed without a refund."))

    def _row_to_handle(self, request: HttpRequest, pk: int) -> Withdrawal:
        if not self.has_handle_permission(request):
            raise PermissionDenied
        return get_object_or_404(Withdrawal.objects.select_related("order"), pk=pk)

    def _finish(self, request: HttpRequest, row: Withdrawal, is_done: bool, text: Any, **params: Any) -> HttpResponse:
        """Record and report a step, or say that somebody else was first."""
        if is_done:
            record_action(request, [row], text, **params)
            messages.success(request, str(text) % params if params else text)
        else:
            messages.error(request, CHANGED)
        return redirect(reverse("admin:orders_withdrawal_change", args=[row.pk]))


@admin.register(WithdrawalMail)
class WithdrawalMailAdmin(ReadOnlyAdmin):
    """Receipts and notices for staff, newest first."""

    list_display = ["withdrawal", "kind", "to", "attempts", "sent", "refusal"]
    list_filter = ["kind", DeliveryFilter]
    list_select_related = ["withdrawal"]
    search_fields = ["to", "withdrawal__number"]


@admin.register(OrderLinkMail)
class OrderLinkMailAdmin(ReadOnlyAdmin):
    """Requests for links to orders, newest first."""

    list_display = ["order_number", "to", "attempts", "sent", "refusal", "timestamp"]
    list_filter = [DeliveryFilter]
    search_fields = ["to", "order_number"]
