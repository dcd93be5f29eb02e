"""Forms for the cart and for the last step of the checkout."""

from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from addresses.countries import country_choices, no_delivery_message
from addresses.country_rules import region_key
from billing.forms import CardForm
from carts.models.capacity import MAX_LINES
from carts.pricing.agreement import MAX_SIGNED_LENGTH, read_signed
from carts.pricing.rules import PricingRules
from core.forms import PlainForm
from products.models.product import MAX_QUANTITY

MAX_ID_DIGITS = 19  # digits of the largest id in the database
STEPS = {"less": -1, "more": 1}  # by the name of the buttons next to a quantity; their value is the product
ERROR_FIELD_IDS = {"country": "estimate-country", "shipping_method": "shipping-choice"}


class CartUpdateForm(PlainForm):
    """Form to add a quantity of one product, set its quantity or remove it."""

    ADD, SET, REMOVE = "add", "set", "remove"

    product_id = forms.IntegerField(
        min_value=1,
        max_value=2**63 - 1,
        error_messages={"required": _("Choose a product."), "invalid": _("Choose a product.")},
    )
    action = forms.ChoiceField(
        choices=[(ADD, ADD), (SET, SET), (REMOVE, REMOVE)],
        required=False,
        # Django's default message repeats the submitted value, which can be long.
        error_messages={"invalid_choice": _("You can add a product, change its quantity or remove it.")},
    )
    quantity = forms.IntegerField(label=_("Quantity"), min_value=0, max_value=MAX_QUANTITY, required=False)

    def clean_action(self) -> str:
        return self.cleaned_data["action"] or self.ADD

    def clean(self) -> dict[str, Any]:
        """Use a quantity of 1 if none was submitted, but reject adding 0 and setting without a quantity."""
        data = super().clean() or {}
        if data.get("action") == self.ADD and data.get("quantity") == 0:
            self.add_error("quantity", _("Choose a quantity of 1 or more."))
        elif data.get("action") == self.SET and "quantity" in data and data["quantity"] is None:
            self.add_error("quantity", _("Enter a quantity."))
        elif data.get("quantity", 0) is None:
            data["quantity"] = 1
        return data


class DeliveryForm(PlainForm):
    """Form for the delivery options, all of them optional: country and region of the estimate, shipping method."""

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

    def clean_country(self) -> str:
        """Return the country. Raise ValidationError if the shop does not deliver there."""
        country = str(self.cleaned_data["country"])
        if country and not PricingRules.cached().delivers_to(country):
            raise ValidationError(no_delivery_message(country))
        return country

    def first_error_field_id(self) -> str:
        """Return the HTML id of the field with the first error, or "" if not every cart page shows that field."""
        return ERROR_FIELD_IDS.get(next(iter(self.errors), ""), "")

    def cart_changes(self) -> dict[str, Any]:
        """Return the cart fields to update, without the options that were left empty.

        The region is "" unless the chosen country has a separate tax rate for it.
        """
        data = self.cleaned_data
        changes: dict[str, Any] = {}
        if data["country"]:
            key = region_key(data["country"], data["region"])
            known = key in dict(PricingRules.cached().regions_of(data["country"]))
            changes = {"country": data["country"], "region": key if known else ""}
        return changes | ({"shipping_method_id": data["shipping_method"]} if data["shipping_method"] else {})


@dataclass(frozen=True)
class TypedQuantity:
    """A line of the cart page: its product, the quantity that the page showed, and the one that was typed."""

    product_id: int
    shown: str
    text: str

    @property
    def is_changed(self) -> bool:
        return self.text.strip() != self.shown.strip()

    @property
    def field_id(self) -> str:
        return f"quantity-{self.product_id}"

    def moved_by(self, step: int) -> "TypedQuantity":
        """Return the line after a press of its - or + button, which never removes it. Other texts stay."""
        text = self.text.strip()
        is_quantity = text.isascii() and text.isdecimal() and len(text) < MAX_ID_DIGITS
        return replace(self, text=str(max(int(text) + step, 1))) if step and is_quantity else self


class CartPageForm:
    """What the form of the cart page contains. Each part is validated by its own form.

    The form has hidden fields with what the page showed, so that only what was changed is stored. A page that was
    opened before a change in another tab does not undo that change.
    """

    def __init__(self, data: QueryDict, removed: str) -> None:
        self.removed = _product_id(removed) if data.get("action") == CartUpdateForm.REMOVE else 0
        is_rejected = data.get("code") == data.get("shown_code")  # the page has shown the reason
        self.code = "" if is_rejected else data.get("code", "").strip()
        self.is_code_applied, self.is_code_removed = "apply_code" in data, "remove_code" in data
        self.is_checkout = "checkout" in data
        self.delivery = _changed_delivery(data)
        columns = [data.getlist(name)[:MAX_LINES] for name in ("product_id", "shown", "quantity")]
        rows = [TypedQuantity(_product_id(pk), shown, text) for pk, shown, text in zip(*columns, strict=False)]
        steps = {_product_id(data.get(name, "")): step for name, step in STEPS.items() if name in data}
        self.quantities = [row.moved_by(steps.get(row.product_id, 0)) for row in rows if row.product_id]


def _changed_delivery(data: QueryDict) -> dict[str, str]:
    """Return the delivery options that were changed on the page.

    A region belongs to the country that the page showed, so it is left out if another country was chosen.
    """
    names = [name for name in DeliveryForm.base_fields if name in data and data[name] != data.get(f"shown_{name}")]
    if "region" in names:
        names = [name for name in names if name != "region"] if "country" in names else [*names, "country"]
    return {name: str(data[name]) for name in names if name in data}


def _product_id(text: str) -> int:
    """Return the id of a product, or 0 if the text cannot be one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < MAX_ID_DIGITS else 0


class DiscountForm(PlainForm):
    """Form to apply a discount code or to remove it."""

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
        """Require either a code or the remove button."""
        data = super().clean() or {}
        if not (data.get("code") or data.get("remove") or self.errors):
            self.add_error("code", _("Enter a code."))
        return data


class PlaceOrderForm(CardForm):
    """Form with the card to charge, the signed agreement that was shown, and the currently selected shipping method."""

    quote = forms.CharField(max_length=MAX_SIGNED_LENGTH)
    shipping_method = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False)

    def has_changed_method(self) -> bool:
        """Check whether a shipping method is selected that differs from the one that was shown."""
        selected = self.cleaned_data["shipping_method"]
        return selected is not None and selected != self.cleaned_data["quote"].get("shipping_method")

    def clean_quote(self) -> dict[str, Any]:
        """Return the facts that were shown. Raise ValidationError if the signature is invalid."""
        try:
            return read_signed(self.cleaned_data["quote"])
        except signing.BadSignature as error:
            raise ValidationError(_("Please check your order again before you place it.")) from error
