"""The form with which staff ship an order or a part of it."""

from typing import Any, NamedTuple

from django import forms
from django.utils.translation import gettext_lazy as _

from core.forms import LIMIT_ERRORS
from orders.models import Carrier, Order, OrderItem
from orders.models.shipping.carrier import MAX_TRACKING, validate_tracking
from orders.models.shipping.shipment import last_carrier
from orders.models.units import Units, units_text
from orders.workflow.corrections import fingerprint
from orders.workflow.shipping import ShipmentRequest


class ShipLine(NamedTuple):
    """A line of the form with the units that are left to ship."""

    item: OrderItem
    left: int
    units: forms.BoundField


class ShipForm(forms.Form):
    """The packed units of each line, the carrier and the tracking number.

    The form is filled in with all units that are left and the carrier that was used last.
    """

    carrier = forms.ModelChoiceField(Carrier.objects.none(), label=_("Carrier"), required=False)
    tracking = forms.CharField(
        label=_("Tracking number"),
        max_length=MAX_TRACKING,
        required=False,
        help_text=_("Leave empty if the parcel has none. Shown to the shopper in the email and on the order page."),
        validators=[validate_tracking],
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    shown = forms.CharField(widget=forms.HiddenInput, required=False)
    address = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.left = order.lines_to_ship()
        self.fields["shown"].initial = units_text(order.stored_units_to_ship())
        self.fields["address"].initial = fingerprint(order.shipping_address_text)
        self._offer_carriers()
        for line in self.left:
            self._add_field(line.item, line.units)

    def _offer_carriers(self) -> None:
        """Offer the active carriers. The one that was used last is chosen."""
        rows = Carrier.objects.filter(active=True)
        self.fields["carrier"].queryset = rows  # type: ignore[attr-defined]
        self.fields["carrier"].initial = last_carrier()
        if not rows:
            del self.fields["carrier"]

    def _add_field(self, item: OrderItem, left: int) -> None:
        """Add a field for the units of a line. What is left can change, so `ship` compares the units with it."""
        widget = forms.NumberInput(attrs={"aria-label": _("Ship: %(title)s") % {"title": item.title}})
        self.fields[self._name_of(item)] = forms.IntegerField(
            min_value=0,
            max_value=item.quantity,
            required=False,
            initial=left,
            widget=widget,
            error_messages=LIMIT_ERRORS,
        )

    def _name_of(self, item: OrderItem) -> str:
        return f"units_{item.pk}"

    def lines(self) -> list[ShipLine]:
        """Return the lines with units that are left, with their fields."""
        return [ShipLine(line.item, line.units, self[self._name_of(line.item)]) for line in self.left]

    def shipment_request(self, by: str) -> ShipmentRequest:
        """Return the shipment request of this form."""
        data = self.cleaned_data
        units: Units = {line.item.pk: data.get(self._name_of(line.item)) or 0 for line in self.left}
        return ShipmentRequest(by, units, data.get("carrier"), data["tracking"], data["shown"], data["address"])
