"""The pages that refund an order: choose what to refund, and confirm it."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from core.admin import record_action
from core.admin.lists import KEY
from orders.admin.actions.restocking import RestockMixin
from orders.admin.order_page.rows import unit_texts
from orders.emails import previews
from orders.models import Order, Payment, Refund, Withdrawal
from orders.refund_forms import RefundForm
from orders.workflow import disputes, refunds

CHOOSE, REFUND = "choose", "refund"  # values of the buttons "step" of the second page


class RefundMixin(RestockMixin):
    """Refunds an order in full or in part."""

    def get_urls(self) -> list[Any]:
        """Add the refund page below the order's URL."""
        own = self.admin_site.admin_view
        return [path("<int:pk>/refund/", own(self.refund_view), name="orders_order_refund"), *super().get_urls()]

    def refund_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Choose what to refund. The second page shows what will happen, and its button refunds."""
        if not self.has_refund_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed(), pk=pk)
        new_form = partial(
            RefundForm,
            order=order,
            withdrawal=self._withdrawal_to_refund(request, order),
            is_everything="everything" in request.GET,
        )
        if request.method != "POST":
            return self._choose(request, new_form())
        form, step = new_form(request.POST), request.POST.get("step")
        is_valid = form.is_valid()
        if text := form.conflict():
            messages.error(request, text)
            return self._choose(request, new_form())
        if step == CHOOSE or not is_valid or self._obstacle(order):
            return self._choose(request, form)
        if step != REFUND:
            return self._confirm(request, form)
        if request.POST.get("shown") == form.shown_text():
            return self._refund(request, form) or self._choose(request, new_form())
        messages.error(request, _("What can be refunded has changed in the meantime. Please check again."))
        return self._choose(request, new_form())

    def _choose(self, request: HttpRequest, form: RefundForm) -> HttpResponse:
        """Show the first page, with the amounts of now."""
        context = self._context(request, form) | {"title": _("Refund"), "obstacle": self._obstacle(form.order)}
        return render(request, "orders/admin/refund.html", context)

    def _confirm(self, request: HttpRequest, form: RefundForm) -> HttpResponse:
        """Show the second page: the sum and its parts, the card, what returns to stock, and the email."""
        order, amount = form.order, form.cleaned_data["amount"]
        payment = order.payments.select_related("card").filter(status=Payment.Status.SUCCEEDED).first()
        units = {str(line.item.pk): line.units for line in form.chosen_lines()}
        row = Refund(payment=payment, amount=amount, currency=order.currency, units=units)
        context = self._context(request, form) | {"title": _("Confirm the refund"), "lines": form.chosen_lines()}
        context |= {"amount": amount, "parts": form.sum_of_parts(), "data": form.cleaned_data}
        context |= {"card": payment and payment.card, "mail": payment and previews.preview_refund(order, row)}
        context["is_own_language"] = order.language[:2] == (get_language() or "")[:2]  # such as en and en-gb
        return render(request, "orders/admin/refund_confirm.html", context)

    def _refund(self, request: HttpRequest, form: RefundForm) -> HttpResponse | None:
        """Refund what the second page showed. Return None, with a message, if that is not possible any more."""
        order = form.order
        try:
            row = refunds.refund(order, form.refund_request(by=request.user.get_username()))
        except refunds.RefundRejected as error:
            order.refresh_from_db()
            messages.error(request, str(error))
            return None
        record_action(request, [order], gettext_lazy("Refund requested: %(amount)s."), amount=row)
        params = {"amount": str(row), "status": row.get_status_display(), "stock": _stock_text(row)}
        messages.info(request, _("Refund of %(amount)s: %(status)s. %(stock)s") % params)
        return redirect(reverse("admin:orders_order_change", args=[order.pk]))

    def _context(self, request: HttpRequest, form: RefundForm) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "form": form, "order": form.order, "opts": self.opts}

    def _obstacle(self, order: Order) -> str:
        """Return why the order cannot be refunded at all, or an empty string."""
        return disputes.refund_obstacle(order) if order.is_paid else _("This order is not paid.")

    def _withdrawal_to_refund(self, request: HttpRequest, order: Order) -> Withdrawal | None:
        """Return the open withdrawal of this order that the URL names, which fills in the refund form."""
        key = request.GET.get("withdrawal", "")
        found = order.withdrawals.filter(closed_at=None)
        return found.filter(pk=int(key)).first() if KEY.fullmatch(key) else None


def _stock_text(row: Refund) -> str:
    """Say which units of a refund returned to stock, as a sentence."""
    titles = {item.pk: item.title for item in row.payment.order.items.all()}
    units = ", ".join(unit_texts(row.restock, titles))
    if not units:
        return _("Nothing was returned to stock.")
    if row.is_restocked:
        return _("Returned to stock: %(units)s.") % {"units": units}
    if row.status == Refund.Status.FAILED:
        return _("Nothing was returned to stock.")
    return _("When Stripe accepts the refund, these return to stock: %(units)s.") % {"units": units}
