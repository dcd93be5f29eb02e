"""Step P1, placing an order: reserve its stock and freeze its data in one transaction, or change nothing."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from addresses.models import Address
from carts.models import Cart, CartItem
from carts.pricing.quotes import LineAmounts, Quote, quote_cart
from carts.pricing.rules import PricingRules
from core.money import format_money
from orders.bookkeeping.checksum import checksum_of
from orders.models import Order, OrderEvent, OrderItem
from orders.models.columns import FROM_CHECKOUT, FROM_QUOTE
from products.models import Product


class OrderRejected(Exception):
    """Raised if an order cannot be placed as shown. `problems` contains messages for the shopper."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def place(order: Order, shown: dict[str, Any]) -> bool:
    """Place `order` exactly as shown; `shown` contains the facts of its signed quote.

    Return False if another request has already placed the order. Raise OrderRejected and change
    nothing if prices, stock, lines, delivery, tax or discount differ from what was shown, or if an address is missing.
    """
    with transaction.atomic():
        # Rows are always written in the order cart, order, discount, products to avoid deadlocks.
        is_closed = Cart.objects.filter(pk=order.cart_id or 0, active=True).update(active=False)
        now = timezone.now()
        was_open = Order.objects.filter(pk=order.pk, status=Order.Status.OPEN, active=True)
        if not was_open.update(status=Order.Status.PLACED, placed_at=now, updated=now):
            transaction.set_rollback(True)
            return False
        order.refresh_from_db()
        if order.cart is None or not is_closed:
            raise OrderRejected([_("Your cart has changed. Please check it again.")])
        quote = quote_cart(order.cart, address=order.shipping_address, rules=PricingRules.from_database())
        problems = _problems(order, quote, shown) or _use_discount_code(quote) or _reserve_stock(order, quote)
        if problems:
            raise OrderRejected(problems)
        _freeze(order, quote)
        order.refresh_from_db()
        Order.objects.filter(pk=order.pk).update(checksum=checksum_of(order))
        order.record(OrderEvent.Kind.PLACED)
    order.refresh_from_db()
    return True


def _problems(order: Order, quote: Quote, shown: dict[str, Any]) -> list[str]:
    """Return why the order differs from what the shopper agreed to, or why it cannot be sold."""
    if not quote.lines:
        return [_("Your cart is empty.")]
    if not order.has_addresses:
        return [_("Tell us where to send your order.")]
    if quote.problems:
        return [f"{title}: {problem}." for title, problem in quote.problems.items()]
    if quote.delivery_problem:
        return [quote.delivery_problem]
    if quote.facts() != shown:
        return _differences(quote, shown)
    return [quote.amount_problem] if quote.amount_problem else []


def _differences(quote: Quote, shown: dict[str, Any]) -> list[str]:
    """Return a message for each line, price or rule that differs from the one shown, and a closing message."""
    facts, shown_lines = quote.facts(), shown.get("lines", {})
    removed = Product.objects.filter(pk__in=shown_lines.keys() - facts["lines"].keys()).order_by("pk")
    messages = [_("%(title)s is no longer in your cart.") % {"title": product.title} for product in removed]
    for line in quote.lines:
        shown_count, shown_cost = shown_lines.get(str(line.product_id), [0, None])
        count, cost = facts["lines"][str(line.product_id)]
        if shown_count != count:
            messages.append(
                _("Your cart now has %(count)d × %(title)s.") % {"count": count, "title": line.product.title}
            )
        if shown_cost not in (None, cost):
            price = format_money(line.product.price, quote.currency)
            messages.append(_("%(title)s now costs %(price)s.") % {"title": line.product.title, "price": price})
    if quote.method and facts["shipping"] != shown.get("shipping"):
        params = {"title": quote.method.title, "price": format_money(quote.shipping_total, quote.currency)}
        messages.append(_("Delivery is now: %(title)s, %(price)s.") % params)
    if facts["discount"] != shown.get("discount"):
        amount = format_money(quote.discount_total, quote.currency)
        messages.append(quote.code_problem or _("The discount is now %(amount)s.") % {"amount": amount})
    if facts["tax"] != shown.get("tax"):
        messages.append(_("The tax is now %(amount)s.") % {"amount": format_money(quote.tax_total, quote.currency)})
    return [*messages, _("Your order has changed. Please check the new total before you place it.")]


def _use_discount_code(quote: Quote) -> list[str]:
    """Count one more use of the discount code. Return a message if another order got the last use."""
    if quote.discount is None or quote.discount.reserve_use():
        return []
    return [_("The code %(code)s has just been used up.") % {"code": quote.discount_code}]


def _reserve_stock(order: Order, quote: Quote) -> list[str]:
    """Reserve the stock, by ascending product id to avoid deadlocks. Return a message if a product is sold out."""
    for line in sorted(quote.lines, key=lambda line: line.product_id):
        if not line.product.reserve(line.quantity, order.order_id):
            return [_("%(title)s is no longer available in this quantity.") % {"title": line.product.title}]
    return []


def _freeze(order: Order, quote: Quote) -> None:
    """Copy what `orders.models.columns` declares as frozen to the order and its lines. It never changes afterwards."""
    rows = [
        _frozen_line(order, line, amounts, quote) for line, amounts in zip(quote.lines, quote.line_amounts, strict=True)
    ]
    OrderItem.objects.bulk_create(rows)
    checkout = {
        "email": order.billing_profile.email,
        "language": get_language() or "en",
        "shipping_address_text": _address_text(order.shipping_address),
        "billing_address_text": _address_text(order.billing_address),
    }
    frozen = {name: checkout[name] for name in FROM_CHECKOUT} | {name: getattr(quote, name) for name in FROM_QUOTE}
    Order.objects.filter(pk=order.pk).update(**frozen)


def _frozen_line(order: Order, line: CartItem, amounts: LineAmounts, quote: Quote) -> OrderItem:
    values = {
        "order": order,
        "product": line.product,
        "sku": line.product.sku,
        "title": line.product.title,
        "unit_price": line.product.price,
        "quantity": line.quantity,
        "discount_total": amounts.discount,
        "tax_rate": quote.tax_rate,
        "tax_total": amounts.tax,
        "total": line.total,
    }
    return OrderItem(**{name: values[name] for name in OrderItem.columns.frozen})


def _address_text(address: Address | None) -> str:
    return "\n".join(address.lines()) if address else ""
