"""The page with packing slips or delivery notes of one or many orders, to be printed."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.admin.confirmed_actions import MAX_ROWS, selected_rows
from core.admin.lists import KEY
from core.shop.current import current_shop
from orders.admin.actions.shipping import ShippingMixin
from orders.models import Order
from orders.workflow.packing import split_to_pack

# By the parameter `kind` of the URL: the title of the page and its template.
KINDS = {
    "slip": (gettext_lazy("Packing slips"), "orders/admin/packing_slips.html"),
    "note": (gettext_lazy("Delivery notes"), "orders/admin/delivery_notes.html"),
}
LIST = "admin:orders_order_changelist"


class SlipsMixin(ShippingMixin):
    """Prints packing slips for packers, and delivery notes for parcels."""

    def get_urls(self) -> list[Any]:
        """Add the page."""
        view = self.admin_site.admin_view(self.slips_view)
        return [path("slips/", view, name="orders_order_slips"), *super().get_urls()]

    @admin.action(description=gettext_lazy("Print packing slips"), permissions=["ship"])
    def print_slips(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._go_to_slips(request, queryset, "slip")

    @admin.action(description=gettext_lazy("Print delivery notes"), permissions=["ship"])
    def print_notes(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._go_to_slips(request, queryset, "note")

    def _go_to_slips(self, request: HttpRequest, queryset: QuerySet[Order], kind: str) -> HttpResponse | None:
        rows = selected_rows(self, request, queryset)
        return redirect(slips_url(rows, kind)) if rows else None

    def slips_view(self, request: HttpRequest) -> HttpResponse:
        """Show a page for each order that can be packed. Name the others at the top, where it is not printed."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_ship_permission(request):
            raise PermissionDenied
        keys = list(dict.fromkeys(key for key in request.GET.get("ids", "").split(",") if key))
        if not keys or len(keys) > MAX_ROWS:
            text = _("Select between 1 and %(count)d orders to print.")
            messages.error(request, text % {"count": MAX_ROWS})
            return redirect(LIST)
        found = self._orders(keys)
        sheets, left_out = split_to_pack(found)
        missing = len(keys) - len(found)
        text = ngettext("%(count)d order was not found.", "%(count)d orders were not found.", missing)
        kind = request.GET.get("kind", "")
        title, template = KINDS.get(kind, KINDS["slip"])
        context = {"title": title, "sheets": sheets, "left_out": left_out, "shop": current_shop()}
        context["missing"] = text % {"count": missing} if missing else ""
        context["is_one"] = len(keys) == 1 and len(found) == 1
        context["back_url"] = reverse("admin:orders_order_change", args=[found[0].pk]) if context["is_one"] else ""
        return render(request, template, context)

    def _orders(self, keys: Iterable[str]) -> list[Order]:
        """Return the placed orders with these keys, in this order."""
        known = [int(key) for key in keys if KEY.fullmatch(key)]
        rows = Order.objects.placed().prefetch_related("items", "withdrawals").in_bulk(known)
        return [rows[key] for key in known if key in rows]


def slips_url(orders: Iterable[Order], kind: str) -> str:
    """Return the URL of the page with the slips or notes of these orders."""
    return f"{reverse('admin:orders_order_slips')}?kind={kind}&ids={','.join(str(order.pk) for order in orders)}"
