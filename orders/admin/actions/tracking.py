"""The page on which staff correct the carrier and the tracking number of a shipment."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyAdmin, record_action
from orders.admin.actions.resending import send_corrected
from orders.correction_forms import CorrectTrackingForm
from orders.models import Correction, Mail, Order, Shipment
from orders.workflow import corrections


class CorrectTrackingMixin(ReadOnlyAdmin):
    """Corrects one shipment."""

    def has_correct_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the page below the shipment's URL."""
        own = self.admin_site.admin_view(self.correct_tracking_view)
        page = path("<int:pk>/correct-tracking/", own, name="orders_shipment_correct_tracking")
        return [page, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the shipment, with a link to the correction for staff who may make it."""
        context = {"can_correct": self.has_correct_permission(request)} | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)

    def correct_tracking_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Correct the carrier and the tracking number, and tell the shopper if staff want that."""
        if not self.has_correct_permission(request):
            raise PermissionDenied
        shipment = get_object_or_404(Shipment.objects.select_related("order", "carrier"), pk=pk)
        order, old = shipment.order, shipment.carrier_text
        initial = {"carrier": shipment.carrier, "tracking": shipment.tracking}
        initial["shown"] = corrections.fingerprint(old)
        form = CorrectTrackingForm(
            request.POST if request.method == "POST" else None, shipment=shipment, initial=initial
        )
        obstacle = "" if order.email else _("The personal data of this order was erased.")
        if not obstacle and form.is_valid():
            return self._correct_tracking(request, shipment, form.cleaned_data)
        context = {**self.admin_site.each_context(request), "form": form, "order": order, "opts": Order._meta}
        context |= {
            "title": _("Correct the tracking number of %(shipment)s") % {"shipment": shipment},
            "obstacle": obstacle,
            "old": old or "–",
        }
        return render(request, "orders/admin/correct.html", context)

    def _correct_tracking(self, request: HttpRequest, shipment: Shipment, data: dict[str, Any]) -> HttpResponse:
        by, order = request.user.get_username(), shipment.order
        try:
            corrections.correct_tracking(shipment, data["carrier"], data["tracking"], data["shown"], by)
        except corrections.CorrectionRejected as error:
            messages.error(request, str(error))
            return redirect(request.get_full_path())
        record_action(request, [order], gettext_lazy("Corrected: %(what)s."), what=Correction.Kind.TRACKING.label)
        if data["confirm"]:
            send_corrected(request, order, Mail.Kind.SHIPPED, _about(shipment))
        params = {"order": order, "what": Correction.Kind.TRACKING.label}
        messages.success(request, _("%(order)s was corrected: %(what)s.") % params)
        return redirect(reverse("admin:orders_order_change", args=[order.pk]))


def _about(shipment: Shipment) -> str:
    """Return the reference of the email about this shipment. Emails of older orders have none."""
    key = str(shipment.pk)
    return key if shipment.order.mails.filter(kind=Mail.Kind.SHIPPED, about=key).exists() else ""
