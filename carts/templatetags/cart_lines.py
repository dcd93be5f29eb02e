"""The tag for the lines of the cart page: {% load cart_lines %}{% cart_lines quote.lines %}."""

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from django import template
from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

from carts.models import CartItem
from core.money import format_money
from core.rendering.patterns import fill_pattern
from core.templatetags.shop import field_error

register = template.Library()


class Kind(NamedTuple):
    """What decides which parts a line has."""

    has_picture: bool
    is_on_sale: bool
    has_exclusion: bool
    has_old_price: bool
    has_problem: bool
    has_quantity: bool
    has_error: bool


@register.simple_tag(takes_context=True)
def cart_lines(context: Context, lines: Iterable[CartItem]) -> SafeString:
    """Render the lines, with an error message at each quantity that was rejected."""
    rows = []
    for line in lines:
        error = field_error(context, "quantity-", line.product_id)  # type: ignore[arg-type]
        values = _values(line, error)
        if line.problem:
            values["problem"] = _problem_text(context, line)
        kind = Kind(
            has_picture="src" in values,
            is_on_sale=line.product.active,
            has_exclusion="exclusion" in values,
            has_old_price="old_price" in values,
            has_problem="problem" in values,
            has_quantity=line.product.max_cart_quantity() > 0,
            has_error=bool(error),
        )
        rows.append(fill_pattern("carts/snippets/cart_line.html", kind, values))
    return mark_safe("".join(rows))  # noqa: S308 - the values are escaped


def _values(line: CartItem, error: str) -> dict[str, str]:
    """Return the values of a line as HTML. After an error, the field shows the rejected quantity again."""
    product, old_price = line.product, line.old_price
    values = {
        "pk": str(product.pk),
        "url": escape(product.get_absolute_url()),
        "title": escape(product.title),
        "price": escape(format_money(product.price, settings.CURRENCY)),
        "total": escape(format_money(line.total, settings.CURRENCY)),
        "shown": str(line.quantity),
        "typed": escape(line.typed_quantity if error and line.typed_quantity else str(line.quantity)),
        "limit": str(product.max_cart_quantity()),
    }
    values |= {"error": escape(error)} if error else {}
    values |= {} if product.withdrawal_days else {"exclusion": escape(product.withdrawal_exclusion)}
    values |= {"src": escape(product.image.small_url)} if product.image else {}
    return values | ({} if old_price is None else {"old_price": escape(format_money(old_price, settings.CURRENCY))})


def _problem_text(context: Context, line: CartItem) -> str:
    """Render why the line cannot be bought as it is, which can depend on the visitor's unpaid orders."""
    problem = get_template("carts/snippets/line_problem.html").template  # type: ignore[attr-defined]
    with context.push(line=line, product=line.product):
        return str(problem.render(context))
