"""The checksum of a placed order: a digest of all frozen data, which the audit compares with the current rows."""

import hashlib
import json
from decimal import Decimal

from orders.models import Order, OrderItem


def seal_of(order: Order) -> str:
    """Return the digest of the order's current amounts, texts and lines.

    Order.seal stores the digest from the time of placing, or of a later erasure.
    """
    amounts = [
        order.subtotal,
        order.discount_total,
        order.shipping_total,
        order.tax_total,
        order.total,
        order.shipping_tax,
    ]
    texts = [order.currency, order.email, order.language, order.shipping_address_text, order.billing_address_text]
    rules = [order.shipping_title, order.discount_code, order.tax_title, f"{order.tax_rate:.3f}", order.is_tax_included]
    items = sorted(order.items.all(), key=lambda item: item.product_id)
    lines = [[item.product_id, item.sku, item.title, item.quantity, f"{item.tax_rate:.3f}"] for item in items]
    sums = [[f"{amount:.2f}" for amount in _sums(item)] for item in items]
    frozen = [order.order_id, str(order.uuid), [f"{amount:.2f}" for amount in amounts], texts, rules, lines, sums]
    return hashlib.sha256(json.dumps(frozen).encode()).hexdigest()


def _sums(item: OrderItem) -> list[Decimal]:
    return [item.unit_price, item.discount_total, item.tax_total, item.total]
