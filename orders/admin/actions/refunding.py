"""The page that refunds an order."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyAdmin, record_action
from core.admin.lists import KEY
from orders.forms import RefundForm
from orders.models import Order, Withdrawal
from orders.workflow import disputes, refunds


class RefundMixin(ReadOnlyAdmin):
    """Refunds an order in full or in part."""

    def has_refund_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.refund_order") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the refund page below the order's URL."""
        own = self.admin_site.admin_view
        return [path("<int:pk>/refund/", own(self.refund_view), name="orders_order_refund"), *super().get_urls()]

    def refund_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Refund the order in full or in part, and return units to stock."""
        if not self.has_refund_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed(), pk=pk)
        withdrawal = self._withdrawal_to_refund(request, order)
        form = RefundForm(request.POST if request.method == "POST" else None, order=order, withdrawal=withdrawal)
        if form.is_valid():
            try:
                row = refunds.refund(order, form.refund_request(by=request.user.get_username()))
            except refunds.RefundRejected as error:
                order.refresh_from_db()
                form = RefundForm(order=order, withdrawal=withdrawal)  # A new form with the current amounts.
                messages.error(request, str(error))
            else:
                record_action(request, [order], gettext_lazy("Refund requested: %(amount)s."), amount=row)
                params = {"amount": str(row), "status": row.get_status_display()}
                messages.info(request, _("Refund of %(amount)s: %(status)s") % params)
                return redirect(reverse("admin:orders_order_change", args=[pk]))
        context = {**self.admin_site.each_context(request), "form": form, "order": order, "opts": self.opts}
        context["obstacle"] = disputes.refund_obstacle(order)
        return render(request, "orders/admin/refund.html", context | {"title": _("Refund")})

    def _withdrawal_to_refund(self, request: HttpRequest, order: Order) -> Withdrawal | None:
        """Return the open withdrawal of this order that the URL names, which fills in the refund form."""
        key = request.GET.get("withdrawal", "")
        found = order.withdrawals.filter(closed_at=None)
        return found.filter(pk=int(key)).first() if KEY.fullmatch(key) else None
