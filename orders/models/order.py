"""The order model and its queryset."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.email_addresses import same_email
from accounts.models import User
from addresses.models import Address
from billing.answers import Intent, check_same
from billing.models import BillingProfile
from carts.models import Cart
from carts.models.rates import Discount
from carts.optional_details import MAX_GIFT_MESSAGE, MAX_NOTE, MAX_PHONE
from carts.pricing.totals import TotalEntry, shown_entries
from core.database.prepared import insert_row
from core.models import GuardedModel, PageText
from core.rendering.page_urls import slug_url
from orders.models import columns
from orders.models.columns import AGREED_TEXT, LIVE_ADDRESS, MONEY, PERCENT, optional_text
from orders.models.dispute import Dispute
from orders.models.history import OrderEvent, event_texts
from orders.models.payment import Payment
from orders.models.refund import Refund
from orders.models.units import OrderUnits
from orders.models.work import WorkQuerySet
from orders.numbers import order_number_of


def shop_language() -> str:
    """Return the shop's language, the default for orders that were not started from a page."""
    return str(settings.LANGUAGE_CODE)


class OrderQuerySet(WorkQuerySet["Order"]):
    """Queryset methods that find and claim orders."""

    def placed(self) -> Self:
        """Return all orders that were placed, regardless of what happened to them later."""
        return self.exclude(status=self.model.Status.OPEN)

    def named(self, number: str, email: str) -> Self:
        """Return the order with this typed number and this email address. Nobody finds an erased order."""
        if not email:
            return self.none()
        return self.filter(same_email("email", email), order_id=order_number_of(number))

    def unpaid(self) -> Self:
        """Return placed orders that await payment or are being canceled."""
        return self.filter(status__in=self.model.UNPAID_STATES)

    def stale(self) -> Self:
        """Return placed orders that were not paid within settings.ORDER_HOLD_MINUTES."""
        limit = timezone.now() - timedelta(minutes=settings.ORDER_HOLD_MINUTES)
        return self.filter(status=self.model.Status.PLACED, placed_at__lt=limit)

    def to_check_holds(self, before: datetime) -> Self:
        """Return unpaid orders that were placed `before` this time by a process that died, see `holds.limit_hold`."""
        return self.filter(status__in=self.model.UNPAID_STATES, is_hold_checked=False, placed_at__lt=before)

    def for_account(self, user: "User") -> Self:
        """Return the orders of this user's profile and the guest orders that the user claimed."""
        return self.filter(Q(billing_profile__user=user) | Q(account=user))

    def in_progress(self) -> Self:
        """Return the orders for which money can still move.

        These are orders that are unpaid, being paid or being canceled, and orders with an unfinished refund.
        """
        moving = Q(payments__status__in=Payment.OPEN)
        moving |= Q(payments__refunds__status__in=Refund.OPEN)
        moving |= Q(payments__refunds__in=Refund.objects.owed())
        unpaid = Q(status__in=self.model.UNPAID_STATES)
        return self.filter(unpaid | moving).distinct()

    def due_for_erasure(self) -> Self:
        """Return finished orders that still contain personal data of an erased profile.

        Finished orders are shipped, refunded or canceled, or were paid longer ago than Order.ADDRESS_RETENTION. An
        order with an open dispute or inquiry is not finished, because its data is the evidence.
        """
        erased = self.placed().filter(billing_profile__forgotten__isnull=False).exclude(email="")
        unfinished = self.model.objects.in_progress().values("pk")
        needed = self.model.objects.awaiting_shipment() | self.model.objects.disputed()
        return erased.exclude(pk__in=unfinished).exclude(pk__in=needed.values("pk"))

    def awaiting_shipment(self) -> Self:
        """Return the paid orders that keep their addresses because they still have to be shipped."""
        since = timezone.now() - self.model.ADDRESS_RETENTION
        return self.filter(status=self.model.Status.PAID, paid_at__gt=since)

    def disputed(self) -> Self:
        """Return the orders with an open dispute or inquiry."""
        return self.filter(pk__in=Dispute.objects.open().values("order"))

    def claimable(self, user: "User") -> Self:
        """Return paid guest orders with the user's email address that no account has claimed yet.

        Return no orders if the user's email address is not verified.
        """
        if not user.has_verified_email:
            return self.none()
        of_guests = self.filter(status__in=self.model.PAID_STATES, billing_profile__user=None, account=None)
        of_guests = of_guests.filter(billing_profile__forgotten=None)
        return of_guests.filter(same_email("email", user.email))

    def claim(self, user: "User") -> int:
        """Give the user access to the claimable orders and return their number.

        Cards and postal addresses stay with the guest's profile.
        """
        return self.claimable(user).update(account=user)


class Order(OrderUnits, GuardedModel):
    """A purchase.

    An `open` order mirrors its cart. Once an order is placed, its lines, postal addresses and amounts never change;
    only an erasure removes personal data.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        PLACED = "placed", _("Awaiting payment")
        CANCELING = "canceling", _("Being cancelled")
        CANCELED = "canceled", _("Cancelled")
        PAID = "paid", _("Paid")
        SHIPPED = "shipped", _("Shipped")
        REFUNDED = "refunded", _("Refunded")

    ASK_AFTER = timedelta(seconds=2)  # for all pages that ask Stripe about this order
    # A paid order keeps its postal address this long so that it can be shipped, even if the account was deleted.
    ADDRESS_RETENTION = timedelta(days=30)
    PAID_STATES = (Status.PAID, Status.SHIPPED, Status.REFUNDED)
    UNPAID_STATES = (Status.PLACED, Status.CANCELING)  # placed, and not known to be paid or canceled yet
    columns = columns.ORDER

    order_id = models.CharField(_("number"), max_length=20, unique=True, blank=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    billing_profile = models.ForeignKey(
        BillingProfile, models.PROTECT, related_name="orders", verbose_name=_("billing profile")
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="claimed_orders",
        verbose_name=_("account"),
        help_text=_("The account that claimed this guest order through an emailed link."),
    )  # fmt: skip
    cart = models.ForeignKey(Cart, models.SET_NULL, null=True, related_name="orders", verbose_name=_("cart"))
    email = models.EmailField(_("email"))
    language = models.CharField(_("language"), max_length=12, default=shop_language)
    shipping_address = models.ForeignKey(Address, verbose_name=_("shipping address"), **LIVE_ADDRESS)
    billing_address = models.ForeignKey(Address, verbose_name=_("billing address"), **LIVE_ADDRESS)
    shipping_address_text = models.TextField(_("shipping address"), blank=True)
    billing_address_text = models.TextField(_("billing address"), blank=True)
    phone = models.CharField(_("phone number"), **optional_text(MAX_PHONE))
    buyer_note = models.TextField(_("note from the buyer"), **optional_text(MAX_NOTE))
    gift_message = models.TextField(_("gift message"), **optional_text(MAX_GIFT_MESSAGE))
    # The versions that the shopper agreed to. They are null if there was no such page, and for older orders.
    terms_text = models.ForeignKey(PageText, verbose_name=_("terms"), **AGREED_TEXT)
    privacy_text = models.ForeignKey(PageText, verbose_name=_("privacy"), **AGREED_TEXT)
    withdrawal_text = models.ForeignKey(PageText, verbose_name=_("withdrawal"), **AGREED_TEXT)
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
    amount_lost = models.DecimalField(_("lost in disputes"), **MONEY, default=Decimal(0))
    currency = models.CharField(_("currency"), max_length=3, default="")
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    active = models.BooleanField(_("active"), default=True)
    payment_intent_id = models.CharField(_("payment intent"), max_length=120, null=True, blank=True, unique=True)
    intent_try = models.PositiveSmallIntegerField(default=1)
    asked_at = models.DateTimeField(null=True, editable=False)  # when a page last asked Stripe: see may_ask_stripe
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)
    placed_at = models.DateTimeField(_("placed"), null=True, blank=True)
    # Keyed hashes (billing.models.attempt.fingerprint), empty once the order is paid.
    placed_ip = models.CharField(_("IP address (hashed)"), max_length=40, blank=True, editable=False)
    placed_session = models.CharField(_("session (hashed)"), max_length=40, blank=True, editable=False)
    is_hold_checked = models.BooleanField(default=False, editable=False)  # see orders.models.holds.limit_hold
    holds_stock = models.BooleanField(
        _("items reserved"),
        default=True,
        help_text=_("An unpaid order above the limits of its visitor reserves its items only when it is paid."),
    )
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    shipped_at = models.DateTimeField(
        _("shipped"), null=True, blank=True,
        help_text=_("When the last unit was shipped, refunded or withdrawn. Empty while units are left to ship."),
    )  # fmt: skip
    checksum = models.CharField(
        max_length=80,
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
        permissions = [
            ("refund_order", "Can refund orders"),
            ("ship_order", "Can ship orders"),
            ("export_order", "Can export orders"),
        ]
        indexes = [
            models.Index(fields=["status", "placed_at"], name="order_status"),
            models.Index(fields=["placed_at"], condition=~Q(placed_ip=""), name="order_placer"),
            models.Index(fields=["-placed_at", "-id"], name="order_newest"),
            models.Index(fields=["paid_at"], name="order_paid"),
            models.Index(fields=["placed_at"], condition=~Q(attention=""), name="order_attention"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["cart"], condition=Q(active=True), name="order_one_live_a_cart"),
            models.CheckConstraint(condition=Q(amount_refunded__lte=F("total")), name="order_refunds_within_total"),
            models.CheckConstraint(condition=Q(total__gte=0), name="order_total_not_negative"),
        ]

    def __str__(self) -> str:
        return self.order_id

    def get_absolute_url(self) -> str:
        return slug_url("orders:detail", self.order_id)

    @property
    def entries(self) -> list[TotalEntry]:
        """The entries of the total to show."""
        return shown_entries(self)

    @property
    def is_paid(self) -> bool:
        """Whether the order was paid, including orders that were shipped or refunded later."""
        return self.status in self.PAID_STATES

    @property
    def is_unpaid(self) -> bool:
        """Whether the order awaits payment or is being canceled."""
        return self.status in self.UNPAID_STATES

    @property
    def refundable(self) -> Decimal:
        """The amount that is left of the total after refunds and lost disputes."""
        return max(self.total - self.amount_refunded - self.amount_lost, Decimal(0))

    @property
    def is_payable(self) -> bool:
        return self.status == self.Status.PLACED

    @property
    def has_addresses(self) -> bool:
        return bool(self.shipping_address_id and self.billing_address_id)

    @property
    def is_billed_to_shipping_address(self) -> bool:
        return self.billing_address_id in (None, self.shipping_address_id)

    @property
    def reserved_until(self) -> datetime | None:
        """The time at which an unpaid order expires and its stock is released; None if the order is open."""
        # In UTC, because sums in a time zone ignore that its clock can change.
        return self.placed_at and self.placed_at.astimezone(UTC) + timedelta(minutes=settings.ORDER_HOLD_MINUTES)

    @property
    def is_hold_over(self) -> bool:
        """Whether `reserved_until` has passed. The order can be paid until the next reconcile cancels it."""
        return self.reserved_until is not None and self.reserved_until <= timezone.now()

    @property
    def item_count(self) -> int:
        """The total number of units in all lines."""
        return sum(item.quantity for item in self.items.all())

    def use_address(self, address: Address, kind: str) -> None:
        """Set the shipping or billing address of an open order.

        A shipping address becomes the destination on the cart page, and the billing address if the order has none yet.
        """
        if kind == Address.Type.SHIPPING and self.cart:  # the cart is written before the order, to avoid deadlocks
            self.cart.store_choices(country=address.country, region=address.state)
        changes: dict[str, Any] = {f"{kind}_address": address}
        if kind == Address.Type.SHIPPING:
            changes["billing_address"] = Coalesce(
                "billing_address", Value(address.pk), output_field=models.BigIntegerField()
            )
        Order.objects.filter(pk=self.pk, status=self.Status.OPEN).update(**changes)

    def open_payment(self) -> "Payment | None":
        """Return the payment attempt that can still succeed, or None."""
        return self.payments.filter(status__in=Payment.OPEN).first()

    def last_payment(self) -> "Payment | None":
        return self.payments.order_by("-number").first()

    def check_intent(self, intent: Intent) -> None:
        """Raise WrongObject unless the metadata of this intent names this order."""
        check_same("order", (intent.order_id, intent.order_uuid), (self.order_id, str(self.uuid)))

    def may_ask_stripe(self) -> bool:
        """Return whether a page may ask Stripe about this order now, and record that it does.

        One update checks and records it, so of several requests at the same moment only one asks. A time that is too
        far ahead, because a clock was wrong, does not count.
        """
        now = timezone.now()
        is_recent = Q(asked_at__gt=now - self.ASK_AFTER, asked_at__lt=now + self.ASK_AFTER)
        due = Order.objects.filter(Q(asked_at=None) | ~is_recent, pk=self.pk)
        return bool(due.update(asked_at=now))

    def record(self, kind: str, by: str = "", text: object = "", language: str = "") -> None:
        """Append an event to the order's history, with `text` translated into the order's language, or `language`.

        No other code creates order events.
        """
        texts = event_texts(text, language or self.language)
        insert_row(OrderEvent(order=self, kind=kind, by=by[:254], **texts))
