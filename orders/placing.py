"""Step P1: an open order becomes a placed one, its goods held and everything frozen, or nothing changes."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from addresses.models import Address
from carts.models import Cart, CartItem
from carts.quotes import Part, Quote, quote_cart
from carts.rates import Rules
from ecommerce.money import format_money
from orders.models import Order, OrderEvent, OrderItem
from orders.seals import seal_of
from products.models import Product


class PlaceRefused(Exception):
    """The order cannot be placed as it was shown; `problems` says why, in words for the shopper."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def place(order: Order, shown: dict[str, Any]) -> bool:
    """Place `order` for exactly what was shown (the facts of its signed quote).

    False if it was not open any more, so that somebody was first; PlaceRefused, and nothing changed, if prices,
    stock, lines, delivery, tax or discount are others than shown, or an address is missing.
    """
    with transaction.atomic():
        # Rows are always written in this order, cart, order, discount, products, so that nobody waits for each other
        # in a ring.
        is_closed = Cart.objects.filter(pk=order.cart_id or 0, active=True).update(active=False)
        now = timezone.now()
        was_open = Order.objects.filter(pk=order.pk, status=Order.Status.OPEN, active=True)
        if not was_open.update(status=Order.Status.PLACED, placed_at=now, updated=now):
            transaction.set_rollback(True)
            return False
        order.refresh_from_db()
        if order.cart is None or not is_closed:
            raise PlaceRefused([_("Your cart has changed. Please check it again.")])
        today = quote_cart(order.cart, address=order.shipping_address, rules=Rules.read())
        problems = _problems(order, today, shown) or _take_code(today) or _take_stock(order, today)
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
    if today.delivery_problem:
        return [today.delivery_problem]
    if today.facts() != shown:
        return _differences(today, shown)
    return [today.amount_problem] if today.amount_problem else []


def _differences(today: Quote, shown: dict[str, Any]) -> list[str]:
    """One sentence for each line, price or rule that is not the one shown, then one for the whole."""
    now, were = today.facts(), shown.get("lines", {})
    gone = Product.objects.filter(pk__in=were.keys() - now["lines"].keys()).order_by("pk")
    found = [_("%(title)s is no longer in your cart.") % {"title": product.title} for product in gone]
    for line in today.lines:
        was, (count, cost) = were.get(str(line.product_id), [0, None]), now["lines"][str(line.product_id)]
        if was[0] != count:
            found.append(_("Your cart now has %(count)d × %(title)s.") % {"count": count, "title": line.product.title})
        if was[1] not in (None, cost):
            price = format_money(line.product.price, today.currency)
            found.append(_("%(title)s now costs %(price)s.") % {"title": line.product.title, "price": price})
    if today.method and now["shipping"] != shown.get("shipping"):
        words = {"title": today.method.title, "price": format_money(today.shipping_total, today.currency)}
        found.append(_("Delivery is now: %(title)s, %(price)s.") % words)
    if now["discount"] != shown.get("discount"):
        off = format_money(today.discount_total, today.currency)
        found.append(today.code_problem or _("The discount is now %(amount)s.") % {"amount": off})
    if now["tax"] != shown.get("tax"):
        found.append(_("The tax is now %(amount)s.") % {"amount": format_money(today.tax_total, today.currency)})
    return [*found, _("Your order has changed. Please check the new total before you place it.")]


def _take_code(today: Quote) -> list[str]:
    """Count one more use of the discount code, or say that another order had the last one."""
    if today.discount is None or today.discount.take():
        return []
    return [_("The code %(code)s has just been used up.") % {"code": today.discount_code}]


def _take_stock(order: Order, today: Quote) -> list[str]:
    """Hold the goods, in the order of the products' ids so that no two orders wait for each other."""
    for line in sorted(today.lines, key=lambda line: line.product_id):
        if not line.product.take(line.quantity, order.order_id):
            return [_("%(title)s is no longer available in this quantity.") % {"title": line.product.title}]
    return []


# What an order takes over from its quote, where it has the same name.
SUMS = (
    "subtotal", "discount_total", "discount_code", "shipping_total", "shipping_title", "shipping_tax", "tax_total",
    "tax_title", "tax_rate", "is_tax_included", "total", "currency",
)  # fmt: skip


def _freeze(order: Order, today: Quote) -> None:
    """Copy lines, sums, addresses and language; nothing of them changes ever after."""
    rows = [_frozen_line(order, line, part, today) for line, part in zip(today.lines, today.parts, strict=True)]
    OrderItem.objects.bulk_create(rows)
    Order.objects.filter(pk=order.pk).update(
        **{name: getattr(today, name) for name in SUMS},
        discount=today.discount,
        email=order.billing_profile.email,
        language=get_language() or "en",
        shipping_address_text=_text(order.shipping_address),
        billing_address_text=_text(order.billing_address),
    )


def _frozen_line(order: Order, line: CartItem, part: Part, today: Quote) -> OrderItem:
    return OrderItem(
        order=order,
        product=line.product,
        sku=line.product.sku,
        title=line.product.title,
        unit_price=line.product.price,
        quantity=line.quantity,
        discount_total=part.discount,
        tax_rate=today.tax_rate,
        tax_total=part.tax,
        total=line.total,
    )


def _text(address: Address | None) -> str:
    return "\n".join(address.lines()) if address else ""
