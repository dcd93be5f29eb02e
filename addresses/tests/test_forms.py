"""Tests for the fields and the validation of the address form, by country."""

from typing import Any

import pytest
from django.template import Context, Engine
from django.utils import translation

from addresses.countries import country_choices, country_name
from addresses.country_rules import get_country_rules
from addresses.forms import AddressForm
from addresses.models import Address
from billing.models import BillingProfile
from tests.makers import ADDRESS

FIELDS_TEMPLATE = Engine.get_default().from_string(
    "{% load fragments %}{% fragment form.empty_key %}"
    '{% include "addresses/snippets/address_fields.html" %}{% endfragment %}'
)


def errors(**changes: str) -> dict[str, list[str]]:
    """Return the form errors of a valid address after `changes`."""
    return dict(AddressForm(ADDRESS | changes).errors)


def test_valid_address_has_no_errors() -> None:
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
        ("BA1  1AA", "BA1 1AA"),
        ("BA1-1AA", "BA1 1AA"),
        ("BFPO 61", "BFPO 61"),
    ],
)
def test_uk_postcode_is_normalized(typed: str, kept: str) -> None:
    form = AddressForm(ADDRESS | {"postal_code": typed})
    assert form.is_valid()
    assert form.cleaned_data["postal_code"] == kept


@pytest.mark.parametrize("typed", ["12345", "BA1", "BA1 1A", "1BA 1AA", "BA1 1AA1", "٣A1 1AA", "GIR 0AA or so"])
def test_invalid_uk_postcode_is_rejected(typed: str) -> None:
    message = "Please check: Postcode. It should look like EC1Y 8SY."
    assert errors(postal_code=typed) == {"postal_code": [message]}


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("CA", "k1a0b1", "K1A 0B1"),
        ("PL", "00950", "00-950"),
        ("SE", "SE-114 55", "11455"),
        ("LU", "L 4750", "4750"),
        ("NL", "1234ab", "1234 AB"),
        ("JP", "\uff11\uff15\uff14\uff0d\uff10\uff10\uff12\uff13", "154-0023"),
        ("IR", "\u06f1\u06f1\u06f9\u06f3\u06f6\u06f1\u06f2\u06f3\u06f4\u06f5", "11936-12345"),
    ],
)
def test_postcode_is_normalized_for_its_country(country: str, typed: str, kept: str) -> None:
    assert get_country_rules(country).normalize_postcode(typed) == kept


@pytest.mark.parametrize(("country", "word"), [("GB", "Postcode"), ("DE", "Postcode"), ("US", "ZIP code")])
def test_missing_postcode_is_rejected_where_it_is_required(country: str, word: str) -> None:
    assert errors(country=country, postal_code="")["postal_code"] == [f"Please fill in: {word}."]


@pytest.mark.parametrize("country", ["IE", "BS", "QA", "AG"])
def test_missing_postcode_is_accepted_where_it_is_not_required(country: str) -> None:
    assert errors(country=country, postal_code="") == {}


@pytest.mark.parametrize(
    ("country", "code", "word", "key"),
    [("US", "94103", "State", "CA"), ("CA", "K1A 0B1", "Province", "ON"), ("BR", "01310-100", "State", "SP")],
)
def test_state_is_required_where_addresses_need_it(country: str, code: str, word: str, key: str) -> None:
    for typed in ("", "Atlantis", "x" * 10_000, "\x00"):
        assert errors(country=country, postal_code=code, state=typed) == {"state": [f"Please choose: {word}."]}
    assert errors(country=country, postal_code=code, state=key) == {}


def test_fields_that_the_country_does_not_use_are_ignored() -> None:
    form = AddressForm(ADDRESS | {"state": "x" * 10_000, "sorting_code": "\x00", "city_area": "x" * 10_000})
    assert form.is_valid()
    assert (form.instance.state, form.instance.sorting_code, form.instance.city_area) == ("", "", "")


def test_address_moved_abroad_clears_the_fields_of_the_old_country() -> None:
    old = Address(**ADDRESS | {"country": "US", "state": "CA", "city": "Reno", "postal_code": "94103"})
    form = AddressForm(ADDRESS, instance=old)
    assert form.is_valid()
    assert form.instance.lines() == ["Gia Guest", "1 High Street", "BATH", "BA1 1AA", "United Kingdom"]


def test_form_defaults_to_the_country_of_the_shop(settings: Any) -> None:
    settings.SHOP_COUNTRY = "US"
    assert AddressForm()["country"].value() == "US"
    assert AddressForm()["state"].label == "State"


def test_billing_accepts_countries_that_the_shop_does_not_ship_to(settings: Any) -> None:
    settings.SHOP_COUNTRIES = ["GB", "IE"]
    assert [code for code, _name in AddressForm().fields["country"].choices] == ["IE", "GB"]
    assert errors(country="DE")["country"] == ["We do not deliver to Germany."]
    assert AddressForm(ADDRESS | {"country": "DE", "postal_code": "10115"}, kind="billing").is_valid()


# Changing the country without JavaScript


def test_changed_country_skips_validation_and_keeps_the_input() -> None:
    typed = ADDRESS | {"country": "US", "name": "", "line_2": "x" * 10_000, "postal_code": "\x00"}
    form = AddressForm({f"to-{name}": value for name, value in typed.items()} | {"change_country": "to"}, prefix="to")
    assert (form.is_valid(), form.errors) == (False, {})
    assert {name: form[name].value() for name in typed} == typed
    assert form["state"].label == "State"


@pytest.mark.parametrize("country", ["", "XX", "x" * 10_000, "\x00"])
def test_country_changed_to_an_invalid_one_shows_the_country_of_the_shop(country: str) -> None:
    form = AddressForm(ADDRESS | {"country": country, "change_country": ""})
    assert (form["country"].value(), form["city"].value()) == ("GB", "Bath")


@pytest.mark.parametrize(("pressed", "has_focus"), [("shipping", True), ("billing", False)])
def test_changed_country_field_has_the_focus(pressed: str, has_focus: bool) -> None:
    form = AddressForm({"shipping-country": "US", "change_country": pressed}, prefix="shipping")
    assert (" autofocus" in str(form["country"])) == has_focus


@pytest.mark.sampled(3)
@pytest.mark.parametrize("country", ["", "XX", "gb", "GBR", "ZZ", "EU", "AQ", "\x00"])
def test_unknown_country_is_rejected(country: str) -> None:
    assert "country" in errors(country=country)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("field", ["name", "line_1", "city"])
@pytest.mark.parametrize("value", ["", "   ", "x\x00", "x" * 121])
def test_empty_or_too_long_field_is_rejected(field: str, value: str) -> None:
    assert list(errors(**{field: value})) == [field]


def test_postcode_that_is_too_long_in_uppercase_is_rejected() -> None:
    assert "postal_code" in errors(country="DE", postal_code="ß" * 15)


@pytest.mark.django_db
def test_save_for_reuses_an_identical_address_of_the_profile() -> None:
    profile = BillingProfile.objects.create(email="alice@example.org")
    saved = []
    for typed in ("BA1 1AA", "ba11aa"):
        form = AddressForm(ADDRESS | {"postal_code": typed})
        assert form.is_valid()
        saved.append(form.save_for(profile))
    assert saved[0] == saved[1] == Address.objects.for_profile(profile).get()


@pytest.mark.django_db
def test_manager_returns_only_the_addresses_of_the_profile_newest_first() -> None:
    alice, bob = (BillingProfile.objects.create(email=f"{name}@example.org") for name in ("alice", "bob"))
    for profile, street in [(alice, "1 A"), (bob, "2 B"), (alice, "3 A")]:
        Address.objects.create(billing_profile=profile, **ADDRESS | {"line_1": street})
    assert [address.line_1 for address in Address.objects.for_profile(alice)] == ["3 A", "1 A"]


def test_lines_omit_empty_fields() -> None:
    address = Address(**ADDRESS | {"line_2": "", "state": "", "country": "DE", "postal_code": "10115"})
    assert address.lines() == ["Gia Guest", "1 High Street", "10115 BATH", "Germany"]


def test_country_name_is_in_the_active_language() -> None:
    with translation.override("de"):
        assert country_name("DE") == "Deutschland"
    assert country_name("DE") == "Germany"


def test_country_name_falls_back_to_the_code() -> None:
    assert country_name("QX") == "QX"


def test_country_choices_are_sorted_by_name() -> None:
    names = [name for _code, name in country_choices()]
    assert names.index("Afghanistan") < names.index("Åland Islands") < names.index("Albania")
    assert len(names) > 200


def fields_html(form: AddressForm) -> str:
    """Return the fields as the checkout renders them."""
    return str(FIELDS_TEMPLATE.render(Context({"form": form})))


def test_html_of_an_empty_form_contains_no_values_of_others() -> None:
    assert "Gia" in fields_html(AddressForm(initial={"name": "Gia"}))
    assert "Gia" in fields_html(AddressForm(ADDRESS | {"city": ""}))
    assert "Gia" in fields_html(AddressForm(ADDRESS | {"country": "US", "change_country": ""}))
    assert "Gia" not in fields_html(AddressForm())


def test_html_of_an_empty_form_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = fields_html(AddressForm())
    monkeypatch.setattr(AddressForm, "rows", None)  # rendering it again would leave out the city
    assert fields_html(AddressForm()) == first
    assert fields_html(AddressForm(initial={"name": "Gia"})) != first


def test_html_of_an_empty_form_depends_on_country_language_and_prefix() -> None:
    forms = [AddressForm(), AddressForm(prefix="to"), AddressForm(kind="billing"), AddressForm(countries=["GB", "IE"])]
    forms += [AddressForm(initial={"country": "US"}), AddressForm(use_required_attribute=False)]
    pages = {fields_html(form) for form in forms}
    with translation.override("de"):
        pages.add(fields_html(AddressForm()))
    assert len(pages) == 7
