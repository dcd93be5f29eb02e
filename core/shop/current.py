"""The shop as pages and emails show it."""

from django.conf import settings
from django.db import Error

from core.emails.addresses import format_address, parse_address
from core.page_cache.version_cache import VersionCache
from core.shop.models import Shop

_ROWS = VersionCache(size=2)
_latest: list[Shop] = []  # the row that this process read last


def current_shop() -> Shop:
    """Return the shop. While there is no row, return an unsaved one made from the settings.

    The row is kept until it changes, so this costs no query in a request that has read the version SITE.
    """
    return _ROWS.get_or_make("shop", (), _read) or shop_from_settings()


def shop_without_fail() -> Shop:
    """Return the shop, or `known_shop` if the database cannot be read or its table does not exist yet.

    Pages that need no other rows then work without the database.
    """
    try:
        return current_shop()
    except Error:
        return known_shop()


def known_shop() -> Shop:
    """Return the shop as this process has read it last, without a query, for pages that must not need the database."""
    return _latest[0] if _latest else shop_from_settings()


def shop_from_settings() -> Shop:
    """Return an unsaved shop with the values of the settings, which fill the row at the first migration."""
    name, _email = parse_address(settings.DEFAULT_FROM_EMAIL)
    return Shop(
        name=settings.SITE_NAME,
        email=settings.SUPPORT_EMAIL,
        sender_name="" if name == settings.SITE_NAME else name,
        country=settings.SHOP_COUNTRY,
    )


def sender_address() -> str:
    """Return the From header of emails: the shop's name as sender, and the address of DEFAULT_FROM_EMAIL."""
    return format_address(current_shop().sender, parse_address(settings.DEFAULT_FROM_EMAIL)[1])


def stored_shop() -> Shop:
    """Return the row. Create it from the settings if there is none."""
    shop = shop_from_settings()
    values = {name: getattr(shop, name) for name in Shop.columns.shown}
    return Shop.objects.get_or_create(pk=shop.pk, defaults=values)[0]


def forget() -> None:
    """Forget what this process has read, for tests."""
    _latest.clear()


def _read() -> Shop | None:
    row: Shop | None = Shop.objects.first()
    _latest[:] = [row] if row else []
    return row
