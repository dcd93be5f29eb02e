"""The shipping methods and tax rates that are active, read or cached."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.core.cache import cache

from carts.models.rates import HUNDRED, ShippingMethod, TaxRate
from core.money import has_excess_decimals, round_money

RULES_KEY = "pricing-rules"  # Change it with the class: other versions of the shop can share the cache.


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
        return cls(list(ShippingMethod.objects.filter(active=True)), list(TaxRate.objects.filter(active=True)))

    @classmethod
    def cached(cls) -> "PricingRules":
        """Return the rules from the cache, at most a minute old. They are cached because every cart page needs them."""
        return cache.get_or_set(RULES_KEY, cls.from_database, 60) or cls.from_database()

    @staticmethod
    def clear_cache() -> None:
        """Delete the cached rules, so that the next request reads them from the database."""
        cache.delete(RULES_KEY)

    def methods_for(self, country: str, currency: str) -> list[ShippingMethod]:
        """Return the methods for this country with a price that the currency allows, in order of preference."""
        return [
            method
            for method in self.methods
            if method.serves(country) and not has_excess_decimals(method.price, currency)
        ]

    def rate_for(self, country: str, region: str) -> TaxRate | None:
        """Return the rate of the region, otherwise that of the whole country, or None if there is neither."""
        rates = [rate for rate in self.rates if rate.country == country]
        name = region.strip().casefold()
        return next(
            (rate for rate in rates if name in rate.spellings), next((rate for rate in rates if not rate.region), None)
        )

    def regions_of(self, country: str) -> list[str]:
        """Return the regions of a country that have a separate rate, by their first spelling."""
        return sorted(
            rate.region.split(",")[0].strip() for rate in self.rates if rate.country == country and rate.region
        )

    def countries(self) -> set[str] | None:
        """Return the codes of all countries that are delivered to, or None for everywhere."""
        lists = [method.countries.replace(",", " ").split() for method in self.methods]
        return {code for codes in lists for code in codes} if all(lists) else None
