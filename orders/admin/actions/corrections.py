"""The pages on which staff correct the postal addresses and the email address of an order."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from addresses.models import Address
from core.admin import ReadOnlyAdmin, record_action
from orders.admin.actions.resending import send_corrected
from orders.correction_forms import CorrectAddressForm, CorrectEmailForm
from orders.models import Correction, Mail, Order
from orders.workflow import corrections
from orders.workflow.corrections import addresses

TITLES = {
    Address.Type.SHIPPING: gettext_lazy("Correct the shipping address of order %(order)s"),
    Address.Type.BILLING: gettext_lazy("Correct the billing address of order %(order)s"),
}


class CorrectionsMixin(ReadOnlyAdmin):
    """Corrects details of one order, each on a page of its own."""

    def has_correct_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the pages below the order's URL."""
        own = self.admin_site.admin_view
        views = {"address": self.correct_address_view, "email": self.correct_email_view}
        pages = [
            path(f"<int:pk>/correct-{name}/", own(view), name=f"orders_order_correct_{name}")
            for name, view in views.items()
        ]
        return [*pages, *super().get_urls()]

    def correct_address_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Correct the shipping address, or with `?kind=billing` the billing address."""
        order = self._order_to_correct(request, pk)
        kind = Address.Type.BILLING if request.GET.get("kind") == "billing" else Address.Type.SHIPPING
        obstacle, form = corrections.obstacle(order), _address_form(request, order, kind)
        if form is None:
            obstacle = obstacle or _("The country and region of this address are no longer known.")
        elif not obstacle and form.is_valid():
            return self._correct_address(request, order, form, kind)
        page = {
            "title": TITLES[kind] % {"order": order},
            "obstacle": obstacle,
            "old": getattr(order, f"{kind}_address_text"),
        }
        page["remarks"] = [
            _("The country and the region stay, because tax and delivery were agreed for them. All amounts stay too."),
            _("The saved addresses of the account stay. It gets this one in addition.")
            if order.billing_profile.user
            else _(
                "The shopper has no account. In the browser of this order, they can choose the old and the new address "
                "again."
            ),
        ]
        return self._render(request, order, form, **page)

    def _correct_address(
        self, request: HttpRequest, order: Order, form: CorrectAddressForm, kind: Address.Type
    ) -> HttpResponse:
        data = form.cleaned_data
        kinds = [*Address.Type] if data["both"] else [kind]
        try:
            corrections.correct_address(order, form.address(), kinds, data["shown"], request.user.get_username())
        except corrections.CorrectionRejected as error:
            return self._reject(request, error)
        for one in kinds:
            record_action(request, [order], gettext_lazy("Corrected: %(what)s."), what=one.label)
        return self._finish_correction(request, order, [one.label for one in kinds])

    def correct_email_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Correct the email address of the order, and send the confirmation to the new one if staff want that."""
        order, is_post = self._order_to_correct(request, pk), request.method == "POST"
        initial = {"email": order.email, "shown": corrections.fingerprint(order.email)}
        form = CorrectEmailForm(request.POST if is_post else None, order=order, initial=initial)
        obstacle = corrections.obstacle(order)
        if not obstacle and form.is_valid():
            return self._correct_email(request, order, form.cleaned_data)
        page = {
            "title": _("Correct the email address of order %(order)s") % {"order": order},
            "obstacle": obstacle,
            "old": order.email,
        }
        return self._render(request, order, form, **page, remarks=_email_remarks(order))

    def _correct_email(self, request: HttpRequest, order: Order, data: dict[str, Any]) -> HttpResponse:
        try:
            corrections.correct_email(order, data["email"], data["shown"], by=request.user.get_username())
        except corrections.CorrectionRejected as error:
            return self._reject(request, error)
        record_action(request, [order], gettext_lazy("Corrected: %(what)s."), what=Correction.Kind.EMAIL.label)
        if data["confirm"]:
            send_corrected(request, order, Mail.Kind.CONFIRMATION)
        return self._finish_correction(request, order, [Correction.Kind.EMAIL.label])

    def _order_to_correct(self, request: HttpRequest, pk: int) -> Order:
        if not self.has_correct_permission(request):
            raise PermissionDenied
        rows = Order.objects.placed().select_related("billing_profile__user", "account")
        return get_object_or_404(rows.select_related("shipping_address", "billing_address"), pk=pk)

    def _render(self, request: HttpRequest, order: Order, form: Any, **page: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "form": form, "order": order, "opts": self.opts}
        return render(request, "orders/admin/correct.html", context | page)

    def _reject(self, request: HttpRequest, error: corrections.CorrectionRejected) -> HttpResponse:
        """Show the page again, with the values as they are now."""
        messages.error(request, str(error))
        return redirect(request.get_full_path())

    def _finish_correction(self, request: HttpRequest, order: Order, what: list[str | Promise]) -> HttpResponse:
        params = {"order": order, "what": ", ".join(map(str, what))}
        messages.success(request, _("%(order)s was corrected: %(what)s.") % params)
        return redirect(reverse("admin:orders_order_change", args=[order.pk]))


def _address_form(request: HttpRequest, order: Order, kind: Address.Type) -> CorrectAddressForm | None:
    """Return the form, filled in with the present address if its row is still there. None without a known country."""
    place = corrections.place_of(order, kind)
    if place is None:
        return None
    stored = addresses.stored_address(order, kind)
    texts = {order.shipping_address_text, order.billing_address_text}
    return CorrectAddressForm(
        request.POST if request.method == "POST" else None,
        place=place,
        shown=corrections.fingerprint(getattr(order, f"{kind}_address_text")),
        is_both=len(texts) == 1,
        initial=model_to_dict(stored) if stored else {},
    )


def _email_remarks(order: Order) -> list[str | Promise]:
    """Return what a correction of the email address does, apart from the obvious."""
    remarks: list[str | Promise] = [
        _("Links in earlier emails will no longer open this order, and nothing is sent to the old address."),
        _("Emails that still wait go to the new address. It also counts for withdrawals and for “Find my order”."),
    ]
    profile = order.billing_profile
    if profile.user:
        text = _("The order belongs to the account %(email)s. The account keeps its email address, and the order.")
        remarks.append(text % {"email": profile.user.email})
    if order.account:
        text = _("The account %(email)s has claimed this order. It loses the order unless the new address is its own.")
        remarks.append(text % {"email": order.account.email})
    return remarks
