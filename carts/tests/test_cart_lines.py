"""Tests of the lines of the cart page: after any other line, a line shows its own values."""

from html import escape

from django.conf import settings as shop
from django.template import Context, Template
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from carts.models import CartItem
from core.money import format_money
from products.models import Product

PRICES = st.decimals(0, 999, places=2)
PRODUCTS = st.builds(
    Product,
    pk=st.integers(1, 9999),
    slug=st.from_regex(r"[a-z0-9-]{1,9}", fullmatch=True),
    title=st.text(st.characters(exclude_characters="\ue000\r"), min_size=1, max_size=20),
    price=PRICES,
    stock=st.sampled_from([None, 0, 1, 5000]),
    active=st.booleans(),
    image=st.sampled_from(["", "products/mug.webp"]),
    image_width=st.just(500),
)
LINES = st.builds(CartItem, product=PRODUCTS, quantity=st.integers(1, 99), seen_price=st.none() | PRICES)
TEXTS = {"en-gb": ("{} each", "Quantity of {}"), "de": ("{} pro Stück", "Menge: {}")}


def render(lines: list[CartItem], language: str) -> list[str]:
    page = Template("{% load cart_lines %}{% cart_lines lines %}")
    with translation.override(language):
        return page.render(Context({"lines": lines})).split('<li class="cart-line">')[1:]


def expected_parts(line: CartItem, language: str) -> list[str]:
    each, quantity = TEXTS[language]
    prices = [line.product.price, line.total] + ([] if line.old_price is None else [line.old_price])
    with translation.override(language):
        price, total, *old = [escape(format_money(amount, shop.CURRENCY)) for amount in prices]
        parts = [f">{each.format(price)}</p>", f'<p class="amount">{total}</p>', *old, line.problem]
    can_change = line.product.active and line.product.stock != 0
    parts += [quantity.format(escape(line.product.title)), f'value="{line.quantity}"'] if can_change else []
    return [*parts, f">{escape(line.product.title)}</", f"?product_id={line.product.pk}"]


@given(st.lists(LINES, min_size=1, max_size=4), st.permutations(["en-gb", "de"]))
@settings(max_examples=20, deadline=None)
def test_line_shows_its_own_values(lines: list[CartItem], languages: list[str]) -> None:
    for language in languages:
        rows = render(lines, language)
        assert len(rows) == len(lines)
        for line, row in zip(lines, rows, strict=True):
            assert [part for part in expected_parts(line, language) if part not in row] == []
            assert "\ue000" not in row
            assert ('name="quantity"' in row) == (line.product.active and line.product.stock != 0)
            assert ("stock-low" in row) == (line.old_price is not None)
            assert ("<img" in row) == bool(line.product.image)
