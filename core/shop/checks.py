"""System check of the row about the shop. It reads the database, so `check --database` and `migrate` run it."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

from core.shop import NEUTRAL_NAME
from core.shop.models import Shop

# The settings that only fill the row, with its columns.
FILLED = {"SITE_NAME": "name", "SUPPORT_EMAIL": "email"}
DEFAULTS = {NEUTRAL_NAME, *settings.EMAIL_DEFAULTS.values()}


@register(Tags.database)
def check_shop(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn if the row differs from the settings that filled it, because only the row counts (W001)."""
    return [message for alias in databases or [] for message in _check_shop(alias)]


def _check_shop(alias: str) -> Iterator[CheckMessage]:
    if Shop._meta.db_table not in connections[alias].introspection.table_names():
        return  # before the first migration
    row = Shop.objects.using(alias).first()
    for name, column in FILLED.items() if row else ():
        setting, value = getattr(settings, name), getattr(row, column)
        if setting not in (value, *DEFAULTS):
            yield Warning(
                f"{name} is {setting!r}, but pages and emails show {value!r}, which staff entered.",
                hint=f"Set {name} to the value of the shop in the admin, or remove it from the environment.",
                id="core.W001",
            )
