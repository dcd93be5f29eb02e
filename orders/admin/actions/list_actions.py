"""The actions on orders that were selected in the list, except shipping."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing import answers
from core.admin import ReadOnlyAdmin, record_action
from orders import links
from orders.models import Order
from orders.workflow import alerts, cancellation, payments


class ListActionsMixin(ReadOnlyAdmin):
    """Cancels and updates orders, acknowledges alerts and revokes links."""

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order")

    @admin.action(description=gettext_lazy("Cancel unpaid orders"), permissions=["cancel"])
    def cancel_unpaid(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset.filter(status__in=[Order.Status.PLACED, Order.Status.CANCELING]):
            cancellation.cancel(order, by=request.user.get_username())
            record_action(request, [order], gettext_lazy("Cancellation requested."))
            messages.info(request, _("%(order)s: %(status)s") % {"order": order, "status": order.get_status_display()})

    @admin.action(description=gettext_lazy("Update payment status from Stripe"), permissions=["cancel"])
    def settle(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset.exclude(payment_intent_id=None):
            payments.settle_quietly(order)
            record_action(request, [order], gettext_lazy("Payment status updated from Stripe."))
            messages.info(request, _("%(order)s: %(status)s") % {"order": order, "status": order.get_status_display()})

    @admin.action(description=gettext_lazy("Cancel orders whose payment is unknown to Stripe"), permissions=["cancel"])
    def cancel_missing_intent(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset.filter(status__in=[Order.Status.PLACED, Order.Status.CANCELING]):
            try:
                is_done = cancellation.cancel_missing_intent(order, by=request.user.get_username())
            except answers.GatewayError:
                is_done = False
            order.refresh_from_db()
            if is_done:
                record_action(request, [order], gettext_lazy("Cancelled, because Stripe does not know the payment."))
            text = order.get_status_display() if is_done else _("Stripe knows this payment or did not answer.")
            messages.info(request, f"{order}: {text}")

    @admin.action(description=gettext_lazy("Mark as acknowledged"), permissions=["cancel"])
    def acknowledge_alerts(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        done = [order for order in queryset if alerts.acknowledge(order, by=request.user.get_username())]
        record_action(request, done, gettext_lazy("Marked as acknowledged."))
        count = len(done)
        message = ngettext("%(count)d order marked as acknowledged.", "%(count)d orders marked as acknowledged.", count)
        messages.info(request, message % {"count": count})

    @admin.action(description=gettext_lazy("Revoke emailed links"), permissions=["cancel"])
    def revoke_links(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset:
            links.revoke(order, by=request.user.get_username())
            record_action(request, [order], gettext_lazy("Emailed links revoked."))
            messages.info(request, _("%(order)s: emailed links have been revoked.") % {"order": order})
