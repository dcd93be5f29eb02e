"""What shoppers can do about a total that Stripe does not charge, and how discounts stay within the limits.

A discount never takes the total below the minimum charge: it is reduced instead. So a total is too small only because
of its items, and adding items always helps.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Protocol

from django.conf import settings
from django.utils.translation import gettext as _

from carts.models import CartItem
from carts.models.rates import HUNDRED, Discount, ShippingMethod
from carts.pricing.totals import Totals
from core.money import format_money, maximum_charge, minimum_charge, smallest_unit

ZERO = Decimal(0)


class PricedCart(Totals, Protocol):
    """The parts of a quote that decide what helps."""

    @property
    def currency(self) -> str: ...
    @property
    def total(self) -> Decimal: ...
    @property
    def lines(self) -> Sequence[CartItem]: ...
    @property
    def method(self) -> ShippingMethod | None: ...
    @property
    def discount(self) -> Discount | None: ...


def largest_discount(subtotal: Decimal, shipping: Decimal, currency: str) -> Decimal:
    """Return the largest discount that leaves the minimum charge, not counting tax that is added to the prices."""
    return max(subtotal + shipping - minimum_charge(currency), ZERO)


def missing_items(quote: PricedCart) -> Decimal:
    """Return an amount for which items have to be added to a total that is too small."""
    least = minimum_charge(quote.currency)
    return _items_to_add(quote, least - quote.total, least - quote.subtotal)


def excess_items(quote: PricedCart) -> Decimal:
    """Return an amount for which items have to be removed from a total that is too large.

    The discount and free delivery can be lost when items are removed, so this counts on neither.
    """
    most, price = maximum_charge(quote.currency), quote.method.price if quote.method else ZERO
    if _is_exact(quote, most):
        return quote.total - most
    unit = smallest_unit(quote.currency)
    if not quote.is_tax_included:
        rounding = unit * (len(quote.lines) + 1)
        most = (most - rounding) * HUNDRED / (HUNDRED + quote.tax_rate)
    return quote.subtotal - max((most - price).quantize(unit, ROUND_FLOOR), ZERO)


def _is_exact(quote: PricedCart, most: Decimal) -> bool:
    """Check whether removing items always lowers the total by exactly their price."""
    if quote.discount_total or (not quote.is_tax_included and quote.tax_rate):
        return False
    method = quote.method
    keeps_price = method is None or method.free_from is None or method.price == ZERO
    return keeps_price or (method is not None and (method.free_from or ZERO) + method.price <= most)


def reduced_discount_message(quote: PricedCart) -> str:
    """Return a message that says that the code takes less off to leave the minimum charge, or "" if it does not."""
    discount = quote.discount
    if discount is None or discount.amount_off(quote.subtotal, quote.currency) == quote.discount_total:
        return ""
    least = minimum_charge(quote.currency)
    params = {
        "least": format_money(least, quote.currency),
        "code": discount.code,
        "amount": format_money(quote.discount_total, quote.currency),
    }
    if discount.kind != Discount.Kind.AMOUNT:
        return _("The smallest amount we can charge is %(least)s, so the code %(code)s takes %(amount)s off.") % params
    return _(
        "The smallest amount we can charge is %(least)s, so the code %(code)s takes %(amount)s off."
        " Add items for %(missing)s or more to use its full value."
    ) % (params | {"missing": format_money(items_for_full_value(quote, discount.value), quote.currency)})


def items_for_full_value(quote: PricedCart, amount: Decimal) -> Decimal:
    """Return an amount for which items have to be added until a code for a fixed amount is not reduced."""
    missing = amount + minimum_charge(quote.currency) - quote.subtotal
    return _items_to_add(quote, missing - quote.shipping_total, missing)


def _items_to_add(quote: PricedCart, missing: Decimal, without_shipping: Decimal) -> Decimal:
    """Return `missing`, or `without_shipping` if delivery can become free before items for that much are added."""
    free_from = quote.method.free_from if quote.method and quote.shipping_total else None
    is_kept = free_from is None or free_from >= quote.subtotal + without_shipping
    return missing if is_kept else without_shipping


def discount_warning(discount: Discount, methods: Iterable[ShippingMethod], cheapest_product: Decimal) -> str:
    """Return a message for staff if the code takes some orders to the minimum charge, or "" if it never does.

    The discount is compared with the cheapest delivery, regardless of its countries and weights.
    """
    currency = settings.CURRENCY
    least, methods = minimum_charge(currency), list(methods)
    smallest = max(discount.minimum or ZERO, cheapest_product, smallest_unit(currency))
    for subtotal in _critical_subtotals(smallest, methods):
        delivery = min((method.price_for(subtotal) for method in methods), default=ZERO)
        off = discount.amount_off(subtotal, currency)
        if off and subtotal - off + delivery < least:
            return _(
                "With the code %(code)s, an order of %(subtotal)s with delivery for %(delivery)s would cost less than"
                " %(least)s, the smallest amount that can be charged. The shopper then pays %(least)s."
            ) % {
                "code": discount.code,
                "subtotal": format_money(subtotal, currency),
                "delivery": format_money(delivery, currency),
                "least": format_money(least, currency),
            }
    return ""


def _critical_subtotals(smallest: Decimal, methods: Sequence[ShippingMethod]) -> list[Decimal]:
    """Return the subtotals at which the total can be lowest: the smallest one, and those that make delivery free."""
    thresholds = {method.free_from for method in methods if method.free_from is not None}
    return sorted({smallest} | {amount for amount in thresholds if amount > smallest})
