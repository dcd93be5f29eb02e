"""What a product's page tells to programs that read it: schema.org data, one graph a page."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from ecommerce.links import absolute
from products.models import Category, Picture, Product


def product_graph(product: Product, pictures: Iterable[Picture], categories: Iterable[Category]) -> dict[str, Any]:
    """The product with its offer, and the way to it as snippets/breadcrumb.html shows it."""
    places = [(_("Home"), reverse("home"))]
    places += [(category.title, category.get_absolute_url()) for category in categories]
    places += [(product.title, product.get_absolute_url())]
    return {"@context": "https://schema.org", "@graph": [_product(product, pictures), _breadcrumbs(places)]}


def _product(product: Product, pictures: Iterable[Picture]) -> dict[str, Any]:
    address = absolute(product.get_absolute_url())
    images = [absolute(row.image.large_url) for row in (product, *pictures) if row.image]
    found: dict[str, Any] = {"@type": "Product", "@id": f"{address}#product", "url": address, "name": product.title}
    found |= {"description": product.description or product.title, "sku": product.sku}
    found |= {"image": images} if images else {}
    found |= {"category": product.category.title} if product.category else {}
    found |= {"inProductGroupWithID": product.group} if product.group else {}
    return found | {"offers": _offer(product, address)}


def _offer(product: Product, address: str) -> dict[str, Any]:
    return {
        "@type": "Offer",
        "url": address,
        "price": str(product.price),
        "priceCurrency": settings.CURRENCY.upper(),
        "availability": f"https://schema.org/{'OutOfStock' if product.is_sold_out else 'InStock'}",
        "itemCondition": "https://schema.org/NewCondition",
        "seller": {"@type": "Organization", "name": settings.SITE_NAME},
    }


def _breadcrumbs(places: list[tuple[str, str]]) -> dict[str, Any]:
    items = [
        {"@type": "ListItem", "position": number, "name": name, "item": absolute(path)}
        for number, (name, path) in enumerate(places, start=1)
    ]
    return {"@type": "BreadcrumbList", "itemListElement": items}
