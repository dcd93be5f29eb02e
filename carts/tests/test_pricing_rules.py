"""Tests for pricing rules: discount codes, validation in the admin, and the rules cache."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from addresses.countries import country_choices
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.pricing.rules import PricingRules
from tests.makers import make_discount, make_tax, make_user
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
NOW = timezone.now()
DAY = timedelta(days=1)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


def errors(page: Any) -> str:
    """Return the text of all form errors on an admin page."""
    form = page.context["adminform"].form
    return " ".join(str(error) for found in form.errors.values() for error in found)


# --- discount codes ---


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, ""),
        ({"active": False}, "The code TEN is not valid."),
        ({"starts": NOW + DAY}, "The code TEN is valid only from "),
        ({"starts": NOW - DAY, "ends": NOW + DAY}, ""),
        ({"ends": NOW - DAY}, "The code TEN expired on "),
        ({"uses_limit": 2, "uses": 1}, ""),
        ({"uses_limit": 2, "uses": 2}, "The code TEN has been used up."),
        ({"uses_limit": 0}, "The code TEN has been used up."),
        ({"minimum": Decimal(20)}, ""),
        ({"minimum": Decimal("20.01")}, "The code TEN is valid for orders of £20.01 or more."),
    ],
)
def test_code_problem_says_why_it_does_not_apply(fields: dict[str, Any], message: str) -> None:
    problem = Discount(code="TEN", value=Decimal(10), **fields).problem(Decimal(20))
    assert problem.startswith(message)
    assert bool(problem) == bool(message)


def test_code_with_too_many_decimals_for_the_currency_does_not_apply(settings: Any) -> None:
    settings.CURRENCY = "jpy"
    assert Discount(code="TEN", kind="amount", value=Decimal("9.50")).problem(Decimal(2000))


@pytest.mark.parametrize("typed", ["ten", "TEN", " Ten "])
def test_code_is_found_in_any_case(typed: str) -> None:
    discount = make_discount("Ten")
    found = Discount.objects.find(typed)
    assert (found, str(found)) == (discount, "TEN")


def test_code_is_unique_in_any_case() -> None:
    make_discount("TEN")
    with pytest.raises(IntegrityError):
        Discount.objects.bulk_create([Discount(code="ten", value=Decimal(5))])


@pytest.mark.parametrize(("limit", "taken"), [(None, [True] * 3), (2, [True, True, False]), (0, [False] * 3)])
def test_reserve_use_stops_at_the_usage_limit(limit: int | None, taken: list[bool]) -> None:
    discount = make_discount(uses_limit=limit)
    assert [discount.reserve_use() for _order in range(3)] == taken
    discount.refresh_from_db()
    assert discount.uses == sum(taken)


def test_reserve_use_rejects_a_deactivated_code() -> None:
    discount = make_discount()
    Discount.objects.update(active=False)
    assert not discount.reserve_use()


def test_saving_a_stale_discount_keeps_the_current_uses() -> None:
    stale = make_discount()
    Discount.objects.get().reserve_use()
    stale.value = Decimal(20)
    stale.save()
    stale.refresh_from_db()
    assert (stale.uses, stale.value) == (1, Decimal(20))


# --- validation in the admin ---

METHOD = {"title": "Van", "price": "5.00", "free_from": "", "countries": "", "position": "1", "active": "on"}
RATE = {"title": "VAT", "country": "GB", "region": "", "percent": "20", "active": "on"}
CODE = {"code": "spring-5", "kind": "percent", "value": "5", "active": "on"}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("model", "data", "changes", "message"),
    [
        ("shippingmethod", METHOD, {"countries": "GB, XX"}, "There is no country with the code XX."),
        ("shippingmethod", METHOD, {"price": "-1"}, "greater than or equal to 0"),
        ("shippingmethod", METHOD, {"weight_from": "9", "weight_to": "8"}, "less than the minimum weight"),
        ("taxrate", RATE, {"percent": "100.001"}, "less than or equal to 100"),
        ("taxrate", RATE, {"country": "XX"}, "Select a valid choice"),
        ("discount", CODE, {"code": "ten %"}, "Use only letters from A to Z, digits, - and _."),
        ("discount", CODE, {"code": "old"}, "This code already exists."),
        ("discount", CODE, {"value": "101"}, "cannot exceed 100 percent"),
        ("discount", CODE, {"value": "0"}, "greater than or equal to 0.01"),
        (
            "discount", CODE,
            {"starts_0": "2026-02-01", "starts_1": "10:00", "ends_0": "2026-01-01", "ends_1": "10:00"},
            "must be after the start",
        ),
    ],
)  # fmt: skip
def test_admin_rejects_invalid_values(staff: Client, model: str, data: Any, changes: Any, message: str) -> None:
    make_discount("OLD")
    page = staff.post(f"/admin/carts/{model}/add/", data | changes)
    assert page.status_code == 200
    assert message in errors(page)


def test_admin_normalizes_country_codes(staff: Client) -> None:
    staff.post("/admin/carts/shippingmethod/add/", METHOD | {"countries": "gb ie,FR  gb"})
    method = ShippingMethod.objects.get(title="Van")
    assert method.countries == "GB, IE, FR"
    assert [method.serves(country) for country in ("GB", "IE", "FR", "DE")] == [True, True, True, False]


def test_admin_rejects_amounts_with_too_many_decimals(staff: Client, settings: Any) -> None:
    settings.CURRENCY = "jpy"
    page = staff.post("/admin/carts/shippingmethod/add/", METHOD | {"price": "4.95"})
    assert "JPY does not have that many decimal places." in errors(page)


def test_admin_saves_a_code_in_uppercase_and_never_changes_it(staff: Client) -> None:
    staff.post("/admin/carts/discount/add/", CODE)
    discount = Discount.objects.get()
    staff.post(f"/admin/carts/discount/{discount.pk}/change/", CODE | {"code": "other", "value": "7", "uses": "9"})
    discount.refresh_from_db()
    assert (discount.code, discount.value, discount.uses) == ("SPRING-5", Decimal(7), 0)


@pytest.mark.parametrize("region", ["ca", "Nevada, california", "CA,NV"])
def test_region_has_one_rate_in_any_spelling(region: str) -> None:
    make_tax(country="US", region="CA, California")
    with pytest.raises(ValidationError, match="already a tax rate for this area"):
        TaxRate(title="Tax", country="US", region=region, percent=Decimal(5)).full_clean()


def test_country_has_one_rate() -> None:
    make_tax()
    with pytest.raises(IntegrityError):
        make_tax()


# --- the rules cache ---


def test_rules_are_kept_until_their_version_moves() -> None:
    rules = PricingRules.cached()
    with count_queries() as queries:
        assert PricingRules.cached() is rules
    assert len(queries) == 1
    ShippingMethod.objects.update(price=Decimal("5.95"))
    assert PricingRules.cached().methods[0].price == Decimal("5.95")


def test_changed_rules_apply_immediately() -> None:
    PricingRules.cached()
    rate = make_tax()
    assert PricingRules.cached().rates == [rate]
    rate.delete()
    assert PricingRules.cached().rates == []


def test_inactive_rules_are_excluded() -> None:
    make_tax(active=False)
    ShippingMethod.objects.update(active=False)
    assert PricingRules.from_database() == PricingRules([], [])


@pytest.mark.parametrize(
    ("countries", "shop_countries", "served"),
    [
        (["GB", "IE, FR"], [], ["FR", "IE", "GB"]),
        (["GB", "IE, FR"], ["FR", "DE"], ["FR"]),
        (["GB", ""], ["FR", "DE"], ["FR", "DE"]),
        ([], [], []),
    ],
)
def test_destinations_are_the_countries_of_the_methods_that_the_shop_ships_to(
    settings: Any, countries: list[str], shop_countries: list[str], served: list[str]
) -> None:
    settings.SHOP_COUNTRIES = shop_countries
    rules = PricingRules([ShippingMethod(countries=codes, price=Decimal(1)) for codes in countries], [])
    assert [code for code, _name in rules.destinations()] == served


def test_method_with_a_price_that_the_currency_does_not_allow_has_no_destinations(settings: Any) -> None:
    settings.CURRENCY = "jpy"
    rules = PricingRules([ShippingMethod(countries="FR", price=Decimal("4.95"))], [])
    assert rules.destinations("DE") == (("DE", "Germany"),)


@pytest.mark.parametrize("codes", ["", "GB, FR"])
def test_destinations_are_exactly_the_countries_with_a_method(settings: Any, codes: str) -> None:
    settings.SHOP_COUNTRIES = ["FR", "DE"]
    rules = PricingRules([ShippingMethod(countries=codes, price=Decimal(1))], [])
    with_method = [code for code, _name in country_choices() if rules.methods_for(code, "gbp")]
    assert [code for code, _name in rules.destinations()] == with_method


def test_new_database_has_a_method_for_everywhere_at_495_free_from_75() -> None:
    method = ShippingMethod.objects.get()
    assert (method.price, method.free_from, method.countries) == (Decimal("4.95"), Decimal(75), "")
