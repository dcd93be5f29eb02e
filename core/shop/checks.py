"""System check of the row about the shop. It reads the database, so `check --database` and `migrate` run it."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

from core.database.checks import check_rows
from core.shop import NEUTRAL_NAME
from core.shop.models import Shop

# The settings that only fill the row, with its columns.
FILLED = {"SITE_NAME": "name", "SUPPORT_EMAIL": "email"}
DEFAULTS = {NEUTRAL_NAME, *settings.EMAIL_DEFAULTS.values()}


@register(Tags.database)
def check_shop(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn if the row differs from the settings that filled it, because only the row counts (W001)."""
    return check_rows(databases, _check_shop)


def _check_shop(alias: str) -> Iterator[CheckMessage]:
    row = Shop.objects.using(alias).first()
    for name, column in FILLED.items() if row else ():
        setting, value = getattr(settings, name), getattr(row, column)
        if setting not in (value, *DEFAULTS):
            yield Warning(
                f"{name} is {setting!r}, but pages and emails show {value!r}, which staff entered.",
                hint=f"Set {name} to the value of the shop in the admin, or remove it from the environment.",
                id="core.W001",
            )
