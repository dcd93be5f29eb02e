"""System checks of the rates that staff edit. They read the database, so `check --database` and `migrate` run them."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from addresses.countries import is_destination
from carts.models.rates import ShippingMethod, TaxRate
from core.database.checks import check_rows


@register(Tags.database)
def check_rates(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn about rates and shipping methods for places that no postal address can have (W001 and W002)."""
    return check_rows(databases, _check_rates)


def _check_rates(alias: str) -> Iterator[CheckMessage]:
    for rate in TaxRate.objects.using(alias).filter(active=True):
        if rate.has_unknown_region or not is_destination(rate.country):
            yield Warning(
                f"No postal address can be in the area of the tax rate {rate.title}, {rate.place}.",
                hint="Choose its country and region from the lists in the admin.",
                id="carts.W001",
            )
    for method in ShippingMethod.objects.using(alias).filter(active=True):
        if wrong := [code for code in method.country_codes if not is_destination(code)]:
            yield Warning(
                f"The shop does not ship to a country of the shipping method {method.title}: {wrong[0]}.",
                hint="Correct its countries in the admin, or SHOP_COUNTRIES.",
                id="carts.W002",
            )
