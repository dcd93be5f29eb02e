"""What a cart costs: the one function behind every total on a page, in a cart or in an order."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.core import signing
from django.utils.translation import gettext as _

from addresses.countries import country_name
from addresses.models import Address
from carts.models import Cart, CartItem
from carts.rates import Discount, Rules, ShippingMethod, TaxRate, tax_on
from ecommerce.money import format_money, maximum, minimum, share_out

SALT = "quote"
NOTHING = Decimal(0)


class Destination(NamedTuple):
    """Where goods go to, as far as prices care."""

    country: str
    region: str = ""


NOWHERE = Destination("")


class Part(NamedTuple):
    """What a line bears of the discount, and its tax."""

    discount: Decimal
    tax: Decimal


@dataclass(frozen=True)
class Quote:
    """The lines and sums of one cart by today's prices and rules, in the shop's currency; named as an order's are."""

    lines: Sequence[CartItem]
    parts: Sequence[Part]
    currency: str
    subtotal: Decimal
    discount_total: Decimal = NOTHING
    shipping_total: Decimal = NOTHING
    shipping_tax: Decimal = NOTHING
    is_tax_included: bool = True
    to: Destination = NOWHERE
    method: ShippingMethod | None = None
    methods: Sequence[ShippingMethod] = ()
    rate: TaxRate | None = None
    discount: Discount | None = None
    code_problem: str = ""
    delivery_problem: str = ""

    @property
    def tax_total(self) -> Decimal:
        return sum((part.tax for part in self.parts), self.shipping_tax)

    @property
    def total(self) -> Decimal:
        """What is to pay; a tax that prices include is in it already."""
        return (
            self.subtotal
            - self.discount_total
            + self.shipping_total
            + (NOTHING if self.is_tax_included else self.tax_total)
        )

    @property
    def discount_code(self) -> str:
        return self.discount.code if self.discount else ""

    @property
    def shipping_title(self) -> str:
        return self.method.title if self.method else ""

    @property
    def tax_title(self) -> str:
        return self.rate.title if self.rate else ""

    @property
    def tax_rate(self) -> Decimal:
        """Percent."""
        return self.rate.percent if self.rate else NOTHING

    @property
    def country_name(self) -> str:
        return country_name(self.to.country)

    @property
    def problems(self) -> dict[str, str]:
        """Why lines cannot be bought as they are, by title."""
        return {str(line.product): line.problem for line in self.lines if line.problem}

    @property
    def is_too_small(self) -> bool:
        """Below what Stripe charges at least."""
        return self.total < minimum(self.currency)

    @property
    def is_too_large(self) -> bool:
        """Above what Stripe charges at once."""
        return self.total > maximum(self.currency)

    @property
    def amount_problem(self) -> str:
        """Why this total cannot be charged, in words for the shopper."""
        if self.is_too_small:
            text, limit = _("The minimum order value is %(amount)s."), minimum(self.currency)
        elif self.is_too_large:
            text, limit = _("The maximum order value is %(amount)s."), maximum(self.currency)
        else:
            return ""
        return text % {"amount": format_money(limit, self.currency)}

    @property
    def missing_for_free_shipping(self) -> Decimal:
        """What to add for free shipping; zero if it is free already, or never."""
        free_from = self.method.free_from if self.method else None
        return max(free_from - self.subtotal, NOTHING) if free_from is not None and self.shipping_total else NOTHING

    @property
    def choices(self) -> list[tuple[ShippingMethod, Decimal]]:
        """The ways to send these goods there, with what each costs."""
        return [(method, method.price_for(self.subtotal)) for method in self.methods]

    def facts(self) -> dict[str, Any]:
        """What the shopper agrees to: each product's quantity and price, delivery, discount, tax, and the total."""
        lines = {str(line.product_id): [line.quantity, _plain(line.product.price)] for line in self.lines}
        tax = [self.tax_title, f"{self.tax_rate:.3f}", _plain(self.tax_total), self.is_tax_included]
        return {
            "lines": lines,
            "shipping": [self.method.pk if self.method else None, self.shipping_title, _plain(self.shipping_total)],
            "discount": [self.discount_code, _plain(self.discount_total)],
            "tax": tax if self.tax_total else [],
            "total": _plain(self.total),
            "currency": self.currency,
        }

    def signed(self) -> str:
        """The facts for a form's hidden field, which nobody can change unseen."""
        return signing.dumps(self.facts(), salt=SALT, compress=True)


def _plain(amount: Decimal) -> str:
    """The same text for the same amount, however many zeros its row has."""
    return f"{amount:.2f}"


def read_signed(value: str) -> dict[str, Any]:
    """The facts of a signed quote; a signing.BadSignature if we did not sign it."""
    facts: dict[str, Any] = signing.loads(value, salt=SALT)
    return facts


def quote_cart(
    cart: Cart, lines: Sequence[CartItem] | None = None, address: Address | None = None, rules: Rules | None = None
) -> Quote:
    """What `cart` costs with what its visitor chose, sent to `address`, or as long as that is unknown to the
    country chosen for the estimate. `rules` are those kept for a minute unless given.
    """
    to = Destination(cart.country or settings.SHOP_COUNTRY, cart.region)
    if address:
        to = Destination(address.country, address.state)
    code = Discount.objects.find(cart.discount_code)
    return quote(cart.lines() if lines is None else lines, to, cart.shipping_method_id, code, rules)


def quote(
    lines: Sequence[CartItem],
    to: Destination | None = None,
    method: int | None = None,
    discount: Discount | None = None,
    rules: Rules | None = None,
) -> Quote:
    """What `lines` cost sent `to` a place (the shop's own country if unknown) by the method of this id, or the first
    that fits, with this discount if it counts.
    """
    to, rules = to or Destination(settings.SHOP_COUNTRY), rules or Rules.kept()
    subtotal = sum((line.total for line in lines), NOTHING)
    methods, delivery_problem = _delivery(lines, to, rules) if lines else ([], "")
    chosen = next((one for one in methods if one.pk == method), methods[0] if methods else None)
    shipping = chosen.price_for(subtotal) if chosen else NOTHING
    code_problem = discount.problem(subtotal) if discount and lines else ""
    discount = discount if lines and not code_problem else None
    off = discount.amount_off(subtotal, settings.CURRENCY) if discount else NOTHING
    rate = rules.rate_at(*to)
    return Quote(
        lines=lines,
        parts=_parts(lines, off, rate),
        currency=settings.CURRENCY,
        subtotal=subtotal,
        discount_total=off,
        shipping_total=shipping,
        shipping_tax=_tax(shipping, rate) if rate and rate.on_shipping else NOTHING,
        is_tax_included=settings.PRICES_INCLUDE_TAX,
        to=to,
        method=chosen,
        methods=methods,
        rate=rate,
        discount=discount,
        code_problem=code_problem,
        delivery_problem=delivery_problem,
    )


def _parts(lines: Sequence[CartItem], off: Decimal, rate: TaxRate | None) -> list[Part]:
    """Each line's share of the discount, and the tax on what is left of it."""
    shares = share_out(off, [line.total for line in lines], settings.CURRENCY)
    return [Part(share, _tax(line.total - share, rate)) for line, share in zip(lines, shares, strict=True)]


def _tax(amount: Decimal, rate: TaxRate | None) -> Decimal:
    return tax_on(amount, rate.percent, settings.PRICES_INCLUDE_TAX, settings.CURRENCY) if rate else NOTHING


def _delivery(lines: Sequence[CartItem], to: Destination, rules: Rules) -> tuple[list[ShippingMethod], str]:
    """The methods that fit, or why there are none."""
    there = rules.methods_to(to.country, settings.CURRENCY)
    grams = sum(line.product.weight * line.quantity for line in lines)
    fitting = [method for method in there if method.carries(grams)]
    if fitting:
        return fitting, ""
    text = (
        _("We do not deliver orders of this weight to %(country)s.")
        if there
        else _("We do not deliver to %(country)s.")
    )
    return [], text % {"country": country_name(to.country)}
