"""Tests of product cards: after any other card, a card shows the values of its product."""

import re
from decimal import Decimal
from html import escape
from types import SimpleNamespace
from typing import Any

from django.conf import settings as shop
from django.template import Context, Template
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import format_money
from products.lists.cards import CardRows
from products.models import Product

WIDTHS = st.sampled_from([None, 100, 500, 2000])
PRODUCTS = st.builds(
    Product,
    pk=st.integers(1, 9999),
    slug=st.from_regex(r"[a-z0-9-]{1,9}", fullmatch=True),
    title=st.text(st.characters(exclude_characters="\ue000\r"), min_size=1, max_size=20),
    price=st.decimals(0, 9999, places=2),
    stock=st.sampled_from([None, 0, 1, 5, 6, 5000]),
    image=st.sampled_from(["", "products/mug.webp", "products/a & b.png"]),
    image_width=WIDTHS,
    image_height=WIDTHS,
)  # fmt: skip
LABELS = {
    "en-gb": ("Only {} left", "Sold out", "Add to cart"),
    "de": ("Nur noch {}", "Ausverkauft", "In den Warenkorb"),
}


def render(products: list[Product], language: str, options: str = "", **context: Any) -> str:
    for product in products:
        product.card_rows = product.card_rows or CardRows()
    page = Template("{% load product_cards %}{% product_cards products " + options + " %}")
    with translation.override(language):
        return page.render(Context({"products": products, **context}))


def expected_parts(product: Product, language: str) -> list[str]:
    low, sold_out, add = LABELS[language]
    with translation.override(language):
        parts = [f'href="{product.get_absolute_url()}"', f">{escape(product.title)}</a>"]
        parts += [f'<p class="price">{escape(format_money(product.price, shop.CURRENCY))}</p>']
    parts += [f'value="{product.pk}"', add] if product.stock != 0 else [sold_out]
    parts += [f">{low.format(product.stock)}" if product.is_low else ""]
    return parts + ([escape(product.image.medium_url), f'width="{product.image_width}"'] if product.image else [])


@given(st.lists(PRODUCTS, min_size=1, max_size=4), st.permutations(["en-gb", "de"]))
@settings(max_examples=25, deadline=None)
def test_card_shows_the_values_of_its_product(products: list[Product], languages: list[str]) -> None:
    for language in languages:
        html = render(products, language)
        cards = html.split('<li class="product-card"')[1:]
        assert len(cards) == len(products)
        for product, card in zip(products, cards, strict=True):
            assert [part for part in expected_parts(product, language) if part not in card] == []
            assert "\ue000" not in card
            assert ("btn-add" in card, "stock-low" in card) == (product.stock != 0, product.is_low)
            assert ("<img" in card) == bool(product.image)


def make_products(number: int, **fields: Any) -> list[Product]:
    values = {"slug": "mug", "title": "Mug", "price": Decimal(16), "image": "products/mug.webp", "image_width": 2000}
    return [Product(pk=pk, **(values | fields)) for pk in range(1, number + 1)]


def test_only_the_first_pictures_are_loaded_immediately() -> None:
    html = render(make_products(6), "en-gb", "eager=4")
    assert ['loading="lazy"' in card for card in html.split("<li ")[1:]] == [False] * 4 + [True] * 2


def test_related_cards_have_no_buttons() -> None:
    assert "btn-add" not in render(make_products(2), "en-gb", "has_buttons=False")


def test_sold_out_card_names_the_unpaid_order_of_its_visitor() -> None:
    orders = SimpleNamespace(all=["A-1"], reserving=lambda product_id: SimpleNamespace(order_id="A-1"))
    pages = [render(make_products(1, stock=0), "en-gb", **context) for context in ({}, {"unpaid_orders": orders}, {})]
    assert [">Sold out</p>" in page for page in pages] == [True, False, True]
    assert ">Reserved for your order A-1</p>" in pages[1]


def test_card_offers_at_most_three_sizes_of_its_picture() -> None:
    images = {width: make_products(1, image_width=width)[0].image for width in (100, 161, 500, 2000)}
    sources = {width: image.card_sources() for width, image in images.items()}
    sizes = {width: re.findall(r"(\d+)w", srcset) for width, (_src, srcset) in sources.items()}
    assert sizes == {100: ["100"], 161: ["161"], 500: ["400", "500"], 2000: ["400", "640", "1280"]}
    assert {width: src for width, (src, _srcset) in sources.items()} == {
        width: image.medium_url for width, image in images.items()
    }
