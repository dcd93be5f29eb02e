"""The regions with different duties, and which of them a shop serves."""

from collections.abc import Iterable
from enum import StrEnum

from addresses.countries import EU_COUNTRIES

GERMANY, UNITED_KINGDOM = "DE", "GB"


class Region(StrEnum):
    """A region whose consumers have rights of their own. Germany is part of the EU and adds duties."""

    EU = "EU"
    UK = "UK"
    DE = "DE"


EVERYWHERE = frozenset(Region)
EU_ONLY = frozenset({Region.EU})
GERMANY_ONLY = frozenset({Region.DE})


def regions_of(countries: Iterable[str]) -> frozenset[Region]:
    """Return the regions of these countries. Without any, the shop is not ready, so all regions count."""
    codes = set(countries)
    if not codes:
        return EVERYWHERE
    members = {Region.EU: EU_COUNTRIES, Region.UK: {UNITED_KINGDOM}, Region.DE: {GERMANY}}
    return frozenset(region for region, of_region in members.items() if codes & of_region)
