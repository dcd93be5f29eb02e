"""The form with which staff refund orders."""

from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.utils.translation import gettext_lazy as _

from core.money import format_money
from orders.models import Order, OrderItem, Withdrawal
from orders.models.units import Units, declared_units, value_of_units
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
    withdrawal = forms.ModelChoiceField(Withdrawal.objects.none(), label=_("For the withdrawal"), required=False)
    already = forms.DecimalField(widget=forms.HiddenInput, max_digits=18, decimal_places=2)

    def __init__(self, *args: Any, order: Order, withdrawal: Withdrawal | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order, self.items = order, list(order.items.all())
        self.refundable, self.restockable = order.refundable_units(), restockable_units(order)
        self.before = order.units_refunded()
        filled = self.refundable if withdrawal is None else self._units_of(withdrawal)
        self.fields["amount"].initial = self._amount_for(filled) if withdrawal else order.refundable
        self.fields["already"].initial = order.amount_refunded
        self._offer_withdrawals(withdrawal)
        for item in self.items:
            self._add_field(f"units_{item.pk}", _("Refund: %(title)s"), item, self.refundable, filled.get(item.pk, 0))
            self._add_field(f"line_{item.pk}", _("Return to stock: %(title)s"), item, self.restockable)

    def _offer_withdrawals(self, withdrawal: Withdrawal | None) -> None:
        """Offer the open withdrawals of the order. The only one is chosen unless staff choose otherwise."""
        rows = Withdrawal.objects.filter(order=self.order, closed_at=None)
        found = list(rows)
        if not found:
            del self.fields["withdrawal"]
            return
        self.fields["withdrawal"].queryset = rows  # type: ignore[attr-defined]
        self.fields["withdrawal"].initial = withdrawal or (found[0] if len(found) == 1 else None)

    def _units_of(self, withdrawal: Withdrawal) -> Units:
        """Return the units of a withdrawal that can be refunded. Lines without a right of withdrawal are left out."""
        withdrawable = self.order.units_withdrawable()
        declared = declared_units(withdrawal, withdrawable, withdrawable)
        return {
            line: min(units, self.refundable.get(line, 0)) for line, units in declared.items() if withdrawable.get(line)
        }

    def _amount_for(self, units: Units) -> Decimal:
        """Return what these units cost, with the delivery if nothing of the order is left afterwards.

        A shopper who withdraws from the whole order gets back the cost of delivery, but no more than that of the
        cheapest standard delivery. Which methods the shop offered then is not known, so staff can change the amount.
        """
        order, value = self.order, self.value_of(units)
        if any(units.get(line, 0) < left for line, left in self.refundable.items()):
            return value
        delivery = order.shipping_total + (0 if order.is_tax_included else order.shipping_tax)
        return min(value + delivery, order.refundable)

    def _add_field(self, name: str, label: Any, item: OrderItem, most: Units, initial: int = 0) -> None:
        """Add a field for units of a line."""
        widget = forms.NumberInput(attrs={"aria-label": label % {"title": item.title}})
        self.fields[name] = forms.IntegerField(
            min_value=0, max_value=most[item.pk], required=False, initial=initial, widget=widget
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
            data["amount"],
            data["already"],
            by,
            data["reason"],
            units=self._units("units"),
            restock=self._units("line"),
            withdrawal=data.get("withdrawal"),
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
