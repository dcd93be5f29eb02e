"""The page and the list action that ship orders."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyAdmin, record_action
from orders.forms import ShipForm
from orders.models import Order
from orders.workflow.shipping import ship


class ShippingMixin(ReadOnlyAdmin):
    """Ships one order, or the orders that were selected in the list."""

    def has_ship_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.ship_order") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the shipping page below the order's URL."""
        own = self.admin_site.admin_view
        return [path("<int:pk>/ship/", own(self.ship_view), name="orders_order_ship"), *super().get_urls()]

    def ship_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Mark the order as shipped, and notify the shopper by email."""
        if not self.has_ship_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed().prefetch_related("items"), pk=pk)
        form = ShipForm(request.POST if request.method == "POST" else None, order=order)
        if form.is_valid():
            self._ship(request, order, **form.cleaned_data)
            return redirect(reverse("admin:orders_order_change", args=[pk]))
        context = {**self.admin_site.each_context(request), "form": form, "order": order, "opts": self.opts}
        context |= {"disputes": order.disputes.open(), "lines": order.lines_to_ship()}
        return render(request, "orders/admin/ship.html", context | {"title": _("Ship order")})

    def _ship(self, request: HttpRequest, order: Order, tracking: str = "", shown: str = "") -> None:
        if ship(order, request.user.get_username(), tracking, shown):
            record_action(request, [order], gettext_lazy("Shipped."))
            messages.success(
                request, _("%(order)s has been shipped. The shopper will be notified by email.") % {"order": order}
            )
            return
        order.refresh_from_db()
        params = {"order": order, "status": order.get_status_display()}
        if order.status == Order.Status.SHIPPED:
            messages.info(request, _("%(order)s was already shipped. Nothing was changed.") % params)
        elif order.status == Order.Status.PAID:
            messages.error(request, self._ship_obstacle(order) % params)
        else:
            messages.error(request, _("%(order)s cannot be shipped: %(status)s.") % params)

    def _ship_obstacle(self, order: Order) -> str:
        """Return why a paid order cannot be shipped."""
        if not order.refundable:
            lost = _("%(order)s cannot be shipped: nothing is left of its payment after a lost dispute.")
            return lost if order.amount_lost else _("%(order)s cannot be shipped: it is being refunded in full.")
        if order.withdrawals.awaiting_assignment().exists():
            return _("%(order)s cannot be shipped: assign the items of its withdrawal first.")
        if any(order.units_to_ship().values()):
            return _("%(order)s was not shipped: its units to ship have changed. Check what you have packed.")
        return _("%(order)s cannot be shipped: no units are left to ship.")

    @admin.action(description=gettext_lazy("Ship paid orders without a tracking number"), permissions=["ship"])
    def ship_orders(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        disputed = set(Order.objects.disputed().filter(pk__in=queryset, status=Order.Status.PAID))
        for order in queryset:
            if order in disputed:
                text = _("%(order)s was not shipped: its payment is disputed. If you want to ship it, open the order.")
                messages.error(request, text % {"order": order})
            else:
                self._ship(request, order)
