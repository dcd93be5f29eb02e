"""What an address needs, country by country."""

import pytest
from django.utils import translation

from addresses.countries import country_choices, country_name
from addresses.forms import AddressForm
from addresses.models import Address
from billing.models import BillingProfile
from ecommerce.tests.makers import ADDRESS


def errors(**changes: str) -> dict[str, list[str]]:
    """What is wrong with the usual address after `changes`."""
    return dict(AddressForm(ADDRESS | changes).errors)


def test_address_as_it_should_be_has_no_errors() -> None:
    assert errors() == {}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("BA1 1AA", "BA1 1AA"),
        ("ba11aa", "BA1 1AA"),
        (" ba1 1aa ", "BA1 1AA"),
        ("SW1A 1AA", "SW1A 1AA"),
        ("sw1a1aa", "SW1A 1AA"),
        ("M1 1AE", "M1 1AE"),
        ("EC1A1BB", "EC1A 1BB"),
    ],
)
def test_uk_postcode_is_brought_into_its_form(typed: str, kept: str) -> None:
    form = AddressForm(ADDRESS | {"postal_code": typed})
    assert form.is_valid()
    assert form.cleaned_data["postal_code"] == kept


@pytest.mark.parametrize("typed", ["12345", "BA1", "BA1 1A", "1BA 1AA", "BA1 1AA1", "BA1  1AA", "BA1-1AA", "٣A1 1AA"])
def test_uk_postcode_that_is_none_is_refused(typed: str) -> None:
    assert errors(postal_code=typed) == {"postal_code": ["Enter a full UK postcode, like AA3 1AB."]}


@pytest.mark.parametrize("country", ["GB", "DE", "FR", "US", "JP"])
def test_missing_postcode_is_asked_for_where_there_are_some(country: str) -> None:
    assert errors(country=country, postal_code="", state="X") == {"postal_code": ["Enter the postcode."]}


@pytest.mark.parametrize("country", ["HK", "IE", "AE", "JM"])
def test_missing_postcode_is_fine_where_there_are_none(country: str) -> None:
    assert errors(country=country, postal_code="") == {}


@pytest.mark.parametrize(("country", "code"), [("US", "94103"), ("CA", "K1A 0B1"), ("AU", "2000"), ("BR", "01310-100")])
def test_state_is_asked_for_where_a_letter_needs_it(country: str, code: str) -> None:
    assert errors(country=country, postal_code=code) == {"state": ["Enter the state or region."]}
    assert errors(country=country, postal_code=code, state="X") == {}


@pytest.mark.parametrize("country", ["", "XX", "gb", "GBR", "ZZ", "EU", "AQ", "\x00"])
def test_country_that_is_none_is_refused(country: str) -> None:
    assert "country" in errors(country=country)


@pytest.mark.parametrize("field", ["name", "line_1", "city"])
@pytest.mark.parametrize("value", ["", "   ", "x\x00", "x" * 121])
def test_field_that_is_empty_or_too_long_is_refused(field: str, value: str) -> None:
    assert list(errors(**{field: value})) == [field]


def test_postcode_that_grows_in_capitals_is_refused_before_it_meets_its_column() -> None:
    assert "postal_code" in errors(country="DE", postal_code="ß" * 15)


@pytest.mark.django_db
def test_saved_address_belongs_to_the_profile_and_is_used_again() -> None:
    profile = BillingProfile.objects.create(email="alice@example.org")
    saved = []
    for typed in ("BA1 1AA", "ba11aa"):
        form = AddressForm(ADDRESS | {"postal_code": typed})
        assert form.is_valid()
        saved.append(form.save_for(profile))
    assert saved[0] == saved[1] == Address.objects.of(profile).get()


@pytest.mark.django_db
def test_book_shows_the_newest_first_and_nobody_elses() -> None:
    alice, bob = (BillingProfile.objects.create(email=f"{name}@example.org") for name in ("alice", "bob"))
    for profile, street in [(alice, "1 A"), (bob, "2 B"), (alice, "3 A")]:
        Address.objects.create(billing_profile=profile, **ADDRESS | {"line_1": street})
    assert [address.line_1 for address in Address.objects.of(alice)] == ["3 A", "1 A"]


def test_lines_leave_out_what_is_empty() -> None:
    address = Address(**ADDRESS | {"line_2": "", "state": "", "country": "DE", "postal_code": "10115"})
    assert address.lines() == ["Gia Guest", "1 High Street", "Bath 10115", "Germany"]


def test_countries_are_named_in_the_visitors_language() -> None:
    with translation.override("de"):
        assert country_name("DE") == "Deutschland"
    assert country_name("DE") == "Germany"


def test_country_without_a_name_shows_its_code() -> None:
    assert country_name("QX") == "QX"


def test_countries_are_in_the_order_of_their_names() -> None:
    names = [name for _code, name in country_choices()]
    assert names == sorted(names)
    assert len(names) > 200
