"""The forms of the cart and of the checkout's last step."""

from typing import Any

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from addresses.countries import country_choices
from billing.forms import CardForm
from carts.models import MOST
from carts.quotes import read_signed
from carts.rates import Rules
from ecommerce.forms import PlainForm

PLACES = {"country": "estimate-country", "shipping_method": "shipping-choice"}


class CartUpdateForm(PlainForm):
    """What to do with which product: add so many, set to so many, or remove."""

    ADD, SET, REMOVE = "add", "set", "remove"

    product_id = forms.IntegerField(
        min_value=1,
        max_value=2**63 - 1,
        error_messages={"required": _("Choose a product."), "invalid": _("Choose a product.")},
    )
    action = forms.ChoiceField(
        choices=[(ADD, ADD), (SET, SET), (REMOVE, REMOVE)],
        required=False,
        # Django's own words repeat what was sent, which may be long.
        error_messages={"invalid_choice": _("You can add a product, change its quantity or remove it.")},
    )
    quantity = forms.IntegerField(label=_("Quantity"), min_value=0, max_value=MOST, required=False)

    def clean_action(self) -> str:
        return self.cleaned_data["action"] or self.ADD

    def clean(self) -> dict[str, Any]:
        """1 is added where no quantity was sent; adding 0 and setting to nothing are mistakes, not wishes."""
        data = super().clean() or {}
        if data.get("action") == self.ADD and data.get("quantity") == 0:
            self.add_error("quantity", _("Choose a quantity of 1 or more."))
        elif data.get("action") == self.SET and "quantity" in data and data["quantity"] is None:
            self.add_error("quantity", _("Enter a quantity."))
        elif data.get("quantity", 0) is None:
            data["quantity"] = 1
        return data


class DeliveryForm(PlainForm):
    """Where to and how, as far as it was asked: the country of the estimate, its region, the shipping method."""

    country = forms.ChoiceField(
        choices=country_choices, required=False, error_messages={"invalid_choice": _("Choose a country.")}
    )
    region = forms.CharField(label=_("Region"), max_length=80, required=False)
    shipping_method = forms.IntegerField(
        min_value=1,
        max_value=2**63 - 1,
        required=False,
        error_messages=dict.fromkeys(["invalid", "min_value", "max_value"], _("Choose one of the delivery options.")),
    )

    def first_place(self) -> str:
        """The id of the field that the first error is about; "" for one that not every cart shows."""
        return PLACES.get(next(iter(self.errors), ""), "")

    def wishes(self) -> dict[str, Any]:
        """What to keep on the cart; a region is one of its country's that has prices of its own, or none."""
        data = self.cleaned_data
        found: dict[str, Any] = {}
        if data["country"]:
            known = data["region"] in Rules.kept().regions_of(data["country"])
            found = {"country": data["country"], "region": data["region"] if known else ""}
        return found | ({"shipping_method_id": data["shipping_method"]} if data["shipping_method"] else {})


class DiscountForm(PlainForm):
    """A discount code, or the button that takes it away."""

    code = forms.RegexField(
        r"^[A-Za-z0-9_-]+\Z",
        label=_("Discount code"),
        max_length=40,
        strip=True,
        required=False,
        error_messages={"invalid": _("A code can contain only letters from A to Z, digits, - and _.")},
    )
    remove = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        data = super().clean() or {}
        if not (data.get("code") or data.get("remove") or self.errors):
            self.add_error("code", _("Enter a code."))
        return data


class PlaceOrderForm(CardForm):
    """The card to charge, what the shopper was shown, and the shipping method that is ticked now."""

    quote = forms.CharField(max_length=20_000)
    shipping_method = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False)

    def is_other_method(self) -> bool:
        """Whether another method is ticked than the one whose price was shown."""
        ticked, shown = self.cleaned_data["shipping_method"], self.cleaned_data["quote"].get("shipping") or [None]
        return ticked is not None and ticked != shown[0]

    def clean_quote(self) -> dict[str, Any]:
        """The facts we signed when we showed the page."""
        try:
            return read_signed(self.cleaned_data["quote"])
        except signing.BadSignature as error:
            raise ValidationError(_("Please check your order again before you place it.")) from error
