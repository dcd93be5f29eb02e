"""Admin for carriers and shipments."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import DeletionAdmin, ReadOnlyAdmin, record_action
from core.admin.lists import FilledFilter
from orders.admin.actions.tracking import CorrectTrackingMixin
from orders.models import Carrier, Shipment
from orders.workflow.shipping import mark_delivered


@admin.display(description=gettext_lazy("tracking number"), ordering="tracking")
def tracking_link(shipment: Shipment) -> str:
    """Return the tracking number, with a link to the carrier's page if there is one."""
    url = shipment.tracking_url
    return format_html('<a href="{}" rel="noreferrer">{}</a>', url, shipment.tracking) if url else shipment.tracking


@admin.display(description=gettext_lazy("items"))
def contents(shipment: Shipment) -> str:
    """Return the units and titles of the lines, for example "2 × Mug, 1 × Bowl"."""
    return ", ".join(f"{line.units} × {line.item.title}" for line in shipment.lines())


@admin.register(Carrier)
class CarrierAdmin(DeletionAdmin):
    """Carriers that staff choose for shipments. One that was used can only be deactivated."""

    list_display = ["name", "tracking_pattern", "position", "active"]
    list_editable = ["position", "active"]
    list_filter = ["active"]
    search_fields = ["name"]
    in_use = Q(shipments__isnull=False)
    in_use_reason = gettext_lazy("Shipments name the carrier. Make it inactive instead.")


@admin.register(Shipment)
class ShipmentAdmin(CorrectTrackingMixin, ReadOnlyAdmin):
    """Shipments of orders, newest first."""

    list_display = ["__str__", "carrier", tracking_link, "shipped_at", "delivered_at", "by"]
    list_filter = ["carrier", ("delivered_at", FilledFilter), "shipped_at"]
    list_select_related = ["order", "carrier"]
    ordering = ["-shipped_at", "-pk"]
    search_fields = ["order__order_id", "tracking"]
    show_full_result_count = False
    fields: ClassVar[Any] = ["order", "number", contents, "carrier", tracking_link, "shipped_at", "delivered_at", "by"]
    change_form_template = "orders/admin/shipment.html"

    def has_deliver_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.ship_order") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the step that marks a shipment as delivered."""
        own = self.admin_site.admin_view(self.delivered_view)
        return [path("<int:pk>/delivered/", own, name="orders_shipment_delivered"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the shipment, with a button for staff who may mark it as delivered."""
        context = {"can_deliver": self.has_deliver_permission(request)} | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)

    def delivered_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Record that a shipment was delivered, and go back to its order."""
        if not self.has_deliver_permission(request):
            raise PermissionDenied
        shipment = get_object_or_404(Shipment.objects.select_related("order", "carrier"), pk=pk)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if mark_delivered(shipment, by=request.user.get_username()):
            record_action(request, [shipment, shipment.order], gettext_lazy("Marked as delivered."))
            messages.success(request, _("Shipment %(shipment)s is marked as delivered.") % {"shipment": shipment})
        else:
            messages.info(request, _("Shipment %(shipment)s was already marked as delivered.") % {"shipment": shipment})
        return redirect(reverse("admin:orders_order_change", args=[shipment.order_id]))
