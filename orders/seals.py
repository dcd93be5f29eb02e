"""The seal of a placed order: a digest of all that is frozen, which the audit compares with the rows of today."""

import hashlib
import json

from orders.models import Order


def seal_of(order: Order) -> str:
    """The digest of the order's sums, words and lines as they are now; Order.seal keeps that of its placing."""
    money = [order.subtotal, order.discount_total, order.shipping_total, order.tax_total, order.total]
    words = [order.currency, order.email, order.language, order.shipping_address_text, order.billing_address_text]
    items = sorted(order.items.all(), key=lambda item: item.product_id)
    lines = [[item.product_id, item.sku, item.title, item.quantity, f"{item.tax_rate:.4f}"] for item in items]
    sums = [[f"{amount:.2f}" for amount in (item.unit_price, item.tax_total, item.total)] for item in items]
    frozen = [order.order_id, str(order.uuid), [f"{amount:.2f}" for amount in money], words, lines, sums]
    return hashlib.sha256(json.dumps(frozen).encode()).hexdigest()
