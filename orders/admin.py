"""Orders for staff: all their money read-only, their history beside it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing import answers
from ecommerce.admin import ReadOnlyAdmin, ReadOnlyInline
from ecommerce.previews import PreviewAdmin
from orders import alarms, cancelling, links, payments, refunds, samples
from orders.forms import RefundForm, ShipForm
from orders.models import Mail, Order, OrderEvent, OrderItem, Payment, Refund
from orders.shipping import ship


class OrderItemInline(ReadOnlyInline):
    """What was sold, as it was sold."""

    model = OrderItem
    fields = ["sku", "title", "unit_price", "quantity", "total", "discount_total", "tax_rate", "tax_total"]


class PaymentInline(ReadOnlyInline):
    """Every press of Pay."""

    model = Payment
    fields = ["number", "card", "amount", "currency", "status", "code", "decline_code", "timestamp"]


class OrderEventInline(ReadOnlyInline):
    """Everything that happened, in order."""

    model = OrderEvent
    fields = ["at", "kind", "text", "by"]


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Orders; nothing of a placed one can be edited, only acted upon."""

    list_display = ["order_id", "email", "status", "total", "currency", "placed_at", "paid_at", "attention"]
    list_filter = ["status", ("attention", admin.EmptyFieldListFilter), "placed_at", "paid_at"]
    change_form_template = "orders/admin/order.html"
    search_fields = ["order_id", "email", "shipping_address_text", "tracking", "payment_intent_id"]
    date_hierarchy = "placed_at"
    inlines = [OrderItemInline, PaymentInline, OrderEventInline]
    actions = ["send_orders", "cancel_unpaid", "cancel_unknown", "settle", "mark_looked_at", "revoke_links"]
    fieldsets = [
        (None, {"fields": ["order_id", "status", "attention", "email", "language", "placed_at", "paid_at"]}),
        (gettext_lazy("Shipment"), {"fields": ["shipped_at", "tracking"]}),
        (
            gettext_lazy("Amounts"),
            {
                "fields": [
                    "subtotal",
                    ("discount_total", "discount_code"),
                    ("shipping_total", "shipping_title"),
                    ("tax_total", "tax_title", "tax_rate", "is_tax_included", "shipping_tax"),
                    "total",
                    "amount_refunded",
                    "currency",
                ]
            },
        ),
        (gettext_lazy("Addresses"), {"fields": ["shipping_address_text", "billing_address_text"]}),
        ("Stripe", {"fields": ["payment_intent_id", "billing_profile", "account"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        """Placed orders only: an open one is a cart, shown there."""
        return super().get_queryset(request).exclude(status=Order.Status.OPEN)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order")

    def has_refund_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.refund_order") and self.has_view_permission(request)

    def has_ship_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.ship_order") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """The pages to give money back and to send stand below the order's."""
        own = self.admin_site.admin_view
        return [
            path("<int:pk>/refund/", own(self.refund_view), name="orders_order_refund"),
            path("<int:pk>/ship/", own(self.ship_view), name="orders_order_ship"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The order, with the links to send it and to give money back for those who may."""
        may = {"may_refund": self.has_refund_permission(request), "may_ship": self.has_ship_permission(request)}
        return super().change_view(request, object_id, form_url, may | (extra_context or {}))

    def refund_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give money back, in whole or part, and put units back on the shelf."""
        if not self.has_refund_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed(), pk=pk)
        form = RefundForm(request.POST if request.method == "POST" else None, order=order)
        if form.is_valid():
            try:
                row = refunds.refund(order, form.wish(by=request.user.get_username()))
            except refunds.RefundRefused as refusal:
                order.refresh_from_db()
                form = RefundForm(order=order)  # of now, to look at again
                messages.error(request, str(refusal))
            else:
                words = {"amount": str(row), "status": row.get_status_display()}
                messages.info(request, _("Refund of %(amount)s: %(status)s") % words)
                return redirect(reverse("admin:orders_order_change", args=[pk]))
        context = {**self.admin_site.each_context(request), "form": form, "order": order, "opts": self.opts}
        return render(request, "orders/admin/refund.html", context | {"title": _("Refund")})

    def ship_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Tell the shop, and by mail the shopper, that the order is on its way."""
        if not self.has_ship_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed().prefetch_related("items"), pk=pk)
        form = ShipForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            self._ship(request, order, form.cleaned_data["tracking"])
            return redirect(reverse("admin:orders_order_change", args=[pk]))
        context = {**self.admin_site.each_context(request), "form": form, "order": order, "opts": self.opts}
        return render(request, "orders/admin/ship.html", context | {"title": _("Ship order")})

    def _ship(self, request: HttpRequest, order: Order, tracking: str = "") -> None:
        if ship(order, request.user.get_username(), tracking):
            messages.success(
                request, _("%(order)s has been shipped. The shopper will be notified by email.") % {"order": order}
            )
            return
        order.refresh_from_db()
        words = {"order": order, "status": order.get_status_display()}
        if order.status == Order.Status.SHIPPED:
            messages.info(request, _("%(order)s was already shipped. Nothing was changed.") % words)
        elif order.status == Order.Status.PAID:
            messages.error(request, _("%(order)s cannot be shipped: it is being refunded in full.") % words)
        else:
            messages.error(request, _("%(order)s cannot be shipped: %(status)s.") % words)

    @admin.action(description=gettext_lazy("Ship paid orders without a tracking number"), permissions=["ship"])
    def send_orders(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset:
            self._ship(request, order)

    @admin.action(description=gettext_lazy("Cancel unpaid orders"), permissions=["cancel"])
    def cancel_unpaid(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset.filter(status__in=[Order.Status.PLACED, Order.Status.CANCELING]):
            cancelling.cancel(order, by=request.user.get_username())
            messages.info(request, _("%(order)s: %(status)s") % {"order": order, "status": order.get_status_display()})

    @admin.action(description=gettext_lazy("Update payment status from Stripe"), permissions=["cancel"])
    def settle(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset.exclude(payment_intent_id=None):
            payments.settle_quietly(order)
            messages.info(request, _("%(order)s: %(status)s") % {"order": order, "status": order.get_status_display()})

    @admin.action(description=gettext_lazy("Cancel orders whose payment is unknown to Stripe"), permissions=["cancel"])
    def cancel_unknown(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset.filter(status__in=[Order.Status.PLACED, Order.Status.CANCELING]):
            try:
                is_done = cancelling.cancel_unknown(order, by=request.user.get_username())
            except answers.GatewayError:
                is_done = False
            order.refresh_from_db()
            text = order.get_status_display() if is_done else _("Stripe knows this payment or did not answer.")
            messages.info(request, f"{order}: {text}")

    @admin.action(description=gettext_lazy("Mark as acknowledged"), permissions=["cancel"])
    def mark_looked_at(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        done = sum(alarms.looked_at(order, by=request.user.get_username()) for order in queryset)
        words = ngettext("%(count)d order marked as acknowledged.", "%(count)d orders marked as acknowledged.", done)
        messages.info(request, words % {"count": done})

    @admin.action(description=gettext_lazy("Revoke emailed links"), permissions=["cancel"])
    def revoke_links(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset:
            links.revoke(order, by=request.user.get_username())
            messages.info(request, _("%(order)s: emailed links have been revoked.") % {"order": order})


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """Money that went back, or is on its way."""

    list_display = ["payment", "amount", "currency", "status", "reason", "is_mismatch", "by", "timestamp"]
    list_filter = ["status", "is_mismatch", "timestamp"]
    list_select_related = ["payment__order"]
    search_fields = ["payment__order__order_id", "stripe_id"]
    actions = ["try_again"]

    def has_refund_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.refund_order")

    @admin.action(description=gettext_lazy("Retry failed mismatch refunds"), permissions=["refund"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        for row in queryset.select_related("payment__order"):
            try:
                is_asked = refunds.try_again(row, by=request.user.get_username())
            except answers.GatewayError:
                is_asked = True  # it is asked again by reconcile
            row.refresh_from_db()
            text = (
                row.get_status_display()
                if is_asked
                else _("nothing to retry: only a failed mismatch refund can be retried.")
            )
            messages.info(request, f"{row.payment.order}, {row}: {text}")


@admin.register(Mail)
class MailAdmin(PreviewAdmin):
    """Mails sent and waiting, to be read as they are or, for each kind, as the latest order would make it."""

    preview_permissions = ["orders.view_mail", "orders.view_order"]
    preview = staticmethod(samples.preview)
    sample = staticmethod(samples.sample)

    list_display = ["order", "kind", "to", "attempts", "sent"]
    list_filter = ["kind", ("sent", admin.EmptyFieldListFilter)]
    list_select_related = ["order"]
    search_fields = ["to", "order__order_id"]
