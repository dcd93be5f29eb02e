"""The page with packing slips or delivery notes of one or many orders, to be printed."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from core.admin.confirmed_actions import selected_rows
from core.shop.current import current_shop
from orders.admin.actions.selection import read_selection, selection_query
from orders.admin.actions.shipping import ShippingMixin
from orders.models import Order, Shipment
from orders.workflow.shipping.packing import split_shipped, split_to_pack

# By the parameter `kind` of the URL: the title of the page and its template.
KINDS = {
    "slip": (gettext_lazy("Packing slips"), "orders/admin/packing_slips.html"),
    "note": (gettext_lazy("Delivery notes"), "orders/admin/delivery_notes.html"),
}


class SlipsMixin(ShippingMixin):
    """Prints packing slips for packers, and delivery notes for parcels."""

    def get_urls(self) -> list[Any]:
        """Add the pages: for orders, and for a shipment that was shipped before."""
        own = self.admin_site.admin_view
        return [
            path("slips/", own(self.slips_view), name="orders_order_slips"),
            path("slips/<int:pk>/", own(require_safe(self.shipment_slips_view)), name="orders_order_shipment_slips"),
            *super().get_urls(),
        ]

    @admin.action(description=gettext_lazy("Print packing slips"), permissions=["ship"])
    def print_slips(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._open_slips(request, queryset, "slip")

    @admin.action(description=gettext_lazy("Print delivery notes"), permissions=["ship"])
    def print_notes(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._open_slips(request, queryset, "note")

    def _open_slips(self, request: HttpRequest, queryset: QuerySet[Order], kind: str) -> HttpResponse | None:
        rows = selected_rows(self, request, queryset)
        return redirect(f"{reverse('admin:orders_order_slips')}?kind={kind}&{selection_query(rows)}") if rows else None

    def slips_view(self, request: HttpRequest) -> HttpResponse:
        """Show a sheet for each order that can be packed. Name the others at the top, where it is not printed."""
        if not self.has_ship_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        selection = read_selection(request)
        if selection is None:
            return redirect("admin:orders_order_changelist")
        sheets, left_out = split_to_pack(selection.orders)
        context = {"sheets": sheets, "left_out": left_out, "missing": selection.missing}
        return self._show_sheets(request, selection.orders, context)

    def shipment_slips_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the sheet of a shipment again, with the units that were shipped."""
        if not self.has_ship_permission(request):
            raise PermissionDenied
        shipment = get_object_or_404(Shipment.objects.select_related("order"), pk=pk)
        sheets, left_out = split_shipped(shipment)
        return self._show_sheets(request, [shipment.order], {"sheets": sheets, "left_out": left_out})

    def _show_sheets(self, request: HttpRequest, orders: list[Order], context: dict[str, Any]) -> HttpResponse:
        title, template = KINDS.get(request.GET.get("kind", ""), KINDS["slip"])
        if len(orders) == 1:
            context["back_url"] = reverse("admin:orders_order_change", args=[orders[0].pk])
        return render(request, template, context | {"title": title, "shop": current_shop()})
