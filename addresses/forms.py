"""The address form."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from addresses.countries import country_choices
from addresses.models import Address
from billing.models import BillingProfile
from ecommerce.forms import ShopForm

# Where a letter without its region, or without a postcode, does not arrive.
NEEDS_STATE = frozenset("AU BR CA CN IN IT JP MX MY US".split())
NO_POSTCODE = frozenset(
    "AE AG AO BS BZ BO BW BI CM CF CI CD CK DJ DM ER FJ GH GD GM GN GY HK IE JM KE KI KM KN LC ML MO MR MW NR NU PA QA "
    "RW SB SC SL SR ST SY TD TG TK TO TT TV TZ UG VU YE ZW".split()
)
UK_POSTCODE = re.compile(r"^([A-Z]{1,2}\d[A-Z\d]?) ?(\d[A-Z]{2})$")


class AddressForm(ShopForm, forms.ModelForm):
    """Who and where; with `kind` the autocomplete tokens say whether it is for shipping or billing."""

    class Meta:
        model = Address
        fields = ["country", "name", "line_1", "line_2", "city", "state", "postal_code"]

    def __init__(self, *args: Any, kind: str = Address.Type.SHIPPING, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tokens = {"line_1": "address-line1", "line_2": "address-line2", "city": "address-level2"}
        tokens |= {"state": "address-level1", "postal_code": "postal-code", "country": "country", "name": "name"}
        self.fields["country"] = forms.TypedChoiceField(
            label=_("Country"), choices=country_choices, initial=settings.SHOP_COUNTRY
        )
        for name, token in tokens.items():
            self.fields[name].widget.attrs["autocomplete"] = f"{kind} {token}"
        self.fields["city"].required = True

    def clean(self) -> dict[str, Any]:
        """What the country of the address needs."""
        data = super().clean() or {}
        country, code = data.get("country", ""), data.get("postal_code", "").upper().strip()
        if country in NEEDS_STATE and not data.get("state"):
            self.add_error("state", _("Enter the state or region."))
        if country and country not in NO_POSTCODE and "postal_code" in data and not code:
            self.add_error("postal_code", _("Enter the postcode."))
        if country == "GB" and code:
            match = UK_POSTCODE.match(code)
            if match is None:
                self.add_error("postal_code", ValidationError(_("Enter a full UK postcode, like AA3 1AB.")))
            else:
                code = " ".join(match.groups())
        data["postal_code"] = code
        return data

    def save_for(self, billing_profile: BillingProfile) -> Address:
        """The address in the profile's book; one that is there already is used again."""
        same = Address.objects.of(billing_profile).filter(**self.cleaned_data).first()
        if same:
            return same
        self.instance.billing_profile = billing_profile
        return self.save()


class AddressChoiceForm(forms.Form):
    """An old address of this profile, for one side of the order."""

    address_id = forms.ModelChoiceField(Address.objects.none())
    address_type = forms.ChoiceField(choices=Address.Type)

    def __init__(self, *args: Any, billing_profile: BillingProfile, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address_id"].queryset = Address.objects.of(billing_profile)  # type: ignore[attr-defined]
