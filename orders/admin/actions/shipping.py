"""The page that ships an order."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from core.admin import ReadOnlyAdmin, record_action
from orders.models import Order, Shipment
from orders.shipping_forms import ShipForm
from orders.workflow.shipping import ShipmentRejected, ShipmentRequest, next_to_ship, ship
from orders.workflow.shipping.packing import label_address


class ShippingMixin(ReadOnlyAdmin):
    """Ships one order."""

    def has_ship_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.ship_order") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the shipping page below the order's URL, and a URL that leads to that of the oldest order."""
        own = self.admin_site.admin_view
        return [
            path("<int:pk>/ship/", own(self.ship_view), name="orders_order_ship"),
            path("ship-next/", own(require_safe(self.ship_next_view)), name="orders_order_ship_next"),
            *super().get_urls(),
        ]

    def ship_next_view(self, request: HttpRequest) -> HttpResponse:
        """Redirect to the ship page of the oldest order that can be shipped now."""
        if not self.has_ship_permission(request):
            raise PermissionDenied
        return redirect(self._page_of_next(request, _("No order can be shipped now.")))

    def ship_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ship the order or a part of it, and notify the shopper by email."""
        if not self.has_ship_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed().prefetch_related("items"), pk=pk)
        form = ShipForm(request.POST if request.method == "POST" else None, order=order)
        if form.is_valid():
            if self._ship(request, order, form.shipment_request(request.user.get_username())):
                return redirect(self._next_page(request, order))
            # A new form with the units that are left now, and with what staff have typed.
            typed = {name: form.cleaned_data.get(name) for name in ("carrier", "tracking")}
            form = ShipForm(order=order, initial=typed)
        context = {**self.admin_site.each_context(request), "form": form, "order": order, "opts": self.opts}
        context |= {
            "address": label_address(order.shipping_address_text, order.language),
            "disputes": order.disputes.open(),
            "shipments": order.shipments.select_related("carrier"),
        }
        return render(
            request, "orders/admin/ship.html", context | {"title": _("Ship order %(order)s") % {"order": order}}
        )

    def _next_page(self, request: HttpRequest, order: Order) -> str:
        """Return the URL of the order, or after “Ship and next” of the ship page of the next order."""
        if "next" not in request.POST:
            return reverse("admin:orders_order_change", args=[order.pk])
        return self._page_of_next(request, _("No other order can be shipped now."), after=order)

    def _page_of_next(self, request: HttpRequest, nothing: str, after: Order | None = None) -> str:
        """Return the URL of the next ship page. If there is none, say so and return that of the orders to ship."""
        following = next_to_ship(after=after)
        if following:
            return reverse("admin:orders_order_ship", args=[following.pk])
        messages.info(request, nothing)
        return reverse("admin:orders_order_changelist") + "?to_ship=yes"

    def _ship(self, request: HttpRequest, order: Order, requested: ShipmentRequest) -> Shipment | None:
        """Ship and report it. Return None if it is not possible, with a message."""
        try:
            shipment = ship(order, requested)
        except ShipmentRejected as error:
            order.refresh_from_db()
            messages.error(request, str(error))
            return None
        record_action(request, [order], gettext_lazy("Shipped: shipment %(number)s."), number=shipment.number)
        if order.status == Order.Status.SHIPPED:
            text = _("%(order)s has been shipped. The shopper will be notified by email.")
        else:
            text = _("A part of %(order)s has been shipped. The shopper will be notified by email.")
        url = reverse("admin:orders_order_shipment_slips", args=[shipment.pk]) + "?kind=note"
        link = format_html('<a href="{}">{}</a>', url, _("Delivery note"))
        messages.success(request, format_html("{} {}", text % {"order": order}, link))
        return shipment
