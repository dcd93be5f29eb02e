"""Step P1, placing an order: reserve its stock and freeze its data in one transaction, or change nothing."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from addresses.countries import EU_COUNTRIES
from carts.models import CartItem
from carts.optional_details import OPTIONAL_DETAILS
from carts.pricing.agreement import Agreement, agreed_texts, format_address
from carts.pricing.quotes import LineAmounts, Quote, quote_cart
from carts.pricing.rules import PricingRules
from core.database.prepared import PreparedQuery, update_row
from core.guarantee.current import notice_for
from core.page_cache.versions import collect_touches
from orders.bookkeeping.checksum import checksum_of
from orders.models import Order, OrderEvent, OrderItem, OrderWords
from orders.models.columns import FROM_CHECKOUT, FROM_QUOTE
from orders.models.holds import Placer, may_hold_while_paying
from orders.workflow import transitions

# What the order shows is read in one statement.
AGREED = PreparedQuery(
    lambda order: Order.objects.filter(pk=order).select_related(
        "billing_profile", "cart", "shipping_address", "billing_address"
    ),
    order=int,
)
UNKNOWN = Placer()


class OrderRejected(Exception):
    """Raised if an order cannot be placed as shown. `problems` contains messages for the shopper."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def place(
    order: Order, shown: dict[str, Any], then: Callable[[], object] = lambda: None, placer: Placer = UNKNOWN
) -> bool:
    """Place `order` exactly as shown; `shown` contains the signed facts of the page.

    Return False if another request has already placed the order. Raise OrderRejected and change nothing if anything
    differs from what was shown, if a product is sold out, or if a postal address is missing. `then` is called last in
    the transaction, if the order was placed.
    """
    with transaction.atomic(), collect_touches():
        # Rows are always written in the order cart, order, discount, products, versions to avoid deadlocks.
        is_closed = transitions.CLOSE_CART.run({"active": False}, cart=order.cart_id or 0)
        now = timezone.now()
        values = {"placed_at": now, "updated": now, "placed_ip": placer.ip, "placed_session": placer.session}
        if not transitions.PLACE.run(values | {"status": Order.Status.PLACED}, order=order.pk):
            if Order.objects.filter(pk=order.pk, status=Order.Status.OPEN).exists():  # another tab started a new order
                raise OrderRejected([_("Your checkout has expired. Please start again from your cart.")])
            transaction.set_rollback(True)
            return False
        order.refresh_from_db(from_queryset=AGREED.as_queryset(order=order.pk))
        if order.cart is None or not is_closed:
            raise OrderRejected([_("Your cart has changed. Please check it again.")])
        quote = quote_cart(order.cart, address=order.shipping_address, rules=PricingRules.from_database())
        agreement = agree(order, quote, language=shown["language"])
        problems = _problems(order, agreement, shown) or _use_discount_code(quote) or _reserve_stock(order, quote)
        if problems:
            raise OrderRejected(problems)
        _freeze(order, agreement)
        order.record(OrderEvent.Kind.PLACED)
        then()
    return True


def agree(order: Order, quote: Quote, language: str = "") -> Agreement:
    """Return what the shopper of an open order agrees to, as the payment step shows it and placing freezes it.

    Without `language`, the postal addresses are in the active language. Placing uses the language of the page that was
    pressed, so that a language chosen in another tab changes nothing.
    """
    language = language or get_language() or settings.LANGUAGE_CODE
    details: Any = {name: getattr(order, name) for name in OPTIONAL_DETAILS} | agreed_texts(language)
    return Agreement(
        quote=quote,
        email=order.billing_profile.email,
        language=language,
        shipping_address_text=format_address(order.shipping_address, language),
        billing_address_text=format_address(order.billing_address, language),
        notice=notice_for(language) if quote.destination.country in EU_COUNTRIES else None,
        **details,
    )


def _problems(order: Order, agreement: Agreement, shown: dict[str, Any]) -> list[str]:
    """Return why the order differs from what the shopper agreed to, or why it cannot be sold."""
    quote = agreement.quote
    if not quote.lines:
        return [_("Your cart is empty.")]
    if not order.has_addresses:
        return [_("Tell us where to send your order.")]
    if quote.problems:
        return [f"{title}: {problem}." for title, problem in quote.problems.items()]
    if quote.delivery_problem:
        return [quote.delivery_problem]
    if differences := agreement.differences(shown):
        return differences
    return [quote.amount_problem] if quote.amount_problem else []


def _use_discount_code(quote: Quote) -> list[str]:
    """Count one more use of the discount code. Return a message if another order got the last use."""
    if quote.discount is None or quote.discount.reserve_use():
        return []
    return [_("The code %(code)s has just been used up.") % {"code": quote.discount_code}]


def _reserve_stock(order: Order, quote: Quote) -> list[str]:
    """Reserve the stock, by ascending product id to avoid deadlocks. Return a message if a product is sold out.

    If the limits on unpaid orders do not allow the order to hold its items while it is paid, reserve nothing. `settle`
    then reserves them when the order is paid.
    """
    order.holds_stock = may_hold_while_paying(order, quote.lines)
    for line in sorted(quote.lines, key=lambda line: line.product_id) if order.holds_stock else ():
        if not line.product.reserve(line.quantity, order.order_id):
            return [_("%(title)s is no longer available in this quantity.") % {"title": line.product.title}]
    return []


def _freeze(order: Order, agreement: Agreement) -> None:
    """Copy what `orders.models.columns` declares as frozen to the order and its lines. It never changes afterwards.

    The checksum is that of the copied values. The audit compares it with what the database has stored.
    """
    quote = agreement.quote
    rows = [
        _frozen_line(order, line, amounts, quote) for line, amounts in zip(quote.lines, quote.line_amounts, strict=True)
    ]
    OrderItem.objects.bulk_create(rows)
    frozen = {name: getattr(agreement, name) for name in FROM_CHECKOUT}
    frozen |= {name: getattr(quote, name) for name in FROM_QUOTE}
    for name, value in frozen.items():
        setattr(order, name, value)
    order.checksum = checksum_of(order, items=rows)
    update_row(Order, order.pk, **frozen, checksum=order.checksum, holds_stock=order.holds_stock)
    OrderWords.objects.add_order(order, rows)


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
        "withdrawal_days": line.product.withdrawal_days,
        "withdrawal_exclusion": line.product.withdrawal_exclusion,
    }
    return OrderItem(**{name: values[name] for name in OrderItem.columns.frozen})
