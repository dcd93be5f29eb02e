"""The seller as schema.org data."""

from typing import Any

from core.absolute_urls import absolute
from core.page_cache.version_cache import VersionCache
from core.shop.current import current_shop
from core.shop.models import Shop

_SELLERS = VersionCache(size=2)


def seller() -> dict[str, Any]:
    """Return the seller of all offers, with what the shop says about itself. Callers must not change it."""
    return _SELLERS.get_or_make("seller", (), _read_seller)


def _read_seller() -> dict[str, Any]:
    shop = current_shop()
    data: dict[str, Any] = {"@type": "Organization", "name": shop.name, "email": shop.email}
    data |= {"legalName": shop.legal_name} if shop.legal_name else {}
    data |= {"telephone": shop.phone} if shop.phone else {}
    data |= {"vatID": shop.vat_id} if shop.vat_id else {}
    data |= {"logo": absolute(shop.logo.url)} if shop.logo else {}
    return data | ({"address": _address(shop)} if shop.street else {})


def _address(shop: Shop) -> dict[str, str]:
    return {
        "@type": "PostalAddress",
        "streetAddress": shop.street,
        "postalCode": shop.postcode,
        "addressLocality": shop.city,
        "addressCountry": shop.country,
    }
