"""Orders, their frozen lines, their payments and refunds; history and mails in orders.history."""

import secrets
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from addresses.models import Address
from billing.models import BillingProfile, Card
from carts.models import Cart
from carts.rates import Discount
from ecommerce.models import GuardedModel
from ecommerce.money import format_money
from orders.history import Mail, OrderEvent
from orders.managers import OrderQuerySet
from products.models import Product

__all__ = ["Mail", "Order", "OrderEvent", "OrderItem", "Payment", "Refund"]
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that is misread aloud
MONEY: dict[str, Any] = {"max_digits": 18, "decimal_places": 2}  # a hostile cart may be large
PERCENT: dict[str, Any] = {"max_digits": 6, "decimal_places": 3}


def new_order_id() -> str:
    """A number that cannot be guessed (30^10, 49 bits) and can be read out on the telephone."""
    return "".join(secrets.choice(ALPHABET) for _ in range(10))


def shop_language() -> str:
    """For orders that nobody in front of a page began."""
    return str(settings.LANGUAGE_CODE)


class Order(GuardedModel):
    """One purchase. `open` mirrors the cart; from `placed` on its lines, addresses and sums never change again."""

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        PLACED = "placed", _("Awaiting payment")
        CANCELING = "canceling", _("Being cancelled")
        CANCELED = "canceled", _("Cancelled")
        PAID = "paid", _("Paid")
        SHIPPED = "shipped", _("Shipped")
        REFUNDED = "refunded", _("Refunded")

    DELIVERY = timedelta(days=30)  # so long a paid order keeps its address for who sends it, though its person left
    PAID_STATES = (Status.PAID, Status.SHIPPED, Status.REFUNDED)
    guarded_fields = frozenset(
        {"status", "active", "payment_intent_id", "intent_try", "placed_at", "paid_at", "shipped_at", "seal"}
        | {"subtotal", "discount_total", "shipping_total", "tax_total", "total", "currency", "amount_refunded"}
        | {"discount", "discount_id", "discount_code", "shipping_title", "shipping_tax"}
        | {"tax_title", "tax_rate", "is_tax_included"}
        | {"account", "account_id", "link_version", "attention", "tracking"}
    )

    order_id = models.CharField(_("number"), max_length=20, unique=True, blank=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    billing_profile = models.ForeignKey(
        BillingProfile, models.PROTECT, related_name="orders", verbose_name=_("billing profile")
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="claimed_orders",
        verbose_name=_("account"),
        help_text=_("The account that claimed this guest order through an emailed link."),
    )  # fmt: skip
    cart = models.ForeignKey(Cart, models.SET_NULL, null=True, related_name="orders", verbose_name=_("cart"))
    email = models.EmailField(_("email"))
    language = models.CharField(_("language"), max_length=12, default=shop_language)
    shipping_address = models.ForeignKey(
        Address, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("shipping address")
    )
    billing_address = models.ForeignKey(
        Address, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("billing address")
    )
    shipping_address_text = models.TextField(_("shipping address"), blank=True)
    billing_address_text = models.TextField(_("billing address"), blank=True)
    subtotal = models.DecimalField(_("subtotal"), **MONEY, default=Decimal(0))
    discount_total = models.DecimalField(_("discount"), **MONEY, default=Decimal(0))
    discount_code = models.CharField(_("discount code"), max_length=40, blank=True)
    discount = models.ForeignKey(
        Discount, models.PROTECT, null=True, blank=True, related_name="orders", verbose_name=_("discount code")
    )
    shipping_total = models.DecimalField(_("shipping"), **MONEY, default=Decimal(0))
    shipping_title = models.CharField(_("shipping method"), max_length=80, blank=True)
    shipping_tax = models.DecimalField(_("tax on shipping"), **MONEY, default=Decimal(0))
    tax_total = models.DecimalField(_("tax"), **MONEY, default=Decimal(0), help_text=_("Includes the tax on shipping."))
    tax_title = models.CharField(_("tax name"), max_length=40, blank=True)
    tax_rate = models.DecimalField(_("tax rate in percent"), **PERCENT, default=Decimal(0))
    is_tax_included = models.BooleanField(_("prices include tax"), default=False)
    total = models.DecimalField(_("total"), **MONEY, default=Decimal(0))
    amount_refunded = models.DecimalField(_("refunded"), **MONEY, default=Decimal(0))
    currency = models.CharField(_("currency"), max_length=3, default="")
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    active = models.BooleanField(_("active"), default=True)
    payment_intent_id = models.CharField(_("payment intent"), max_length=120, null=True, blank=True, unique=True)
    intent_try = models.PositiveSmallIntegerField(default=1)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)
    placed_at = models.DateTimeField(_("placed"), null=True, blank=True)
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    shipped_at = models.DateTimeField(_("shipped"), null=True, blank=True)
    tracking = models.CharField(_("tracking number"), max_length=60, blank=True)
    seal = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text=_("Checksum of everything that is frozen when the order is placed."),
    )
    link_version = models.PositiveIntegerField(default=1, help_text=_("Increasing it revokes all emailed links."))
    attention = models.CharField(_("needs attention"), max_length=250, blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-pk"]
        permissions = [("refund_order", "Can refund orders"), ("ship_order", "Can ship orders")]
        indexes = [models.Index(fields=["status", "placed_at"], name="order_status")]
        constraints = [
            models.UniqueConstraint(fields=["cart"], condition=Q(active=True), name="order_one_live_a_cart"),
            models.CheckConstraint(condition=Q(amount_refunded__lte=F("total")), name="order_refunds_within_total"),
            models.CheckConstraint(condition=Q(total__gte=0), name="order_total_not_negative"),
        ]

    def __str__(self) -> str:
        return self.order_id

    def get_absolute_url(self) -> str:
        return reverse("orders:detail", args=[self.order_id])

    @property
    def is_paid(self) -> bool:
        """Whether its money came, whatever became of it after."""
        return self.status in self.PAID_STATES

    @property
    def is_payable(self) -> bool:
        return self.status == self.Status.PLACED

    @property
    def has_addresses(self) -> bool:
        return bool(self.shipping_address_id and self.billing_address_id)

    @property
    def is_billed_where_sent(self) -> bool:
        return self.billing_address_id in (None, self.shipping_address_id)

    @property
    def held_until(self) -> datetime | None:
        """When an unpaid order ends and its goods go back on the shelf."""
        return self.placed_at and self.placed_at + timedelta(minutes=settings.ORDER_HOLD_MINUTES)

    @property
    def item_count(self) -> int:
        """All units of all lines."""
        return sum(item.quantity for item in self.items.all())

    def use_address(self, address: Address, kind: str) -> None:
        """Put an address on an open order; the first one to ship to is the one to bill as well."""
        order = Order.objects.filter(pk=self.pk, status=self.Status.OPEN)
        order.update(**{f"{kind}_address": address})
        if kind == Address.Type.SHIPPING:
            order.filter(billing_address=None).update(billing_address=address)

    def open_payment(self) -> "Payment | None":
        """The attempt that may still succeed, if there is one."""
        return self.payments.filter(status__in=Payment.OPEN).first()

    def last_payment(self) -> "Payment | None":
        return self.payments.order_by("-number").first()

    def mark_paid(self) -> bool:
        """Turn placed (or canceling) into paid; False if it was neither. Only orders.payments.settle calls this."""
        unpaid = [self.Status.PLACED, self.Status.CANCELING]
        changed = Order.objects.filter(pk=self.pk, status__in=unpaid).update(
            status=self.Status.PAID, paid_at=timezone.now()
        )
        return bool(changed)

    def record(self, kind: str, by: str = "", text: object = "") -> None:
        """Append one line to the order's history; the only place that does. `text` is put in the shopper's words."""
        with translation.override(self.language):
            OrderEvent.objects.create(order=self, kind=kind, by=by[:254], text=str(text)[:250])


class OrderItem(models.Model):
    """A line of a placed order, frozen as it was sold."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="items", verbose_name=_("order"))
    product = models.ForeignKey(Product, models.PROTECT, related_name="order_items", verbose_name=_("product"))
    sku = models.CharField(_("SKU"), max_length=40)
    title = models.CharField(_("title"), max_length=150)
    unit_price = models.DecimalField(_("unit price"), **MONEY)
    quantity = models.PositiveSmallIntegerField(_("quantity"))
    discount_total = models.DecimalField(
        _("discount"),
        **MONEY,
        default=Decimal(0),
        help_text=_("Share of the order discount. The total is before this discount."),
    )
    tax_rate = models.DecimalField(_("tax rate in percent"), **PERCENT, default=Decimal(0))
    tax_total = models.DecimalField(_("tax"), **MONEY, default=Decimal(0))
    total = models.DecimalField(_("total"), **MONEY)

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")

    def __str__(self) -> str:
        return f"{self.quantity} x {self.title}"


class Payment(GuardedModel):
    """One press of Pay, and what became of it."""

    class Status(models.TextChoices):
        NEW = "new", _("Being checked")
        REQUIRES_ACTION = "requires_action", _("Awaiting bank confirmation")
        PROCESSING = "processing", _("Being processed")
        SUCCEEDED = "succeeded", _("Paid")
        FAILED = "failed", _("Failed")
        CANCELED = "canceled", _("Cancelled")

    OPEN = (Status.NEW, Status.REQUIRES_ACTION, Status.PROCESSING)
    guarded_fields = frozenset({"status", "code", "decline_code", "message"})

    order = models.ForeignKey(Order, models.CASCADE, related_name="payments", verbose_name=_("order"))
    number = models.PositiveSmallIntegerField(_("attempt"))
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    card = models.ForeignKey(Card, models.SET_NULL, null=True, related_name="payments", verbose_name=_("card"))
    stripe_pm = models.CharField(_("Stripe card"), max_length=120)
    amount = models.DecimalField(_("amount"), **MONEY)
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.NEW)
    code = models.CharField(_("code"), max_length=80, blank=True)
    decline_code = models.CharField(_("decline code"), max_length=80, blank=True)
    message = models.CharField(_("message"), max_length=250, blank=True)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["order", "number"], name="payment_number_once_an_order"),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(status__in=["new", "requires_action", "processing"]),
                name="payment_one_open_an_order",
            ),
            models.UniqueConstraint(
                fields=["order"], condition=Q(status="succeeded"), name="payment_one_succeeded_an_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} #{self.number}"


class Refund(GuardedModel):
    """Money on its way back."""

    class Status(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        PENDING = "pending", _("On its way")
        DONE = "done", _("Refunded")
        FAILED = "failed", _("Failed")

    guarded_fields = frozenset(
        {"status", "stripe_id", "key", "amount", "message", "restock", "is_restocked", "asked_at"}
    )

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds", verbose_name=_("payment"))
    amount = models.DecimalField(_("amount"), **MONEY)
    currency = models.CharField(_("currency"), max_length=3)
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    stripe_id = models.CharField(_("Stripe refund"), max_length=120, null=True, blank=True, unique=True)
    reason = models.CharField(_("reason"), max_length=120, blank=True)
    restock = models.JSONField(
        _("return to stock"), default=dict, blank=True, help_text=_("Units by the ID of the order line.")
    )
    is_restocked = models.BooleanField(_("returned to stock"), default=False)
    is_mismatch = models.BooleanField(
        _("mismatch refund"), default=False, help_text=_("The refunded charge does not count towards the order.")
    )
    asked_at = models.DateTimeField(_("requested from Stripe"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.REQUESTED)
    message = models.CharField(_("message"), max_length=250, blank=True)
    by = models.CharField(_("by"), max_length=254, blank=True)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
            models.UniqueConstraint(fields=["payment"], condition=Q(is_mismatch=True), name="refund_one_of_a_mismatch"),
        ]

    def __str__(self) -> str:
        return format_money(self.amount, self.currency)
