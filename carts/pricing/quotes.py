"""Price quotes for carts. The function `quote` calculates every total on a page, in a cart or in an order."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

from addresses.countries import country_name, no_delivery_message
from addresses.models import Address
from carts.models import Cart, CartItem
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.pricing.charge_limits import excess_items, largest_discount, missing_items, reduced_discount_message
from carts.pricing.rules import PricingRules, calculate_tax
from carts.pricing.totals import TotalEntry, add_up, shown_entries, tax_of_charges
from core.money import allocate, format_money, maximum_charge, minimum_charge

ZERO = Decimal(0)
MAX_NAME_LENGTH = 40  # characters of an earlier title in messages


class Destination(NamedTuple):
    """The part of a shipping address that prices depend on."""

    country: str
    region: str = ""


UNKNOWN_DESTINATION = Destination("")


class LineAmounts(NamedTuple):
    """A line's share of the discount, and the tax on the line."""

    discount: Decimal
    tax: Decimal


class LineFacts(NamedTuple):
    """What the shopper agrees to about a line.

    `title` and `picture` are digests, because a signed cart must not become too long. `name` is the beginning of the
    title, for messages. `withdrawal` is the period in days, and a digest of the reason if there is none.
    """

    quantity: int
    price: str
    name: str
    title: str
    picture: str
    withdrawal: list[Any]


@dataclass(frozen=True)
class Quote:
    """The lines and sums of one cart at current prices and rules, in the shop's currency.

    The fields have the same names as those of an order. Sums and messages are computed once, in the active language.
    """

    lines: Sequence[CartItem]
    line_amounts: Sequence[LineAmounts]
    currency: str
    subtotal: Decimal
    discount_total: Decimal = ZERO
    shipping_total: Decimal = ZERO
    shipping_tax: Decimal = ZERO
    is_tax_included: bool = True
    destination: Destination = UNKNOWN_DESTINATION
    method: ShippingMethod | None = None
    methods: Sequence[ShippingMethod] = ()
    rate: TaxRate | None = None
    discount: Discount | None = None
    code_problem: str = ""
    delivery_problem: str = ""

    @cached_property
    def tax_total(self) -> Decimal:
        return sum((part.tax for part in self.line_amounts), tax_of_charges(self))

    @cached_property
    def total(self) -> Decimal:
        """The amount to pay. Tax is added only if prices do not include it."""
        return add_up(self)

    @cached_property
    def entries(self) -> list[TotalEntry]:
        """The entries of the total to show."""
        return shown_entries(self)

    @property
    def item_count(self) -> int:
        """The total number of units in all lines."""
        return sum(line.quantity for line in self.lines)

    @property
    def discount_code(self) -> str:
        return self.discount.code if self.discount else ""

    @property
    def shipping_title(self) -> str:
        return self.method.title if self.method else ""

    @property
    def delivery_days(self) -> int | None:
        """The longest delivery time in days, if the shop says one."""
        return self.method.longest_days if self.method else None

    @property
    def tax_title(self) -> str:
        return self.rate.title if self.rate else ""

    @property
    def tax_rate(self) -> Decimal:
        """The tax rate in percent."""
        return self.rate.percent if self.rate else ZERO

    @property
    def country_name(self) -> str:
        return country_name(self.destination.country)

    @cached_property
    def problems(self) -> dict[str, str]:
        """The reasons why lines cannot be bought as they are, by product title."""
        return {str(line.product): line.problem for line in self.lines if line.problem}

    @property
    def is_too_small(self) -> bool:
        """Whether the total is below the minimum amount of a Stripe charge."""
        return self.total < minimum_charge(self.currency)

    @property
    def is_too_large(self) -> bool:
        """Whether the total is above the maximum amount of a Stripe charge."""
        return self.total > maximum_charge(self.currency)

    @cached_property
    def amount_problem(self) -> str:
        """A message for the shopper that says why this total cannot be charged and what helps, or "" if it can."""
        if self.is_too_small:
            text = _("The minimum order value is %(amount)s. Add items for %(missing)s or more.")
            limit, missing = minimum_charge(self.currency), missing_items(self)
        elif self.is_too_large:
            text = _("The maximum order value is %(amount)s. Remove items for %(missing)s or more.")
            limit, missing = maximum_charge(self.currency), excess_items(self)
        else:
            return ""
        return text % {"amount": format_money(limit, self.currency), "missing": format_money(missing, self.currency)}

    @property
    def discount_note(self) -> str:
        """A message for the shopper that says why the code takes less off than it says, or ""."""
        return reduced_discount_message(self)

    @property
    def missing_for_free_shipping(self) -> Decimal:
        """The amount missing for free shipping. Zero if shipping is already free or never free."""
        free_from = self.method.free_from if self.method else None
        return max(free_from - self.subtotal, ZERO) if free_from is not None and self.shipping_total else ZERO

    @cached_property
    def shipping_choices(self) -> list[tuple[ShippingMethod, Decimal]]:
        """The shipping methods that are available for these lines and this destination, with their prices."""
        return [(method, method.price_for(self.subtotal)) for method in self.methods]

    def facts(self) -> dict[str, Any]:
        """Return what the shopper agrees to.

        These are each line, delivery, discount, tax, total and currency. A tax of zero is not shown, so its title and
        rate are left out.
        """
        amounts = ("shipping_total", "discount_total", "tax_total", "total")
        return {
            "lines": {str(line.product_id): list(_line_facts(line)) for line in self.lines},
            "shipping_method": self.method.pk if self.method else None,
            "shipping_title": self.shipping_title,
            "discount_code": self.discount_code,
            "tax_title": self.tax_title if self.tax_total else "",
            "tax_rate": f"{self.tax_rate:.3f}" if self.tax_total else "",
            "is_tax_included": self.is_tax_included,
            **{name: _format_amount(getattr(self, name)) for name in amounts},
            "currency": self.currency,
        }


def _line_facts(line: CartItem) -> LineFacts:
    product = line.product
    return LineFacts(
        quantity=line.quantity,
        price=_format_amount(product.price),
        name=_shorten(product.title),
        title=_digest(product.title),
        picture=_digest(product.image.name or ""),
        withdrawal=[product.withdrawal_days, _digest(product.withdrawal_exclusion)],
    )


def _shorten(title: str) -> str:
    """Return the title or its beginning, the same in every language, unlike what Django's Truncator returns."""
    return title if len(title) <= MAX_NAME_LENGTH else title[: MAX_NAME_LENGTH - 1] + "…"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _format_amount(amount: Decimal) -> str:
    """Return the amount with two decimals, so that equal amounts have the same text."""
    return f"{amount:.2f}"


def quote_cart(
    cart: Cart,
    lines: Sequence[CartItem] | None = None,
    address: Address | None = None,
    rules: PricingRules | None = None,
) -> Quote:
    """Return the quote for the cart with the visitor's choices, shipped to `address`.

    Without an address, the destination is that of the estimate, or the shop's own country if none was chosen. Without
    `rules`, the cached rules are used, which can be a minute old.
    """
    lines = cart.lines() if lines is None else lines
    code = Discount.objects.find(cart.discount_code)
    return quote(lines, _get_destination(cart, address), cart.shipping_method_id, code, rules)


def _get_destination(cart: Cart, address: Address | None) -> Destination:
    if address:
        return Destination(address.country, address.state)
    return Destination(cart.country or settings.SHOP_COUNTRY, cart.region)


def quote(
    lines: Sequence[CartItem],
    destination: Destination | None = None,
    method: int | None = None,
    discount: Discount | None = None,
    rules: PricingRules | None = None,
) -> Quote:
    """Return the quote for the lines.

    `destination` defaults to the shop's own country. `method` is the id of the chosen shipping method. If it is not
    available, the first available method is used. A discount that does not apply is left out, and `code_problem` says
    why. Without `rules`, the cached rules are used.
    """
    destination, rules = destination or Destination(settings.SHOP_COUNTRY), rules or PricingRules.cached()
    subtotal = sum((line.total for line in lines), ZERO)
    methods, delivery_problem = _delivery(lines, destination, rules) if lines else ([], "")
    chosen = next((one for one in methods if one.pk == method), methods[0] if methods else None)
    shipping = chosen.price_for(subtotal) if chosen else ZERO
    most = largest_discount(subtotal, shipping, settings.CURRENCY)
    code_problem = discount.problem(subtotal, most) if discount and lines else ""
    discount = discount if lines and not code_problem else None
    amount_off = discount.amount_off(subtotal, settings.CURRENCY, most) if discount else ZERO
    rate = rules.rate_for(*destination)
    return Quote(
        lines=lines,
        line_amounts=_line_amounts(lines, amount_off, rate),
        currency=settings.CURRENCY,
        subtotal=subtotal,
        discount_total=amount_off,
        shipping_total=shipping,
        shipping_tax=_tax(shipping, rate) if rate and rate.on_shipping else ZERO,
        is_tax_included=settings.PRICES_INCLUDE_TAX,
        destination=destination,
        method=chosen,
        methods=methods,
        rate=rate,
        discount=discount,
        code_problem=code_problem,
        delivery_problem=delivery_problem,
    )


def _line_amounts(lines: Sequence[CartItem], amount_off: Decimal, rate: TaxRate | None) -> list[LineAmounts]:
    """Return each line's share of the discount, and the tax on the rest of the line."""
    shares = allocate(amount_off, [line.total for line in lines], settings.CURRENCY)
    return [LineAmounts(share, _tax(line.total - share, rate)) for line, share in zip(lines, shares, strict=True)]


def _tax(amount: Decimal, rate: TaxRate | None) -> Decimal:
    return calculate_tax(amount, rate.percent, settings.PRICES_INCLUDE_TAX, settings.CURRENCY) if rate else ZERO


def _delivery(
    lines: Sequence[CartItem], destination: Destination, rules: PricingRules
) -> tuple[list[ShippingMethod], str]:
    """Return the available shipping methods and "", or no methods and a message for the shopper that says why."""
    available = rules.methods_for(destination.country, settings.CURRENCY)
    grams = sum(line.product.weight * line.quantity for line in lines)
    fitting = [method for method in available if method.accepts_weight(grams)]
    if fitting:
        return fitting, ""
    if not available:
        return [], no_delivery_message(destination.country)
    text = _("We do not deliver orders of this weight to %(country)s.")
    return [], text % {"country": country_name(destination.country)}
