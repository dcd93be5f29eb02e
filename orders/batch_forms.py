"""The forms with which staff ship many orders at once: one row for each order."""

import hashlib
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from orders.models import Carrier
from orders.models.shipping.carrier import MAX_TRACKING, validate_tracking
from orders.models.shipping.shipment import last_carrier
from orders.workflow.corrections import fingerprint
from orders.workflow.shipping import ShipmentRequest
from orders.workflow.shipping.packing import Packable

CHANGED = "changed"  # differs from all units and fingerprints


class Carriers:
    """The carriers that can be chosen, read once for all rows, and the one that was used last."""

    def __init__(self) -> None:
        self.by_key = {str(carrier.pk): carrier for carrier in Carrier.objects.filter(active=True)}
        last = last_carrier()
        self.last = str(last.pk) if last else ""

    def choices(self) -> list[tuple[str, str]]:
        """Return the choices of a select field. A shipment can have no carrier."""
        return [("", "---------"), *((key, carrier.name) for key, carrier in self.by_key.items())]


class ParcelForm(forms.Form):
    """The carrier and the tracking number of the parcel with all units of an order that are left to ship."""

    carrier = forms.ChoiceField(label=_("Carrier"), required=False)
    tracking = forms.CharField(
        label=_("Tracking number"),
        max_length=MAX_TRACKING,
        required=False,
        validators=[validate_tracking],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    is_ready = forms.BooleanField(label=_("Ship"), required=False, initial=True)
    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    is_rejected = False  # set if the shipment of a submitted row was rejected

    def __init__(
        self, data: Any = None, *, parcel: Packable, carriers: Carriers, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, prefix=f"order-{parcel.order.pk}", initial=initial)
        self.parcel, self.carriers = parcel, carriers
        self.fields["shown"].initial = " ".join(self._digests())
        self.fields["carrier"].choices = carriers.choices()  # type: ignore[attr-defined]
        self.fields["carrier"].initial = carriers.last
        if not carriers.by_key:
            del self.fields["carrier"]

    @property
    def is_ticked(self) -> bool:
        """Whether staff want to ship this submitted row, which can have errors."""
        return self.is_bound and bool(self["is_ready"].data)

    @property
    def typed(self) -> dict[str, Any]:
        """The entries of a valid row, for a new form."""
        return {name: self.cleaned_data[name] for name in ("carrier", "tracking") if name in self.cleaned_data}

    def focus(self) -> None:
        """Put the cursor into the tracking number when the page opens."""
        self.fields["tracking"].widget.attrs["autofocus"] = True

    def shipment_request(self, by: str) -> ShipmentRequest:
        """Return the shipment request of a valid row.

        The page has only digests of the units and the postal address, because the size of a form is limited. If one
        differs, no text is the right one for `ship`.
        """
        units, _space, address = self.cleaned_data["shown"].partition(" ")
        same_units, same_address = self._digests()
        return ShipmentRequest(
            by,
            {line.item.pk: line.units for line in self.parcel.lines},
            self.carriers.by_key.get(self.cleaned_data.get("carrier", "")),
            self.cleaned_data["tracking"],
            shown=self.parcel.shown if units == same_units else CHANGED,
            address=fingerprint(self._address) if address == same_address else CHANGED,
        )

    @property
    def _address(self) -> str:
        return self.parcel.order.shipping_address_text

    def _digests(self) -> tuple[str, str]:
        return _digest(self.parcel.shown), _digest(self._address)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
