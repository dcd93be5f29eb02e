"""The checksum of a placed order, which the audit compares with the current rows.

It shows changes made by hand, by a script or by a restored backup. It is not a signature: whoever can write the rows
can write the checksum too.
"""

import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, Model

from orders.models import Order, OrderItem

FIRST_VERSION = 2  # Checksums of version 1 have no prefix and are compared by `_version_1`.
VERSION = max([FIRST_VERSION, *Order.columns.added, *OrderItem.columns.added])


def checksum_of(order: Order, version: int = VERSION, items: Iterable[OrderItem] | None = None) -> str:
    """Return the checksum of the order's frozen columns and lines as they are now, for example "v2:9f86d0...".

    Order.checksum stores the value from the time of placing, or of a later erasure. Without `items`, the lines are read
    from the database.
    """
    if version < FIRST_VERSION:
        return _version_1(order)
    frozen = [
        _values(order, Order.columns.frozen_in(version)),
        [_values(item, OrderItem.columns.frozen_in(version)) for item in _sorted_items(order, items)],
    ]
    return f"v{version}:{_digest(frozen)}"


def is_intact(order: Order) -> bool:
    """Check whether the order is still what its stored checksum says, in the version of that checksum."""
    prefix, separator, _digest_text = order.checksum.partition(":")
    version = int(prefix[1:]) if separator and prefix[1:].isdecimal() else 1
    return order.checksum == checksum_of(order, version)


def _values(row: Model, names: Iterable[str]) -> list[list[Any]]:
    """Return the names and values of the columns, with values that are the same on every database."""
    return [[name, _plain(row, name)] for name in names]


def _plain(row: Model, name: str) -> Any:
    field = row._meta.get_field(name)
    value = getattr(row, getattr(field, "attname", name))
    if isinstance(field, DecimalField):
        return f"{value:.{field.decimal_places}f}"
    return value if isinstance(value, bool | int | None) else str(value)


def _sorted_items(order: Order, items: Iterable[OrderItem] | None = None) -> list[OrderItem]:
    return sorted(order.items.all() if items is None else items, key=lambda item: item.product_id)


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def _version_1(order: Order) -> str:
    """Return the checksum as it was before it had a version, for orders placed at that time."""
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
    items = _sorted_items(order)
    lines = [[item.product_id, item.sku, item.title, item.quantity, f"{item.tax_rate:.3f}"] for item in items]
    line_amounts = [[f"{amount:.2f}" for amount in _line_amounts(item)] for item in items]
    frozen = [order.order_id, str(order.uuid), [f"{amount:.2f}" for amount in amounts], texts, rules, lines]
    return _digest([*frozen, line_amounts])


def _line_amounts(item: OrderItem) -> list[Decimal]:
    return [item.unit_price, item.discount_total, item.tax_total, item.total]
