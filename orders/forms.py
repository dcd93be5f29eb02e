"""Forms for staff to ship orders."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from orders.models import Order
from orders.models.units import units_text


class ShipForm(forms.Form):
    """An optional tracking number, and the units that the page lists, which staff have packed."""

    tracking = forms.CharField(
        label=_("Tracking number"),
        max_length=60,
        required=False,
        help_text=_("Leave empty if the parcel has none. Shown to the shopper in the email and on the order page."),
        validators=[
            RegexValidator(r"\A[A-Za-z0-9 ./-]*\Z", _("Use only letters, digits, spaces and - . / characters."))
        ],
    )
    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["shown"].initial = units_text(order.stored_units_to_ship())
