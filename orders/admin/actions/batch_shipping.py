"""The page that ships many orders at once, each in its own transaction."""

import logging
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.admin import record_action
from core.admin.confirmed_actions import selected_rows
from orders.admin.actions.selection import Selection, read_selection, selection_query
from orders.admin.actions.shipping import ShippingMixin
from orders.batch_forms import Carriers, ParcelForm
from orders.models import Order
from orders.workflow.shipping import ShipmentRejected, ship
from orders.workflow.shipping.packing import Packable, split_to_pack

logger = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What became of the rows that were submitted."""

    shipped: list[Order] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)  # why rows that were to be shipped were not
    has_rejected: bool = False  # whether a ticked row has an error or was rejected


class BatchShippingMixin(ShippingMixin):
    """Ships the orders that were selected in the list."""

    def get_urls(self) -> list[Any]:
        """Add the page."""
        view = self.admin_site.admin_view(self.ship_many_view)
        return [path("ship/", view, name="orders_order_ship_many"), *super().get_urls()]

    @admin.action(description=gettext_lazy("Ship selected orders"), permissions=["ship"])
    def ship_orders(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        rows = selected_rows(self, request, queryset)
        return redirect(f"{reverse('admin:orders_order_ship_many')}?{selection_query(rows)}") if rows else None

    def ship_many_view(self, request: HttpRequest) -> HttpResponse:
        """Show a row for each order, and ship those that are ticked if the button for it was pressed.

        The other button only checks the entries. It is the first one of the form, so the Enter that many scanners send
        after a number ships nothing.
        """
        if not self.has_ship_permission(request):
            raise PermissionDenied
        selection = read_selection(request)
        if selection is None:
            return redirect("admin:orders_order_changelist")
        if request.method != "POST":
            return self._batch_page(request, selection, {})
        packable, left_out = split_to_pack(selection.orders)
        rows = _submitted_rows(request, packable)
        if "ship" not in request.POST:
            return self._batch_page(request, selection, rows)
        outcome = self._ship_rows(request, rows)
        outcome.reasons.extend(entry.reason for entry in left_out if _is_submitted(request, entry.order))
        _report(request, outcome)
        left = {pk: row for pk, row in rows.items() if row.parcel.order not in outcome.shipped}
        if not left or (outcome.shipped and not outcome.has_rejected):
            return redirect(request.get_full_path())  # Reloading the page must not submit the form again.
        return self._batch_page(request, read_selection(request) or selection, left)

    def _ship_rows(self, request: HttpRequest, rows: dict[int, ParcelForm]) -> Outcome:
        """Ship the rows that are ticked and valid. An error in one does not stop the others."""
        outcome = Outcome()
        for row in rows.values():
            if not row.is_valid() and row.is_ticked:
                outcome.has_rejected = True
                text = _("%(order)s was not shipped: correct its tracking number or carrier.")
                outcome.reasons.append(text % {"order": row.parcel.order})
            elif row.is_ticked:
                self._ship_row(request, row, outcome)
        return outcome

    def _ship_row(self, request: HttpRequest, row: ParcelForm, outcome: Outcome) -> None:
        order = row.parcel.order
        try:
            shipment = ship(order, row.shipment_request(request.user.get_username()))
        except ShipmentRejected as error:
            outcome.reasons.append(str(error))
        except DatabaseError:
            logger.exception("Order %s was not shipped.", order)
            outcome.reasons.append(_("%(order)s was not shipped because of an error. Try again.") % {"order": order})
        else:
            record_action(request, [order], gettext_lazy("Shipped: shipment %(number)s."), number=shipment.number)
            outcome.shipped.append(order)
            return
        row.is_rejected = outcome.has_rejected = True

    def _batch_page(self, request: HttpRequest, selection: Selection, rows: dict[int, ParcelForm]) -> HttpResponse:
        """Return the page with the orders that can be shipped, those that were shipped, and those left out."""
        packable, left_out = split_to_pack(selection.orders)
        carriers = Carriers()
        forms = [_row_to_show(parcel, rows.get(parcel.order.pk), carriers) for parcel in packable]
        _focus_next(forms)
        shipped = [entry.order for entry in left_out if entry.order.status == Order.Status.SHIPPED]
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": _("Ship selected orders")}
        context |= {"forms": forms, "has_carriers": bool(carriers.by_key), "missing": selection.missing}
        context |= {"has_errors": any(form.errors for form in forms), "shipped": shipped}
        context["left_out"] = [entry for entry in left_out if entry.order not in shipped]
        context["slips_query"] = selection_query(form.parcel.order for form in forms)
        return render(request, "orders/admin/ship_many.html", context)


def _is_submitted(request: HttpRequest, order: Order) -> bool:
    """Return whether the form had a ticked row of this order."""
    return f"order-{order.pk}-is_ready" in request.POST


def _submitted_rows(request: HttpRequest, packable: list[Packable]) -> dict[int, ParcelForm]:
    """Return the submitted rows of orders that can be shipped, by the id of the order."""
    carriers = Carriers()
    found = [parcel for parcel in packable if f"order-{parcel.order.pk}-shown" in request.POST]
    return {parcel.order.pk: ParcelForm(request.POST, parcel=parcel, carriers=carriers) for parcel in found}


def _row_to_show(parcel: Packable, row: ParcelForm | None, carriers: Carriers) -> ParcelForm:
    """Return the submitted row, or a new one. A rejected row shows the units that are left now."""
    if row is not None and not row.is_rejected:
        return row
    return ParcelForm(None, parcel=parcel, carriers=carriers, initial=row.typed if row else None)


def _focus_next(forms: list[ParcelForm]) -> None:
    """Put the cursor into the first row with an error, or else into the first one without a tracking number."""
    wrong = [form for form in forms if form.errors]
    for form in (wrong or [form for form in forms if not form["tracking"].value()])[:1]:
        form.focus()


def _report(request: HttpRequest, outcome: Outcome) -> None:
    """Name the orders that were shipped, and say why others were not."""
    if outcome.shipped:
        count = len(outcome.shipped)
        text = ngettext(
            "%(count)d order has been shipped: %(orders)s. The shoppers will be notified by email.",
            "%(count)d orders have been shipped: %(orders)s. The shoppers will be notified by email.",
            count,
        )
        messages.success(request, text % {"count": count, "orders": ", ".join(map(str, outcome.shipped))})
    if outcome.reasons:  # in one message, because only few are kept
        messages.error(request, " ".join(outcome.reasons))
    if not outcome.shipped and not outcome.reasons:
        messages.warning(request, _("No row was ticked. Nothing was shipped."))
