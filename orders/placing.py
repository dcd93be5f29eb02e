"""Step P1: an open order becomes a placed one, its goods held and everything frozen, or nothing changes."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from addresses.models import Address
from carts.models import Cart, CartItem
from carts.quotes import Quote, quote
from ecommerce.money import format_money, maximum, minimum
from orders.models import Order, OrderEvent, OrderItem
from orders.seals import seal_of


class PlaceRefused(Exception):
    """The order cannot be placed as it was shown; `problems` says why, in words for the shopper."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def place(order: Order, shown: dict[str, Any]) -> bool:
    """Place `order` for exactly what was shown (the facts of its signed quote).

    False if it was not open any more, so that somebody was first; PlaceRefused, and nothing changed, if prices,
    stock or lines are others than shown, or an address is missing.
    """
    with transaction.atomic():
        # Rows are always written in this order, cart, order, products, so that nobody waits for each other in a ring.
        is_closed = Cart.objects.filter(pk=order.cart_id or 0, active=True).update(active=False)
        now = timezone.now()
        was_open = Order.objects.filter(pk=order.pk, status=Order.Status.OPEN, active=True)
        if not was_open.update(status=Order.Status.PLACED, placed_at=now, updated=now):
            transaction.set_rollback(True)
            return False
        order.refresh_from_db()
        if order.cart is None or not is_closed:
            raise PlaceRefused([_("Your cart has changed. Please look at it again.")])
        today = quote(order.cart.lines())
        problems = _problems(order, today, shown) or _take_stock(order, today)
        if problems:
            raise PlaceRefused(problems)
        _freeze(order, today)
        order.refresh_from_db()
        Order.objects.filter(pk=order.pk).update(seal=seal_of(order))
        order.record(OrderEvent.Kind.PLACED)
    order.refresh_from_db()
    return True


def _problems(order: Order, today: Quote, shown: dict[str, Any]) -> list[str]:
    """Why the order differs from what its shopper agreed to, or cannot be sold at all."""
    if not today.lines:
        return [_("Your cart is empty.")]
    if not order.has_addresses:
        return [_("Tell us where to send your order.")]
    if today.problems:
        return [f"{title}: {problem}." for title, problem in today.problems.items()]
    if today.facts() != shown:
        return _differences(today, shown)
    if today.is_too_small:
        least = format_money(minimum(today.currency), today.currency)
        return [_("The smallest order we can take is %(amount)s.") % {"amount": least}]
    if today.is_too_large:
        most = format_money(maximum(today.currency), today.currency)
        return [_("The largest order we can take is %(amount)s.") % {"amount": most}]
    return []


def _differences(today: Quote, shown: dict[str, Any]) -> list[str]:
    """One sentence for each line whose price is not the one shown, else one for the whole."""
    found = []
    for line in today.lines:
        was = shown.get("lines", {}).get(str(line.product_id))
        if was and was[1] != str(line.product.price):
            price = format_money(line.product.price, today.currency)
            found.append(_("%(title)s now costs %(price)s.") % {"title": line.product.title, "price": price})
    return [*found, _("Your order has changed. Please check the new total before you place it.")]


def _take_stock(order: Order, today: Quote) -> list[str]:
    """Hold the goods, in the order of the products' ids so that no two orders wait for each other."""
    for line in sorted(today.lines, key=lambda line: line.product_id):
        if not line.product.take(line.quantity, order.order_id):
            return [_("%(title)s has just sold out in this quantity.") % {"title": line.product.title}]
    return []


def _freeze(order: Order, today: Quote) -> None:
    """Copy lines, sums, addresses and language; nothing of them changes ever after."""
    OrderItem.objects.bulk_create(_frozen_line(order, line) for line in today.lines)
    Order.objects.filter(pk=order.pk).update(
        subtotal=today.subtotal,
        discount_total=today.discount,
        shipping_total=today.shipping,
        tax_total=today.tax,
        total=today.total,
        currency=today.currency,
        email=order.billing_profile.email,
        language=get_language() or "en",
        shipping_address_text=_text(order.shipping_address),
        billing_address_text=_text(order.billing_address),
    )


def _frozen_line(order: Order, line: CartItem) -> OrderItem:
    return OrderItem(
        order=order,
        product=line.product,
        sku=line.product.sku,
        title=line.product.title,
        unit_price=line.product.price,
        quantity=line.quantity,
        total=line.total,
    )


def _text(address: Address | None) -> str:
    return "\n".join(address.lines()) if address else ""
