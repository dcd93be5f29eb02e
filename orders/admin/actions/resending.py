"""The page on which staff send emails about an order again."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyAdmin, record_action
from orders.emails.resending import ResendRejected, find_email, send_again, sent_emails
from orders.models import Order


class ResendMixin(ReadOnlyAdmin):
    """Sends emails about one order again, to its present email address."""

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the page below the order's URL."""
        view = self.admin_site.admin_view(self.resend_view)
        return [path("<int:pk>/resend/", view, name="orders_order_resend"), *super().get_urls()]

    def resend_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """List the emails that can be sent again, each with a button."""
        if not self.has_resend_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed(), pk=pk)
        if request.method == "POST":
            return self._send_again(request, order)
        context = {**self.admin_site.each_context(request), "order": order, "opts": self.opts}
        context |= {"emails": sent_emails(order) if order.email else [], "title": _("Send emails again")}
        return render(request, "orders/admin/resend.html", context)

    def _send_again(self, request: HttpRequest, order: Order) -> HttpResponse:
        key, shown = request.POST.get("email", ""), request.POST.get("shown", "")
        try:
            email = send_again(order, key, shown, by=request.user.get_username())
        except ResendRejected as error:
            messages.error(request, str(error))
            return redirect(reverse("admin:orders_order_resend", args=[order.pk]))
        record_action(request, [order], gettext_lazy("Sent again: %(email)s."), email=email.label)
        text = _("“%(email)s” will be sent to %(to)s.") % {"email": email.label, "to": order.email}
        messages.success(request, text)
        return redirect(reverse("admin:orders_order_change", args=[order.pk]))


def send_corrected(request: HttpRequest, order: Order, kind: str, about: str = "") -> None:
    """Send an email of this order again after a correction. Show a message if it is not possible now.

    An email that has not been sent yet will be sent as it is after the correction.
    """
    email = find_email(order, kind, about)
    if email is None or email.is_waiting:
        return
    try:
        send_again(order, email.key, str(len(email.rows)), by=request.user.get_username())
    except ResendRejected as error:
        messages.warning(request, str(error))
    else:
        record_action(request, [order], gettext_lazy("Sent again: %(email)s."), email=email.label)
