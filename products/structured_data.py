"""Structured data for product pages: one graph of schema.org data per page."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from core.absolute_urls import absolute
from core.page_cache.version_cache import VersionCache
from core.rendering.page_urls import page_url, surroundings
from core.shop.structured_data import seller
from products.models import Category, Picture, Product

_ITEMS = VersionCache(200)  # the breadcrumbs of each category, in each language


def product_graph(product: Product, pictures: Iterable[Picture], categories: Iterable[Category]) -> dict[str, Any]:
    """Return the graph of the product with its offer, and the same breadcrumbs as snippets/breadcrumb.html."""
    key = surroundings(), *[category.pk for category in categories]
    items = [*_ITEMS.get_or_make(key, (), lambda: _items(categories))]
    items.append(_item(len(items) + 1, product.title, product.get_absolute_url()))
    crumbs = {"@type": "BreadcrumbList", "itemListElement": items}
    return {"@context": "https://schema.org", "@graph": [_product(product, pictures), crumbs]}


def _product(product: Product, pictures: Iterable[Picture]) -> dict[str, Any]:
    url = absolute(product.get_absolute_url())
    rows: list[Product | Picture] = [product, *pictures]
    images = [absolute(image.large_url) for image in [row.image for row in rows] if image]
    data: dict[str, Any] = {"@type": "Product", "@id": f"{url}#product", "url": url, "name": product.title}
    data |= {"description": product.description or product.title, "sku": product.sku}
    data |= {"image": images} if images else {}
    data |= {"category": product.category.title} if product.category else {}
    data |= {"inProductGroupWithID": product.group} if product.group else {}
    return data | {"offers": _offer(product, url)}


def _offer(product: Product, url: str) -> dict[str, Any]:
    return {
        "@type": "Offer",
        "url": url,
        "price": str(product.price),
        "priceCurrency": settings.CURRENCY.upper(),
        "availability": f"https://schema.org/{'OutOfStock' if product.is_sold_out else 'InStock'}",
        "itemCondition": "https://schema.org/NewCondition",
        "seller": seller(),
    }


def _items(categories: Iterable[Category]) -> list[dict[str, Any]]:
    """Return the breadcrumbs from the home page to a category."""
    crumbs = [(_("Home"), page_url("home"))]
    crumbs += [(category.title, category.get_absolute_url()) for category in categories]
    return [_item(number, name, path) for number, (name, path) in enumerate(crumbs, start=1)]


def _item(number: int, name: str, path: str) -> dict[str, Any]:
    return {"@type": "ListItem", "position": number, "name": name, "item": absolute(path)}
