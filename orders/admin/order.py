"""Admin for orders. Amounts are read-only."""

from itertools import groupby
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
from core.admin import ReadOnlyAdmin, ReadOnlyInline, record_action
from core.admin.lists import KEY
from orders import links
from orders.admin.erasure import ErasePersonMixin
from orders.admin.export import ExportMixin
from orders.admin.order_list import OrderListMixin
from orders.forms import RefundForm, ShipForm
from orders.models import Dispute, Order, OrderEvent, OrderItem, Payment, Withdrawal
from orders.models.columns import FROM_QUOTE
from orders.workflow import alerts, cancellation, disputes, payments, refunds
from orders.workflow.erasure import Person, person_of_order
from orders.workflow.shipping import ship


class OrderItemInline(ReadOnlyInline):
    """The lines of an order, as they were sold."""

    model = OrderItem
    fields = [name for name in OrderItem.columns.frozen if name not in ("order", "product")]


class PaymentInline(ReadOnlyInline):
    """The payment attempts of an order."""

    model = Payment
    fields = ["number", "card", "amount", "currency", "status", "code", "decline_code", "timestamp"]


class DisputeInline(ReadOnlyInline):
    """The disputes of an order's charge and the inquiries about it."""

    model = Dispute
    fields = ["status", "reason", "due", "opened", "closed"]  # the heading of a row has its id and amount


class WithdrawalInline(ReadOnlyInline):
    """The withdrawals from an order."""

    model = Withdrawal
    fields = ["is_whole_order", "items", "declared_at", "arrived_at", "closed_at"]  # the heading has its number
    show_change_link = True


class OrderEventInline(ReadOnlyInline):
    """The history of an order, oldest event first."""

    model = OrderEvent
    fields = ["at", "kind", "text", "by"]


class MilestoneInline(OrderEventInline):
    """The milestones in the history of an order."""

    verbose_name_plural = gettext_lazy("order history")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderEvent]:
        """Return the events that stay visible."""
        return super().get_queryset(request).filter(kind__in=OrderEvent.MILESTONES)


class FoldedEventInline(OrderEventInline):
    """The whole history of an order, folded."""

    verbose_name_plural = gettext_lazy("all order events")
    classes = ["collapse"]


def _amount_rows() -> list[str | tuple[str, ...]]:
    """Return the amount fields. Fields whose names start with the same word share a row of the page."""
    names = [name for name in FROM_QUOTE if name != "discount"]
    rows = [tuple(row) for _word, row in groupby(names, key=lambda name: name.partition("_")[0])]
    return [row[0] if len(row) == 1 else row for row in rows]


@admin.register(Order)
class OrderAdmin(ErasePersonMixin, ExportMixin, OrderListMixin, ReadOnlyAdmin):
    """Placed orders. Staff cannot edit them, only run actions on them."""

    change_form_template = "orders/admin/order.html"
    view_on_site = False  # Only the shopper can open the order's page.
    inlines = [OrderItemInline, PaymentInline, DisputeInline, WithdrawalInline, OrderEventInline]
    actions = ["ship_orders", "cancel_unpaid", "cancel_missing_intent", "settle", "acknowledge_alerts", "revoke_links"]
    fieldsets = [
        (None, {"fields": ["order_id", "status", "attention", "email", "language"]}),
        (gettext_lazy("Payment"), {"fields": ["placed_at", "holds_stock", "paid_at"]}),
        (gettext_lazy("Shipment"), {"fields": ["shipped_at", "tracking"]}),
        (gettext_lazy("Amounts"), {"fields": [*_amount_rows(), "amount_refunded", "amount_lost"]}),
        (gettext_lazy("Addresses"), {"fields": ["shipping_address_text", "billing_address_text"]}),
        (gettext_lazy("Agreed texts"), {"fields": ["terms_text", "privacy_text", "withdrawal_text"]}),
        ("Stripe", {"fields": ["payment_intent_id", "billing_profile", "account"]}),
    ]

    def get_person(self, obj: Order) -> Person | None:
        """Return the account or the guest who placed the order."""
        return person_of_order(obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        """Return placed orders only. Open orders are shown as carts."""
        return super().get_queryset(request).exclude(status=Order.Status.OPEN)

    def get_inlines(self, request: HttpRequest, obj: Order | None) -> list[Any]:
        """Fold the steps in the history as soon as the order is paid or canceled, as on the order's page."""
        if obj is None or obj.is_unpaid:
            return self.inlines
        others = [inline for inline in self.inlines if inline is not OrderEventInline]
        return [*others, MilestoneInline, FoldedEventInline]

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order")

    def has_refund_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.refund_order") and self.has_view_permission(request)

    def has_ship_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.ship_order") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the refund and shipping pages below the order's URL."""
        own = self.admin_site.admin_view
        return [
            path("<int:pk>/refund/", own(self.refund_view), name="orders_order_refund"),
            path("<int:pk>/ship/", own(self.ship_view), name="orders_order_ship"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the order, with links to ship and refund it for staff who have the permissions."""
        permissions = {"can_refund": self.has_refund_permission(request), "can_ship": self.has_ship_permission(request)}
        return super().change_view(request, object_id, form_url, permissions | (extra_context or {}))

    def refund_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Refund the order in full or in part, and return units to stock."""
        if not self.has_refund_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed(), pk=pk)
        withdrawal = self._withdrawal_to_refund(request, order)
        form = RefundForm(request.POST if request.method == "POST" else None, order=order, withdrawal=withdrawal)
        if form.is_valid():
            try:
                row = refunds.refund(order, form.refund_request(by=request.user.get_username()))
            except refunds.RefundRejected as error:
                order.refresh_from_db()
                form = RefundForm(order=order, withdrawal=withdrawal)  # A new form with the current amounts.
                messages.error(request, str(error))
            else:
                record_action(request, [order], gettext_lazy("Refund requested: %(amount)s."), amount=row)
                params = {"amount": str(row), "status": row.get_status_display()}
                messages.info(request, _("Refund of %(amount)s: %(status)s") % params)
                return redirect(reverse("admin:orders_order_change", args=[pk]))
        context = {**self.admin_site.each_context(request), "form": form, "order": order, "opts": self.opts}
        context["obstacle"] = disputes.refund_obstacle(order)
        return render(request, "orders/admin/refund.html", context | {"title": _("Refund")})

    def _withdrawal_to_refund(self, request: HttpRequest, order: Order) -> Withdrawal | None:
        """Return the open withdrawal of this order that the URL names, which fills in the refund form."""
        key = request.GET.get("withdrawal", "")
        found = order.withdrawals.filter(closed_at=None)
        return found.filter(pk=int(key)).first() if KEY.fullmatch(key) else None

    def ship_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Mark the order as shipped, and notify the shopper by email."""
        if not self.has_ship_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed().prefetch_related("items"), pk=pk)
        form = ShipForm(request.POST if request.method == "POST" else None, order=order)
        if form.is_valid():
            self._ship(request, order, **form.cleaned_data)
            return redirect(reverse("admin:orders_order_change", args=[pk]))
        context = {**self.admin_site.each_context(request), "form": form, "order": order, "opts": self.opts}
        context |= {"disputes": order.disputes.open(), "lines": order.lines_to_ship()}
        return render(request, "orders/admin/ship.html", context | {"title": _("Ship order")})

    def _ship(self, request: HttpRequest, order: Order, tracking: str = "", shown: str = "") -> None:
        if ship(order, request.user.get_username(), tracking, shown):
            record_action(request, [order], gettext_lazy("Shipped."))
            messages.success(
                request, _("%(order)s has been shipped. The shopper will be notified by email.") % {"order": order}
            )
            return
        order.refresh_from_db()
        params = {"order": order, "status": order.get_status_display()}
        if order.status == Order.Status.SHIPPED:
            messages.info(request, _("%(order)s was already shipped. Nothing was changed.") % params)
        elif order.status == Order.Status.PAID:
            messages.error(request, self._ship_obstacle(order) % params)
        else:
            messages.error(request, _("%(order)s cannot be shipped: %(status)s.") % params)

    def _ship_obstacle(self, order: Order) -> str:
        """Return why a paid order cannot be shipped."""
        if not order.refundable:
            lost = _("%(order)s cannot be shipped: nothing is left of its payment after a lost dispute.")
            return lost if order.amount_lost else _("%(order)s cannot be shipped: it is being refunded in full.")
        if order.withdrawals.awaiting_assignment().exists():
            return _("%(order)s cannot be shipped: assign the items of its withdrawal first.")
        if any(order.units_to_ship().values()):
            return _("%(order)s was not shipped: its units to ship have changed. Check what you have packed.")
        return _("%(order)s cannot be shipped: no units are left to ship.")

    @admin.action(description=gettext_lazy("Ship paid orders without a tracking number"), permissions=["ship"])
    def ship_orders(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        disputed = set(Order.objects.disputed().filter(pk__in=queryset, status=Order.Status.PAID))
        for order in queryset:
            if order in disputed:
                text = _("%(order)s was not shipped: its payment is disputed. If you want to ship it, open the order.")
                messages.error(request, text % {"order": order})
            else:
                self._ship(request, order)

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
