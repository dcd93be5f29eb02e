"""Orders for staff: all their money read-only, their history beside it."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecommerce.admin import ReadOnlyAdmin, ReadOnlyInline
from orders import payments
from orders.models import Mail, Order, OrderEvent, OrderItem, Payment


class OrderItemInline(ReadOnlyInline):
    """What was sold, as it was sold."""

    model = OrderItem
    fields = ["sku", "title", "unit_price", "quantity", "total"]


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

    list_display = ["order_id", "email", "status", "total", "currency", "placed_at", "paid_at"]
    list_filter = ["status", "placed_at", "paid_at"]
    search_fields = ["order_id", "email", "shipping_address_text", "payment_intent_id"]
    date_hierarchy = "placed_at"
    inlines = [OrderItemInline, PaymentInline, OrderEventInline]
    actions = ["cancel_unpaid", "settle"]
    fieldsets = [
        (None, {"fields": ["order_id", "status", "email", "language", "placed_at", "paid_at"]}),
        (
            gettext_lazy("Money"),
            {
                "fields": [
                    "subtotal",
                    "discount_total",
                    "shipping_total",
                    "tax_total",
                    "total",
                    "amount_refunded",
                    "currency",
                ]
            },
        ),
        (gettext_lazy("Addresses"), {"fields": ["shipping_address_text", "billing_address_text"]}),
        ("Stripe", {"fields": ["payment_intent_id", "billing_profile"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        """Placed orders only: an open one is a cart, shown there."""
        return super().get_queryset(request).exclude(status=Order.Status.OPEN)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order")

    @admin.action(description=gettext_lazy("Cancel (unpaid orders)"), permissions=["cancel"])
    def cancel_unpaid(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset.filter(status__in=[Order.Status.PLACED, Order.Status.CANCELING]):
            payments.cancel(order, by=request.user.get_username())
            messages.info(request, _("%(order)s: %(status)s") % {"order": order, "status": order.get_status_display()})

    @admin.action(description=gettext_lazy("Ask Stripe what became of the payment"), permissions=["cancel"])
    def settle(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset.exclude(payment_intent_id=None):
            payments.settle_quietly(order)
            messages.info(request, _("%(order)s: %(status)s") % {"order": order, "status": order.get_status_display()})


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    """Mails sent and waiting."""

    list_display = ["order", "kind", "to", "attempts", "sent"]
    list_filter = ["kind", ("sent", admin.EmptyFieldListFilter)]
    list_select_related = ["order"]
    search_fields = ["to", "order__order_id"]
