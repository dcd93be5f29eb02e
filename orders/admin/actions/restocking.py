"""The page that returns refunded units to stock, for example when the parcel has arrived."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.admin import ReadOnlyAdmin, record_action
from orders.models import Order
from orders.refund_forms import RestockForm
from orders.workflow import refunds


class RestockMixin(ReadOnlyAdmin):
    """Returns units of an order to stock that were refunded before."""

    def has_refund_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.refund_order") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the page below the order's URL."""
        own = self.admin_site.admin_view
        return [path("<int:pk>/restock/", own(self.restock_view), name="orders_order_restock"), *super().get_urls()]

    def restock_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return units to stock that were refunded and are not back yet."""
        if not self.has_refund_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed(), pk=pk)
        form = RestockForm(request.POST if request.method == "POST" else None, order=order)
        if form.is_valid():
            try:
                back = refunds.restock(order, form.units(), form.cleaned_data["shown"], request.user.get_username())
            except refunds.RestockRejected as error:
                messages.error(request, str(error))
                form = RestockForm(order=order)  # A new form with what is left now.
            else:
                return self._finish_restocking(request, order, sum(back.values()))
        context = {**self.admin_site.each_context(request), "form": form, "order": order, "opts": self.opts}
        context |= {"lines": form.lines(), "title": _("Return to stock")}
        return render(request, "orders/admin/restock.html", context)

    def _finish_restocking(self, request: HttpRequest, order: Order, units: int) -> HttpResponse:
        record_action(request, [order], gettext_lazy("Units returned to stock: %(units)s."), units=units)
        text = ngettext("%(units)s unit is back in stock.", "%(units)s units are back in stock.", units)
        messages.success(request, text % {"units": units})
        return redirect(reverse("admin:orders_order_change", args=[order.pk]))
