"""Structured data for product pages: one graph of schema.org data per page."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from core.absolute_urls import absolute
from core.rendering.page_urls import page_url
from core.shop.structured_data import seller
from products.models import Category, Picture, Product


def product_graph(product: Product, pictures: Iterable[Picture], categories: Iterable[Category]) -> dict[str, Any]:
    """Return the graph of the product with its offer, and the same breadcrumbs as snippets/breadcrumb.html."""
    crumbs = [(_("Home"), page_url("home"))]
    crumbs += [(category.title, category.get_absolute_url()) for category in categories]
    crumbs += [(product.title, product.get_absolute_url())]
    return {"@context": "https://schema.org", "@graph": [_product(product, pictures), _breadcrumbs(crumbs)]}


def _product(product: Product, pictures: Iterable[Picture]) -> dict[str, Any]:
    url = absolute(product.get_absolute_url())
    rows: list[Product | Picture] = [product, *pictures]
    images = [absolute(row.image.large_url) for row in rows if row.image]
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


def _breadcrumbs(crumbs: list[tuple[str, str]]) -> dict[str, Any]:
    items = [
        {"@type": "ListItem", "position": number, "name": name, "item": absolute(path)}
        for number, (name, path) in enumerate(crumbs, start=1)
    ]
    return {"@type": "BreadcrumbList", "itemListElement": items}
