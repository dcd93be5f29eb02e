"""Forms for postal addresses. The fields of the address form depend on the selected country."""

from collections.abc import Collection, Hashable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from addresses.countries import country_choices, destination_choices, no_delivery_message
from addresses.country_rules import FIELDS, LABEL_KEYS, get_country_rules, region_choices, region_key
from addresses.models import MAX_ADDRESSES, Address
from billing.models import BillingProfile
from core.forms import LongSelect, ReadyChoices, ShopForm

CHANGE_COUNTRY = "change_country"  # name of the button; its value is the prefix of the form it belongs to
AUTOCOMPLETE_TOKENS = {
    "country": "country", "name": "name", "line_1": "address-line1", "line_2": "address-line2",
    "city": "address-level2", "city_area": "address-level3", "state": "address-level1", "postal_code": "postal-code",
}  # fmt: skip


class Offer(NamedTuple):
    """The countries that a form offers, as pairs of code and name, and the codes of all countries that there are."""

    choices: list[tuple[str, str]]
    codes: frozenset[str]
    every: frozenset[str]


@lru_cache(maxsize=64)
def _offer(is_billing: bool, allowed: tuple[str, ...] | None, *_depends_on: Hashable) -> Offer:
    """Return the countries for an address. All depends on the active language and settings.SHOP_COUNTRIES as well."""
    offered = country_choices() if is_billing else destination_choices()
    codes = frozenset(code for code, _name in offered if allowed is None or code in allowed)
    choices = [(code, name) for code, name in country_choices() if code in codes]
    return Offer(choices, codes, frozenset(code for code, _name in country_choices()))


def is_country_change(data: Any) -> bool:
    """Check whether a Change country button was pressed.

    The page is then shown again with the fields of the new country, and nothing is validated.
    """
    return data is not None and CHANGE_COUNTRY in data


class AreaField(forms.ChoiceField):
    """A state or province. The field accepts the name of an area as well as its key, to support browser autofill."""

    widget = LongSelect
    country: str

    def to_python(self, value: Any) -> str:
        text = super().to_python(value).strip()
        return region_key(self.country, text) or text


class AddressForm(ShopForm, forms.ModelForm):
    """A name and postal address. `kind` selects the autocomplete tokens for shipping or billing.

    `countries` are the codes of the countries to offer. By default these are all countries for billing, and otherwise
    the countries that the shop ships to. A stored address in another country stays visible, with a message.

    If a Change country button was pressed, the form is unbound. It shows the fields of the new country and keeps all
    values that were typed.
    """

    class Meta:
        model = Address
        fields = ["country", "name", "line_1", "line_2", "city", "city_area", "state", "postal_code", "sorting_code"]

    def __init__(
        self,
        data: Any = None,
        *args: Any,
        kind: str = Address.Type.SHIPPING,
        countries: Collection[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.kind, self.countries, self.is_country_changed, self.country_problem = kind, countries, False, ""
        if is_country_change(data):
            prefix = kwargs.get("prefix") or ""
            start = f"{prefix}-" if prefix else ""
            self.is_country_changed = data[CHANGE_COUNTRY] == prefix
            kwargs["initial"] = {name: data.get(start + name, "") for name in self.Meta.fields}
            data = None
        super().__init__(data, *args, **kwargs)
        for name in self.rules.fields - self.rules.required:
            self.fields[name].label = _("%(label)s (optional)") % {"label": self.fields[name].label}

    def field_label(self, name: str) -> str:
        """Return the label of the field in error messages.

        The label in the second address form on a page ends with "(billing address)", because the error summary lists
        the errors of both forms.
        """
        label = self.rules.label(name) if name in LABEL_KEYS else super().field_label(name)
        is_second = self.prefix and self.kind == Address.Type.BILLING
        return _("%(label)s (billing address)") % {"label": label} if is_second else label

    def configure_fields(self) -> None:
        """Keep only the fields that addresses in the country have, and give them their local labels."""
        self.rules = get_country_rules(self._add_country_field())
        for name in FIELDS.values():
            if name not in self.rules.fields:
                del self.fields[name]
        self._set_local_labels()
        self._set_input_attributes()
        location_fields = [name for line in self.rules.lines for name in line]
        self.order_fields(["country", "name", "line_1", "line_2", *location_fields])

    def _add_country_field(self) -> str:
        """Add the field for the country. Return the selected country, which by default is that of the shop.

        A country that is not offered is added to the choices if it is selected, so that the form does not show another
        one, and `country_problem` says why it cannot be used.
        """
        allowed = None if self.countries is None else tuple(self.countries)
        offer = _offer(self.kind == Address.Type.BILLING, allowed, get_language(), tuple(settings.SHOP_COUNTRIES))
        wanted = self.data.get(self.add_prefix("country")) if self.is_bound else self.initial.get("country")
        if not isinstance(wanted, str) or wanted not in offer.every:
            is_first = settings.SHOP_COUNTRY in offer.codes or not offer.codes
            wanted = settings.SHOP_COUNTRY if is_first else offer.choices[0][0]
        self.offered, choices = offer.codes, offer.choices
        if wanted not in offer.codes:
            self.country_problem = no_delivery_message(wanted)
            choices = [pair for pair in country_choices() if pair[0] in offer.codes or pair[0] == wanted]
        self.initial["country"] = wanted
        self.fields["country"] = forms.ChoiceField(
            label=gettext_lazy("Country"), choices=ReadyChoices(choices), widget=LongSelect,
            help_text="" if self.is_bound else self.country_problem,
        )  # fmt: skip
        return wanted

    def clean_country(self) -> str:
        """Return the country. Raise ValidationError if the shop does not deliver there."""
        if self.country_problem:
            raise ValidationError(self.country_problem, code="undelivered")
        return str(self.cleaned_data["country"])

    def _set_local_labels(self) -> None:
        for name in self.rules.fields & {"city", "city_area", "state", "postal_code"}:
            self.fields[name].label = self.rules.label(name)
        if self.rules.areas:
            choices = [("", _("Please choose")), *region_choices(self.rules.country)]
            self.fields["state"] = AreaField(label=self.rules.label("state"), choices=ReadyChoices(choices))
            self.fields["state"].country = self.rules.country  # type: ignore[attr-defined]
            state = str(self.initial.get("state") or "")
            self.initial["state"] = region_key(self.rules.country, state) or state
        for name in self.rules.fields:
            self.fields[name].required = name in self.rules.required

    def _set_input_attributes(self) -> None:
        for name, field in self.fields.items():
            field.widget.attrs["autocomplete"] = (
                f"{self.kind} {AUTOCOMPLETE_TOKENS[name]}".strip() if name in AUTOCOMPLETE_TOKENS else "off"
            )
        if "postal_code" in self.fields and self.rules.example_postcodes:
            is_number = all(example.isdigit() for example in self.rules.example_postcodes)
            hint = {"inputmode": "numeric"} if is_number else {"autocapitalize": "characters"}
            self.fields["postal_code"].widget.attrs |= hint | {"spellcheck": "false"}
        if self.is_country_changed:
            self.fields["country"].widget.attrs["autofocus"] = True

    @property
    def empty_key(self) -> Hashable:
        """What decides the HTML of the fields, or None if something was typed. Every form has a country."""
        if self.is_bound or self.is_country_changed or self.country_problem or any(self._typed_values()):
            return None
        return self.kind, self.prefix, self.use_required_attribute, self.rules.country, self.offered

    def _typed_values(self) -> Iterator[Any]:
        return (value for name, value in self.initial.items() if name != "country")

    def rows(self) -> list[list[BoundField]]:
        """Return the fields below the name and street, line by line in the order of the country's address format."""
        excluded = {"name", "line_1"}
        lines = [[self[name] for name in line if name not in excluded] for line in self.rules.lines]
        return [line for line in lines if line]

    def clean_postal_code(self) -> str:
        """Return the postcode in the country's format. Raise ValidationError if it is not valid there."""
        typed = self.cleaned_data["postal_code"]
        code = self.rules.normalize_postcode(typed) if typed else ""
        if code is None or len(code) > 20:
            raise ValidationError(self._postcode_error(), code="invalid")
        return code

    def _postcode_error(self) -> str:
        params = {"field": self.field_label("postal_code")}
        if not self.rules.example_postcodes:
            return _("Please check: %(field)s.") % params
        params["example"] = self.rules.example_postcodes[0]
        return _("Please check: %(field)s. It should look like %(example)s.") % params

    def clean(self) -> dict[str, Any]:
        """Collapse whitespace in each field, and check that the postcode belongs to the area.

        Fields that the country does not use are cleared on the instance.
        """
        data = super().clean() or {}
        data = {name: " ".join(value.split()) for name, value in data.items()}
        area = self.rules.areas.get(data.get("state", ""))
        if area and data.get("postal_code") and not area.has_postcode(data["postal_code"]):
            message = _("Please check: %(field)s. This one is not in %(area)s.")
            self.add_error("postal_code", message % {"field": self.field_label("postal_code"), "area": area.name})
        for name in set(FIELDS.values()) - set(self.fields):
            setattr(self.instance, name, "")
        return data

    def save_for(self, billing_profile: BillingProfile, is_new: bool = False) -> Address:
        """Save the address to the billing profile and return it, or return an identical address that exists already.

        A profile that `is_new` has no addresses.
        """
        existing = None if is_new else self._find_identical(billing_profile)
        if existing:
            return existing
        self.instance.billing_profile = billing_profile
        return self.save()

    def has_room(self, billing_profile: BillingProfile | None) -> bool:
        """Check whether the valid address can be saved to the profile. Otherwise add an error: it has too many."""
        if billing_profile is None or Address.objects.for_profile(billing_profile).count() < MAX_ADDRESSES:
            return True
        if self._find_identical(billing_profile):
            return True
        text = _("There are %(count)d saved addresses already. Please use one of them, or delete one first.")
        self.add_error("line_1", text % {"count": MAX_ADDRESSES})
        return False

    def _find_identical(self, billing_profile: BillingProfile) -> Address | None:
        values = {name: self.cleaned_data.get(name, "") for name in self.Meta.fields}
        return Address.objects.for_profile(billing_profile).filter(**values).first()


class AddressChoiceForm(forms.Form):
    """Form to use a saved address of the billing profile as the shipping or billing address of an order."""

    address_id = forms.ModelChoiceField(Address.objects.none())
    address_type = forms.ChoiceField(choices=Address.Type)

    def __init__(self, *args: Any, billing_profile: BillingProfile, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address_id"].queryset = Address.objects.for_profile(billing_profile)  # type: ignore[attr-defined]
