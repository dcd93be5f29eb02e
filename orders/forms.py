"""Forms for staff to refund and ship orders."""

from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

from core.money import format_money
from orders.models import Order, OrderItem
from orders.models.units import Units, value_of_units
from orders.workflow.refunds import RefundRequest, restockable_units


class RefundLine(NamedTuple):
    """A line of the refund form, with what its units are worth that can still be refunded."""

    item: OrderItem
    left: int
    value: Decimal
    units: forms.BoundField
    restock: forms.BoundField


class RefundForm(forms.Form):
    """The refunded units of each line, an amount, a reason, and the units of each line to restock.

    The form is filled in with everything that is left. Without an amount, the refund is worth what its units cost.
    """

    amount = forms.DecimalField(
        label=_("Amount"),
        max_digits=12,
        decimal_places=2,
        required=False,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text=_("Leave empty to refund what the units cost, without delivery."),
    )
    reason = forms.CharField(label=_("Reason"), max_length=120, required=False)
    already = forms.DecimalField(widget=forms.HiddenInput, max_digits=18, decimal_places=2)

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order, self.items = order, list(order.items.all())
        self.refundable, self.restockable = order.refundable_units(), restockable_units(order)
        self.before = order.units_refunded()
        self.fields["amount"].initial = order.refundable
        self.fields["already"].initial = order.amount_refunded
        for item in self.items:
            self._add_field(f"units_{item.pk}", _("Refund: %(title)s"), item, self.refundable, is_filled=True)
            self._add_field(f"line_{item.pk}", _("Return to stock: %(title)s"), item, self.restockable)

    def _add_field(self, name: str, label: Any, item: OrderItem, most: Units, is_filled: bool = False) -> None:
        """Add a field for units of a line."""
        widget = forms.NumberInput(attrs={"aria-label": label % {"title": item.title}})
        limit = most[item.pk]
        self.fields[name] = forms.IntegerField(
            min_value=0, max_value=limit, required=False, initial=limit if is_filled else 0, widget=widget
        )

    def lines(self) -> list[RefundLine]:
        """Return the lines of the order with their fields."""
        return [
            RefundLine(
                item,
                self.refundable[item.pk],
                self._value(item, self.refundable[item.pk]),
                self[f"units_{item.pk}"],
                self[f"line_{item.pk}"],
            )
            for item in self.items
        ]

    def clean(self) -> dict[str, Any]:
        """Set an empty amount to the value of the units. Reject an amount that was not changed with the units."""
        data = super().clean() or {}
        units = self._units("units")
        if not self.errors and data["amount"] is None:
            data["amount"] = self.value_of(units)
        elif not self.errors and units and data["amount"] == self._initial_amount() and units != self._initial_units():
            text = _("These units cost %(amount)s. Enter the amount again, or leave it empty.")
            value = format_money(self.value_of(units), self.order.currency)
            self.add_error("amount", ValidationError(text % {"amount": value}))
        return data

    def value_of(self, units: Units) -> Decimal:
        """Return what these units cost, at most what can still be refunded."""
        values = (self._value(item, units.get(item.pk, 0)) for item in self.items)
        return min(sum(values, Decimal(0)), self.order.refundable)

    def refund_request(self, by: str) -> RefundRequest:
        """Return the refund request of this form."""
        data = self.cleaned_data
        return RefundRequest(
            data["amount"], data["already"], by, data["reason"], self._units("units"), self._units("line")
        )

    def _value(self, item: OrderItem, units: int) -> Decimal:
        order = self.order
        return value_of_units(item, units, self.before.get(item.pk, 0), order.is_tax_included, order.currency)

    def _initial_amount(self) -> Decimal:
        return Decimal(self.get_initial_for_field(self.fields["amount"], "amount"))

    def _initial_units(self) -> Units:
        names = {item.pk: f"units_{item.pk}" for item in self.items}
        filled = {line: self.get_initial_for_field(self.fields[name], name) for line, name in names.items()}
        return {line: units for line, units in filled.items() if units}

    def _units(self, prefix: str) -> Units:
        """Return the units that were entered in the fields with this prefix."""
        entered = {item.pk: self.cleaned_data.get(f"{prefix}_{item.pk}") for item in self.items}
        return {line: units for line, units in entered.items() if units}


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
