"""The forms of the cart and of the checkout's last step."""

from typing import Any

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing.forms import CardForm
from carts.models import MOST
from carts.quotes import read_signed
from ecommerce.forms import PlainForm


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
        error_messages={"invalid_choice": _("A product can be added, set or removed.")},
    )
    quantity = forms.IntegerField(min_value=0, max_value=MOST, required=False)

    def clean_action(self) -> str:
        return self.cleaned_data["action"] or self.ADD

    def clean_quantity(self) -> int:
        """1 where nothing was sent; 0 is for `set` alone."""
        quantity = self.cleaned_data["quantity"]
        return 1 if quantity is None else int(quantity)

    def clean(self) -> dict[str, Any]:
        """Adding none is a mistake, not a wish."""
        data = super().clean() or {}
        if data.get("action") == self.ADD and data.get("quantity") == 0:
            self.add_error("quantity", _("Choose a quantity of 1 or more."))
        return data


class PlaceOrderForm(CardForm):
    """The card to charge and what the shopper was shown."""

    quote = forms.CharField(max_length=20_000)

    def clean_quote(self) -> dict[str, Any]:
        """The facts we signed when we showed the page."""
        try:
            return read_signed(self.cleaned_data["quote"])
        except signing.BadSignature as error:
            raise ValidationError(_("Please check your order again before you place it.")) from error
