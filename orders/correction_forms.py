"""Forms for staff to correct an order and to add notes."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.email_addresses import CustomerEmailField
from addresses.country_rules import region_choices
from addresses.forms import AddressForm
from addresses.models import Address
from core.forms import PlainForm
from orders.models import Carrier, Mail, Order, Shipment
from orders.models.corrections.note import MAX_NOTE
from orders.models.shipping.carrier import MAX_TRACKING, validate_tracking

STAYS = _("The country and the region have to stay: tax and delivery were agreed for them.")


class CorrectAddressForm(AddressForm):
    """The postal address of an order, in the country and the region that it has.

    With `is_both`, the form can also correct the address of the other kind, which is the same.
    """

    def __init__(self, *args: Any, place: tuple[str, str], shown: str, is_both: bool, **kwargs: Any) -> None:
        self.place, self.shown, self.is_both = place, shown, is_both
        kwargs["initial"] = {"country": place[0], "state": place[1], **kwargs.get("initial", {})}
        super().__init__(*args, kind=Address.Type.BILLING, countries=[place[0]], **kwargs)

    def configure_fields(self) -> None:
        """Add the fields that are not columns of the address."""
        super().configure_fields()
        if self.is_both:
            self.fields["both"] = forms.BooleanField(
                label=_("Correct the shipping and the billing address"), required=False, initial=True
            )
        self.fields["shown"] = forms.CharField(widget=forms.HiddenInput, max_length=64, initial=self.shown)
        self.fields["line_1"].label = _("Street and number")
        for field in self.fields.values():
            field.widget.attrs.pop("autocomplete", None)
            if not (field.widget.is_hidden or isinstance(field.widget, forms.CheckboxInput)):
                field.widget.attrs["autocomplete"] = "off"

    def clean_country(self) -> str:
        """Return the country. Raise ValidationError for another one."""
        if self.cleaned_data["country"] != self.place[0]:
            raise ValidationError(STAYS, code="other_country")
        return str(self.cleaned_data["country"])

    def clean(self) -> dict[str, Any]:
        """Raise ValidationError for another region."""
        is_both = self.cleaned_data.pop("both", False)
        data = super().clean()
        if "state" in data and region_choices(self.place[0]) and data["state"] != self.place[1]:
            self.add_error("state", ValidationError(STAYS, code="other_region"))
        return data | {"both": is_both}

    def address(self) -> Address:
        """Return the valid address, which is not saved."""
        address: Address = self.save(commit=False)
        return address


class CorrectEmailForm(PlainForm):
    """The email address of an order, and whether the confirmation is sent to it."""

    email = CustomerEmailField(label=_("Email"))
    confirm = forms.BooleanField(label=_("Send the order confirmation to this address"), required=False, initial=True)
    shown = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        self.order = order
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "off"

    def clean_email(self) -> str:
        """Reject an email address that Stripe or the mail server has refused for this order already."""
        email = str(self.cleaned_data["email"])
        refused = Mail.objects.undeliverable().filter(order=self.order, to=email).exists()
        if refused or self.order.billing_profile.rejected_email == email:
            raise ValidationError(_("Email to this address was refused. Please check it."), code="refused")
        return email


class CorrectTrackingForm(PlainForm):
    """The carrier and the tracking number of a shipment, and whether the shopper gets an email with it."""

    carrier = forms.ModelChoiceField(Carrier.objects.none(), label=_("Carrier"), required=False)
    tracking = forms.CharField(
        label=_("Tracking number"),
        max_length=MAX_TRACKING,
        required=False,
        validators=[validate_tracking],
        widget=forms.TextInput(attrs={"autofocus": True}),
    )
    confirm = forms.BooleanField(
        label=_("Send the shopper an email with the corrected number"), required=False, initial=True
    )
    shown = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, *args: Any, shipment: Shipment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The carrier that the shipment has stays, even if it cannot be chosen for new ones.
        carriers = Carrier.objects.filter(Q(active=True) | Q(pk=shipment.carrier_id))
        self.fields["carrier"].queryset = carriers  # type: ignore[attr-defined]
        self.fields["tracking"].widget.attrs["autocomplete"] = "off"


class NoteForm(PlainForm):
    """A note about an order."""

    text = forms.CharField(label=_("Note"), max_length=MAX_NOTE, widget=forms.Textarea({"rows": 6}))
