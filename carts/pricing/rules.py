"""The shipping methods and tax rates that are active, read or cached."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from django.conf import settings
from django.utils.translation import get_language

from addresses.countries import country_choices, destination_choices, is_destination
from addresses.country_rules import region_choices, region_key
from carts.models.rates import HUNDRED, ShippingMethod, TaxRate
from core.database.prepared import PreparedQuery
from core.money import has_excess_decimals, round_money
from core.page_cache.row_changes import RowChange
from core.page_cache.shown_rows import moves_versions
from core.page_cache.version_cache import VersionCache
from core.page_cache.versions import SITE

Destinations = tuple[tuple[str, str], ...]  # the code and the name of each country
RULES = VersionCache(size=4)
METHODS = PreparedQuery(lambda: ShippingMethod.objects.filter(active=True))
RATES = PreparedQuery(lambda: TaxRate.objects.filter(active=True))


def calculate_tax(amount: Decimal, percent: Decimal, is_included: bool, currency: str) -> Decimal:
    """Return the tax that `amount` contains if it is included, otherwise the tax to add to it."""
    return round_money(amount * percent / (HUNDRED + percent if is_included else HUNDRED), currency)


@dataclass(frozen=True)
class PricingRules:
    """The active shipping methods and tax rates."""

    methods: Sequence[ShippingMethod]
    rates: Sequence[TaxRate]

    @classmethod
    def from_database(cls) -> "PricingRules":
        """Return the rules from the database. Placing an order uses only these, never the cached ones."""
        return cls(METHODS.rows(), RATES.rows())

    @classmethod
    def cached(cls) -> "PricingRules":
        """Return the current rules. They are kept until one changes, because every cart page needs them."""
        return RULES.get_or_make("rules", (), cls.from_database)

    def methods_for(self, country: str, currency: str) -> list[ShippingMethod]:
        """Return the methods for this country with a price that the currency allows, in order of preference."""
        methods = self.usable_methods(currency) if is_destination(country) else []
        return [method for method in methods if method.serves(country)]

    def usable_methods(self, currency: str) -> list[ShippingMethod]:
        """Return the methods with a price that the currency allows."""
        return [method for method in self.methods if not has_excess_decimals(method.price, currency)]

    def rate_for(self, country: str, region: str) -> TaxRate | None:
        """Return the rate of the region, otherwise that of the whole country, or None if there is neither.

        The region can be a key or a name.
        """
        rates = [rate for rate in self.rates if rate.country == country]
        key = region_key(country, region)
        return next(
            (rate for rate in rates if key and key in rate.region_keys),
            next((rate for rate in rates if not rate.region.strip()), None),
        )

    def regions_of(self, country: str) -> list[tuple[str, str]]:
        """Return (key, label) pairs of the regions of a country that have a separate rate, sorted by label."""
        keys = {key for rate in self.rates if rate.country == country for key in rate.region_keys}
        return sorted((pair for pair in region_choices(country) if pair[0] in keys), key=lambda pair: pair[1])

    def destinations(self, *also: str) -> Destinations:
        """Return (code, name) pairs of the countries that a method delivers to, and those in `also`, sorted by name.

        Every page that asks where to deliver offers this list.
        """
        methods = self.usable_methods(settings.CURRENCY)
        is_everywhere = any(not method.country_codes for method in methods)
        codes = frozenset(code for method in methods for code in method.country_codes)
        return _destinations(None if is_everywhere else codes, also, get_language(), tuple(settings.SHOP_COUNTRIES))

    def destination_codes(self) -> tuple[str, ...]:
        return _codes(self.destinations())

    def delivers_to(self, country: str) -> bool:
        return bool(self.methods_for(country, settings.CURRENCY))

    def undelivered(self, countries: Iterable[str]) -> set[str]:
        """Return those of the countries that no method delivers to."""
        return {country for country in set(countries) if not self.delivers_to(country)}


@lru_cache(maxsize=64)
def _destinations(codes: frozenset[str] | None, also: tuple[str, ...], *_depends_on: Hashable) -> Destinations:
    """Return the countries with these codes, or all, that the shop ships to, and those in `also`.

    The names depend on the active language, and the countries on settings.SHOP_COUNTRIES.
    """
    served = {code for code, _name in destination_choices() if codes is None or code in codes}
    return tuple((code, name) for code, name in country_choices() if code in served or code in also)


@lru_cache(maxsize=64)
def _codes(destinations: Destinations) -> tuple[str, ...]:
    return tuple(code for code, _name in destinations)


@moves_versions(ShippingMethod)
@moves_versions(TaxRate)
def names_of_rates(changes: list[RowChange]) -> set[str]:
    """Name the version of all pages, because most say what prices include."""
    return {SITE}
