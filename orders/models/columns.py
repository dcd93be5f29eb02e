"""How the columns of orders, lines, payments, refunds, disputes and withdrawals may change, and options of columns.

The columns that are frozen when an order is placed are declared only here. `place` fills them, `save()` skips them, the
checksum covers them, and the admin and the personal data export show them.
"""

from typing import Any

from django.db import models

from core.columns import Columns

MONEY: dict[str, Any] = {"max_digits": 18, "decimal_places": 2}  # A hostile cart can have a huge total.
PERCENT: dict[str, Any] = {"max_digits": 6, "decimal_places": 3}

# A published text that the shopper agreed to. No query looks for its orders.
AGREED_TEXT: dict[str, Any] = {
    "on_delete": models.PROTECT, "null": True, "blank": True, "related_name": "+", "db_index": False,
}  # fmt: skip
# A postal address of an open order, which its shopper can edit or delete.
LIVE_ADDRESS: dict[str, Any] = {"on_delete": models.SET_NULL, "null": True, "blank": True, "related_name": "+"}


def optional_text(max_length: int) -> dict[str, Any]:
    """Return the options of a text that a shopper can add to an order."""
    return {"max_length": max_length, "blank": True, "default": "", "db_default": ""}


# Set when the order is created.
IDENTITY = ("order_id", "uuid")
# Copied from the checkout when the order is placed: see orders.workflow.placing.
FROM_CHECKOUT = (
    "email", "language", "shipping_address_text", "billing_address_text", "terms_text", "privacy_text",
    "withdrawal_text", "phone", "buyer_note", "gift_message",
)  # fmt: skip
# Copied at placing from the attributes of the same names of carts.pricing.quotes.Quote.
FROM_QUOTE = (
    "subtotal", "discount_total", "discount_code", "discount", "shipping_total", "shipping_title", "shipping_tax",
    "delivery_days", "tax_total", "tax_title", "tax_rate", "is_tax_included", "total", "currency",
)  # fmt: skip

ORDER = Columns(
    frozen=IDENTITY + FROM_CHECKOUT + FROM_QUOTE,
    conditional=(
        "status", "active", "payment_intent_id", "intent_try", "asked_at", "placed_at", "paid_at", "shipped_at",
        "amount_refunded", "amount_lost", "account", "link_version", "attention", "checksum", "holds_stock",
        "has_nothing_to_ship", "is_hold_checked", "placed_ip", "placed_session",
    ),
    free=("billing_profile", "cart", "shipping_address", "billing_address", "timestamp", "updated"),
    personal=("email", "shipping_address_text", "billing_address_text", "phone", "buyer_note", "gift_message"),
    free_text=("attention",),
    not_personal=(
        "order_id", "language", "discount_code", "shipping_title", "tax_title", "currency", "payment_intent_id",
        "checksum", "placed_ip", "placed_session",
    ),
    added={
        3: ("terms_text", "privacy_text", "withdrawal_text", "delivery_days"),
        4: ("phone", "buyer_note", "gift_message"),
    },
    internal=(
        "uuid", "discount", "terms_text", "privacy_text", "withdrawal_text", "active", "intent_try", "asked_at",
        "account", "link_version", "attention", "checksum", "holds_stock", "has_nothing_to_ship", "is_hold_checked",
        "placed_ip", "placed_session", "billing_profile", "cart", "shipping_address", "billing_address", "updated",
    ),
)  # fmt: skip
ORDER_ITEM = Columns(
    frozen=(
        "order", "product", "sku", "title", "unit_price", "quantity", "discount_total", "tax_rate", "tax_total",
        "total", "withdrawal_days", "withdrawal_exclusion",
    ),
    not_personal=("sku", "title", "withdrawal_exclusion"),
    internal=("order", "product"),
    added={3: ("withdrawal_days", "withdrawal_exclusion")},
)  # fmt: skip
PAYMENT = Columns(
    frozen=("order", "number", "key", "card", "stripe_pm", "amount", "currency", "timestamp"),
    conditional=("status", "code", "decline_code", "message"),
    free=("updated",),
    free_text=("message",),
    not_personal=("stripe_pm", "currency", "code", "decline_code"),
    internal=("order", "key", "card", "stripe_pm", "code", "decline_code", "updated"),
)
REFUND = Columns(
    frozen=("payment", "amount", "currency", "delivery", "units", "reason", "is_mismatch", "by", "timestamp"),
    conditional=("status", "key", "stripe_id", "message", "withdrawal", "restock", "is_restocked", "asked_at"),
    free_text=("reason", "by", "message"),
    not_personal=("currency", "stripe_id", "units", "restock"),
    internal=(
        "payment", "delivery", "units", "is_mismatch", "by", "key", "stripe_id", "message", "withdrawal", "restock",
        "is_restocked", "asked_at",
    ),
)  # fmt: skip
SHIPMENT = Columns(
    frozen=("order", "number", "units", "shipped_at", "by"),
    conditional=("carrier", "tracking", "delivered_at"),
    free_text=("tracking", "by"),
    not_personal=("units",),
    internal=("order", "units", "carrier", "by"),  # the export has the titles of the lines and the name of the carrier
)
DISPUTE = Columns(
    frozen=("order", "stripe_id", "currency", "opened"),
    conditional=("amount", "reason", "status", "is_lost", "due", "closed"),
    not_personal=("stripe_id", "currency", "reason"),
    internal=("order", "stripe_id", "due"),
)
# What a shopper types to withdraw; an erasure clears it. The checksum covers the other frozen columns.
TYPED = ("name", "order_number", "email", "items")
# What staff add later, and the order that is looked up after declaring, change by conditional updates.
WITHDRAWAL = Columns(
    frozen=(
        *TYPED, "number", "is_whole_order", "is_from_order_page", "language", "declared_at", "digest", "checksum",
    ),
    conditional=(
        "order", "units", "ip", "is_checked", "assigned_by", "assigned_at", "arrived_at", "closed_at", "closed_by",
    ),
    personal=("name", "email"),
    free_text=("order_number", "items", "assigned_by", "closed_by"),
    not_personal=("number", "units", "language", "digest", "checksum", "ip"),
    internal=("order", "units", "digest", "checksum", "ip", "is_checked", "assigned_by", "closed_by"),
)  # fmt: skip
