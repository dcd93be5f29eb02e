"""Forms for staff to refund orders, and to return refunded units to stock."""

from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.utils.translation import gettext_lazy as _

from core.forms import LIMIT_ERRORS
from core.money import decimals, format_money, round_money, smallest_unit
from orders.models import Order, OrderItem, Withdrawal
from orders.models.units import Units, declared_units, units_text, value_of_units
from orders.workflow import refunds
from orders.workflow.refunds import RefundRequest


class RefundLine(NamedTuple):
    """A line of the refund form, with what its units are worth that can still be refunded."""

    item: OrderItem
    left: int
    value: Decimal
    before: int
    paid: Decimal
    units: forms.BoundField
    unshipped: int
    restock_unshipped: forms.BoundField
    shipped: int
    restock_shipped: forms.BoundField


class ChosenLine(NamedTuple):
    """The units of a line that a valid form refunds, what they are worth, and how many of them it restocks."""

    item: OrderItem
    units: int
    value: Decimal
    restocked: int


class RefundForm(forms.Form):
    """The refunded units of each line, whether they return to stock, delivery, another amount and a reason.

    The form is empty unless it is for a withdrawal or for everything that is left. Without another amount, the refund
    is worth what its units and delivery cost. Units that were not shipped are refunded before those that were.
    """

    reason = forms.CharField(
        label=_("Reason"),
        max_length=120,
        required=False,
        help_text=_("The shopper does not see it, but it is part of the export of personal data."),
    )
    withdrawal = forms.ModelChoiceField(Withdrawal.objects.none(), label=_("For the withdrawal"), required=False)
    already = forms.DecimalField(widget=forms.HiddenInput, max_digits=18, decimal_places=2)
    unshipped = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        *args: Any,
        order: Order,
        withdrawal: Withdrawal | None = None,
        is_everything: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.order, self.items = order, list(order.items.all())
        self.before, self.refundable = order.units_refunded(), order.refundable_units()
        self.restockable, self.not_shipped = refunds.restockable_units(order), refunds.unshipped_units(order)
        self.decimals = decimals(order.currency)
        self.delivery_left = min(refunds.refundable_delivery(order), order.refundable)
        self.fields["already"].initial = order.amount_refunded
        self.fields["unshipped"].initial = _text(self.not_shipped)
        self._offer_withdrawals(withdrawal)
        filled = self._units_of(withdrawal) if withdrawal else self.refundable if is_everything else {}
        for item in self.items:
            self._add_fields(item, filled.get(item.pk, 0))
        self._add_amounts()
        if withdrawal or is_everything:
            self._fill_in_amounts(filled, is_everything and not withdrawal)

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

    def _add_fields(self, item: OrderItem, units: int) -> None:
        """Add the units of a line, and the ticks that return them to stock: at first only those not shipped."""
        label = _("Units to refund: %(title)s") % {"title": item.title}
        widget = forms.NumberInput(attrs={"aria-label": label})
        most = self.refundable[item.pk]
        self.fields[f"units_{item.pk}"] = forms.IntegerField(
            label=label,
            min_value=0,
            max_value=most,
            required=False,
            initial=units or None,
            widget=widget,
            error_messages=LIMIT_ERRORS,
        )
        for name, is_ticked in (("unshipped", True), ("shipped", False)):
            self.fields[f"{name}_{item.pk}"] = forms.BooleanField(required=False, initial=is_ticked)

    def _add_amounts(self) -> None:
        """Add the fields of money, in the decimals of the order's currency, with what is left of the delivery."""
        if self.delivery_left:
            most = format_money(self.delivery_left, self.order.currency)
            self.fields["delivery"] = forms.DecimalField(
                label=_("Delivery"),
                max_digits=12,
                decimal_places=self.decimals,
                min_value=Decimal(0),
                max_value=self.delivery_left,
                required=False,
                error_messages=LIMIT_ERRORS | {"max_value": _("At most %(amount)s.") % {"amount": most}},
            )
        self.fields["amount"] = forms.DecimalField(
            label=_("Another amount"),
            max_digits=12,
            decimal_places=self.decimals,
            min_value=smallest_unit(self.order.currency),
            required=False,
            help_text=_("Leave empty to refund what the units and the delivery cost."),
        )

    def _fill_in_amounts(self, units: Units, is_everything: bool) -> None:
        """Fill in the delivery if nothing of the order is left afterwards, and another amount if that is not all.

        A shopper who withdraws from the whole order gets back the cost of delivery, but no more than that of the
        cheapest standard delivery. Which methods the shop offered then is not known, so staff can change the amount.
        """
        value, delivery = self.value_of(units), Decimal(0)
        if all(units.get(line, 0) >= left for line, left in self.refundable.items()):
            delivery = min(self.delivery_left, self.order.refundable - value)
        currency = self.order.currency  # The database stores two decimals for all currencies.
        if delivery:
            self.fields["delivery"].initial = round_money(delivery, currency)
        if is_everything and value + delivery != self.order.refundable:
            self.fields["amount"].initial = round_money(self.order.refundable, currency)

    def lines(self) -> list[RefundLine]:
        """Return the lines of the order with their fields."""
        return [self._line(item, self.refundable[item.pk], self.not_shipped[item.pk]) for item in self.items]

    def _line(self, item: OrderItem, left: int, unshipped: int) -> RefundLine:
        return RefundLine(
            item=item,
            left=left,
            value=self._value(item, left),
            before=self.before.get(item.pk, 0),
            paid=self._value(item, item.quantity, before=0),
            units=self[f"units_{item.pk}"],
            unshipped=unshipped,
            restock_unshipped=self[f"unshipped_{item.pk}"],
            shipped=left - unshipped,
            restock_shipped=self[f"shipped_{item.pk}"],
        )

    def clean(self) -> dict[str, Any]:
        """Set an empty amount to what the units and the delivery cost. Reject a refund of nothing or of too much."""
        data = super().clean() or {}
        if self.errors:
            return data
        if data["amount"] is None:
            data["amount"] = min(self.sum_of_parts(), self.order.refundable)
        if not data["amount"]:
            self.add_error(None, _("Enter units, delivery or another amount to refund."))
        elif data["amount"] > self.order.refundable:
            left = format_money(self.order.refundable, self.order.currency)
            self.add_error("amount", _("Only %(amount)s of this order can still be refunded.") % {"amount": left})
        return data

    def conflict(self) -> str:
        """Return what changed after the page was shown on which staff decided, or an empty string."""
        data = self.cleaned_data
        if (already := data.get("already")) is None:
            return ""
        if text := refunds.outdated_message(self.order, already):
            return text
        shown = data.get("unshipped")
        return str(refunds.SHIPPED_MEANWHILE) if shown and shown != _text(self.not_shipped) else ""

    def value_of(self, units: Units) -> Decimal:
        """Return what these units cost, at most what can still be refunded."""
        values = (self._value(item, units.get(item.pk, 0)) for item in self.items)
        return min(sum(values, Decimal(0)), self.order.refundable)

    def sum_of_parts(self) -> Decimal:
        """Return what the units and the delivery of a valid form cost."""
        delivery = self.cleaned_data.get("delivery") or Decimal(0)
        return sum((line.value for line in self.chosen_lines()), delivery)

    def shown_text(self) -> str:
        """Return what the second page shows of a valid form, for a hidden field: the amount and the restocked units."""
        return f"{self.cleaned_data['amount']} {_text({line.item.pk: line.restocked for line in self.chosen_lines()})}"

    def chosen_lines(self) -> list[ChosenLine]:
        """Return the lines of which a valid form refunds units."""
        chosen = ((item, self.cleaned_data.get(f"units_{item.pk}") or 0) for item in self.items)
        return [
            ChosenLine(item, units, self._value(item, units), self._restocked(item, units))
            for item, units in chosen
            if units
        ]

    def _restocked(self, item: OrderItem, units: int) -> int:
        """Return how many of these units return to stock. Units that are back already cannot return again."""
        unshipped = min(units, self.not_shipped[item.pk])
        parts = {"unshipped": unshipped, "shipped": units - unshipped}
        ticked = (number for name, number in parts.items() if self.cleaned_data.get(f"{name}_{item.pk}"))
        return min(sum(ticked), self.restockable[item.pk])

    def refund_request(self, by: str) -> RefundRequest:
        """Return the refund request of this form."""
        data, lines = self.cleaned_data, self.chosen_lines()
        return RefundRequest(
            data["amount"],
            data["already"],
            by,
            data["reason"],
            units={line.item.pk: line.units for line in lines},
            restock={line.item.pk: line.restocked for line in lines if line.restocked},
            withdrawal=data.get("withdrawal"),
            delivery=min(data.get("delivery") or Decimal(0), data["amount"]),
            unshipped=self.not_shipped,
        )

    def _value(self, item: OrderItem, units: int, before: int | None = None) -> Decimal:
        order, first = self.order, self.before.get(item.pk, 0) if before is None else before
        return value_of_units(item, units, first, order.is_tax_included, order.currency)


class RestockLine(NamedTuple):
    """A line of the form that returns units to stock, with how many can be returned."""

    item: OrderItem
    left: int
    units: forms.BoundField


class RestockForm(forms.Form):
    """The units of each line to return to stock, filled in with all that were refunded and are not back yet."""

    shown = forms.CharField(widget=forms.HiddenInput, max_length=20_000)

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        left = refunds.returnable_units(order)
        self.left = {item: left.get(item.pk, 0) for item in order.items.all()}
        self.fields["shown"].initial = refunds.restocked_text(order)
        for item, units in self.left.items():
            label = _("Units to return to stock: %(title)s") % {"title": item.title}
            widget = forms.NumberInput(attrs={"aria-label": label})
            self.fields[f"units_{item.pk}"] = forms.IntegerField(
                label=label,
                min_value=0,
                max_value=units,
                required=False,
                initial=units,
                widget=widget,
                error_messages=LIMIT_ERRORS,
            )

    def lines(self) -> list[RestockLine]:
        """Return the lines with units that can be returned to stock."""
        return [RestockLine(item, units, self[f"units_{item.pk}"]) for item, units in self.left.items() if units]

    def units(self) -> Units:
        """Return the units that were entered in a valid form."""
        entered = {item.pk: self.cleaned_data.get(f"units_{item.pk}") for item in self.left}
        return {line: units for line, units in entered.items() if units}


def _text(units: Units) -> str:
    return units_text({str(line): number for line, number in units.items() if number})
