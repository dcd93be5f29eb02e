"""Forms for staff to refund and ship orders."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import MinValueValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

from orders.models import Order
from orders.workflow.refunds import RefundRequest, restockable_units


class RefundForm(forms.Form):
    """An amount (initially all that is left), a reason, and the number of units to restock for each line."""

    amount = forms.DecimalField(
        label=_("Amount"), max_digits=12, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))]
    )
    reason = forms.CharField(label=_("Reason"), max_length=120, required=False)
    already = forms.DecimalField(widget=forms.HiddenInput, max_digits=18, decimal_places=2)

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].initial = order.refundable
        self.fields["already"].initial = order.amount_refunded
        restockable = restockable_units(order)
        self.lines = {f"line_{line}": line for line in restockable}
        for item in order.items.all():
            most = restockable[item.pk]
            label = _("Return to stock: %(title)s (up to %(most)d)") % {"title": item.title, "most": most}
            self.fields[f"line_{item.pk}"] = forms.IntegerField(
                label=label, min_value=0, max_value=most, required=False, initial=0
            )

    def refund_request(self, by: str) -> RefundRequest:
        """Return the refund request of this form."""
        data = self.cleaned_data
        return RefundRequest(data["amount"], data["already"], by, data["reason"], dict(self._units()))

    def _units(self) -> Iterator[tuple[int, int]]:
        for name, line in self.lines.items():
            if units := self.cleaned_data.get(name):
                yield line, units


class ShipForm(forms.Form):
    """An optional tracking number."""

    tracking = forms.CharField(
        label=_("Tracking number"),
        max_length=60,
        required=False,
        help_text=_("Leave empty if the parcel has none. Shown to the shopper in the email and on the order page."),
        validators=[
            RegexValidator(r"\A[A-Za-z0-9 ./-]*\Z", _("Use only letters, digits, spaces and - . / characters."))
        ],
    )
