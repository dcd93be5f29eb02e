"""Tests for regions: rates and postal addresses name the same regions, by key or by any of their names."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.checks import Tags, run_checks
from django.core.exceptions import ValidationError
from django.test import Client

from addresses.countries import country_choices
from addresses.country_rules import get_country_rules, region_choices, region_key
from addresses.forms import AddressForm
from addresses.models import Address
from carts.forms import DeliveryForm
from carts.models import CartItem
from carts.models.rates import ShippingMethod, TaxRate
from carts.pricing.quotes import Destination, quote
from carts.pricing.rules import PricingRules
from products.models import Product
from tests.makers import add_to_cart, make_product, make_tax, make_user, submit_details

pytestmark = pytest.mark.django_db
COUNTRIES = [code for code, _name in country_choices()]
LISTED = [code for code in COUNTRIES if region_choices(code)]
RATE = {"title": "Sales tax", "percent": "8", "on_shipping": "on", "active": "on"}


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


def add_rate(staff: Client, country: str, region: str) -> str:
    """Add a tax rate in the admin. Return the errors of its region, or ""."""
    page = staff.post("/admin/carts/taxrate/add/", RATE | {"country": country, "region": region})
    return "" if page.status_code == 302 else " ".join(page.context["adminform"].form.errors.get("region", []))


@pytest.mark.parametrize(
    ("country", "text", "key"),
    [
        ("US", "California", "CA"), ("US", " ca ", "CA"), ("US", "new  york", "NY"), ("CA", "Québec", "QC"),
        ("CA", "quebec", "QC"), ("JP", "Tokyo", "東京都"), ("JP", "東京都", "東京都"), ("KR", "서울", "서울특별시"),
        ("BR", "Sao Paulo", "SP"), ("ES", "Álava", "VI"), ("IT", "Roma", "RM"), ("US", "\uff23\uff21", "CA"),
        ("DE", "", ""),
        ("US", "Narnia", None), ("US", "\x00", None), ("DE", "Bayern", None), ("RO", "Cluj", None), ("XX", "x", None),
    ],
)  # fmt: skip
def test_region_key_is_the_same_for_key_and_names(country: str, text: str, key: str | None) -> None:
    assert region_key(country, text) == key


def test_every_region_is_found_by_its_key_and_name() -> None:
    for country in LISTED:
        for key, area in get_country_rules(country).areas.items():
            assert {region_key(country, text) for text in (key, key.lower(), area.name, f" {area.name.upper()} ")} == {
                key
            }, (country, key)


@pytest.mark.slow
def test_rate_of_a_region_named_in_words_is_charged_at_the_checkout(client: Client) -> None:
    make_tax("8.25", title="Sales tax", country="US", region="California")
    add_to_cart(client, make_product())
    client.post("/cart/delivery/", {"country": "US", "region": "California"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert "Sales tax 8.25%" in client.get("/cart/").text
    submit_details(client, country="US", state="CA", city="Los Angeles", postal_code="90001")
    assert "Sales tax 8.25%" in client.get("/cart/checkout/").text


@pytest.mark.slow
def test_cart_and_checkout_charge_the_rate_of_every_region_alike() -> None:
    lines = [CartItem(product=Product(pk=1, price=Decimal(10)), quantity=1)]
    methods = [ShippingMethod(title="Van", price=Decimal(1))]
    for country in LISTED:
        for key, area in list(get_country_rules(country).areas.items())[:60]:
            rules = PricingRules(methods, [TaxRate(title="T", country=country, region=key, percent=Decimal(8))])
            address = AddressForm(initial={"country": country, "state": area.name})
            for region in (key, area.name, address["state"].value()):
                assert quote(lines, Destination(country, region), rules=rules).tax_title == "T", (country, region)
            assert rules.regions_of(country) == [(key, area.label)]


def test_old_address_with_the_name_of_a_region_is_charged_its_rate() -> None:
    make_tax("8.25", title="Sales tax", country="US", region="CA")
    rate = PricingRules.from_database().rate_for("US", Address(country="US", state="California").state)
    assert rate
    assert rate.title == "Sales tax"


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("country", "region"), [("US", "California"), ("US", "US:CA"), ("US", "ca"), ("JP", "Tokyo")])
def test_admin_stores_the_key_of_a_region(staff: Client, country: str, region: str) -> None:
    assert add_rate(staff, country, region) == ""
    stored = TaxRate.objects.get()
    assert stored.region in dict(region_choices(country))
    page = staff.get(f"/admin/carts/taxrate/{stored.pk}/change/").text
    assert f'<option value="{country}:{stored.region}" selected>' in page


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("country", "region"), [("US", "Narnia"), ("US", "FR:CA"), ("DE", "Bayern"), ("AT", "Tirol"), ("RO", "Cluj")]
)
def test_admin_rejects_a_region_that_no_address_can_have(staff: Client, country: str, region: str) -> None:
    assert "Postal addresses in " in add_rate(staff, country, region)
    assert not TaxRate.objects.exists()


@pytest.mark.slow
def test_model_accepts_only_regions_that_a_postal_address_can_have() -> None:
    for country in COUNTRIES:
        for region in ("", "Narnia", "California", "Tokyo", "Cluj"):
            rate = TaxRate(title="T", country=country, region=region, percent=Decimal(8))
            try:
                rate.full_clean()
            except ValidationError:
                continue
            assert rate.region in ("", *dict(region_choices(country)))


@pytest.mark.slow
def test_admin_rejects_a_second_rate_for_a_region_under_another_name(staff: Client) -> None:
    make_tax(country="US", region="CA, California")
    assert add_rate(staff, "US", "california") == "There is already a tax rate for this area."


@pytest.mark.slow
def test_admin_keeps_an_old_region_that_is_unknown_until_staff_choose_one(staff: Client) -> None:
    rate = make_tax(country="US", region="Narnia")
    page = staff.get(f"/admin/carts/taxrate/{rate.pk}/change/").text
    assert '<option value="Narnia" selected>' in page


def test_admin_rejects_countries_that_the_shop_does_not_ship_to(staff: Client, settings: Any) -> None:
    settings.SHOP_COUNTRIES = ["GB"]
    data = {"title": "Van", "price": "4", "countries": "GB, FR", "position": "0"}
    page = staff.post("/admin/carts/shippingmethod/add/", data)
    assert page.context["adminform"].form.errors["countries"] == ["We do not deliver to France."]
    page = staff.post("/admin/carts/taxrate/add/", RATE | {"country": "FR", "region": ""})
    assert "country" in page.context["adminform"].form.errors


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        ({"country": "US", "region": "CA, California"}, []),
        ({"country": "US", "region": "Narnia"}, ["carts.W001"]),
        ({"country": "DE", "region": "Bayern"}, ["carts.W001"]),
        ({"country": "XX"}, ["carts.W001"]),
    ],
)
def test_check_reports_rates_for_places_that_no_address_can_have(fields: dict[str, str], ids: list[str]) -> None:
    make_tax(**fields)
    assert [found.id for found in run_checks(tags=[Tags.database], databases=["default"])] == ids


def test_check_reports_methods_for_countries_that_the_shop_does_not_ship_to() -> None:
    ShippingMethod.objects.update(countries="GB, UK")
    [found] = run_checks(tags=[Tags.database], databases=["default"])
    assert (found.id, "UK" in found.msg) == ("carts.W002", True)


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"country": "us", "state": "California"}, ("US", "CA")),
        ({"country": "US", "state": "Narnia"}, None),
        ({"country": "UK", "state": ""}, None),
        ({"country": "RO", "state": "Cluj"}, ("RO", "Cluj")),
    ],
)
def test_postal_address_is_stored_with_the_key_of_its_region(
    fields: dict[str, str], stored: tuple[str, str] | None
) -> None:
    address = Address(name="A", line_1="B", **fields)
    if stored is None:
        with pytest.raises(ValidationError):
            address.clean()
    else:
        address.clean()
        assert (address.country, address.state) == stored


def test_estimate_stores_the_key_of_a_region() -> None:
    make_tax(country="US", region="CA")
    form = DeliveryForm({"country": "US", "region": "california"})
    assert form.is_valid()
    assert form.cart_changes() == {"country": "US", "region": "CA"}
