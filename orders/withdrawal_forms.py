"""Forms for staff to assign withdrawals."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from core.forms import LIMIT_ERRORS
from core.times import format_date
from orders.models import Order, Withdrawal
from orders.models.units import Units
from orders.numbers import order_number_of
from orders.workflow.withdrawals.handling import Assignment, assignable_refunds

MAX_TYPED = 60


class OrderSearchForm(forms.Form):
    """The number of the order that a withdrawal is about."""

    order = forms.CharField(label=_("Order number"), max_length=MAX_TYPED)

    def clean_order(self) -> Order:
        """Return the paid order with this number. Spaces and lowercase letters do not matter."""
        number = order_number_of(self.cleaned_data["order"])
        found = Order.objects.filter(order_id=number, status__in=Order.PAID_STATES).first()
        if found is None:
            raise ValidationError(_("There is no paid order with this number."))
        return found


class AssignForm(forms.Form):
    """The units of each line that a withdrawal is about, and the refunds that were made for it meanwhile."""

    shown = forms.CharField(widget=forms.HiddenInput, required=False, max_length=40)
    refunds = forms.TypedMultipleChoiceField(
        label=_("Refunds since the withdrawal that are for it"),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, withdrawal: Withdrawal, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.withdrawal, self.order = withdrawal, order
        self.items = [] if withdrawal.is_whole_order else list(order.items.all())
        self.fields["shown"].initial = withdrawal.assigned_at.isoformat() if withdrawal.assigned_at else ""
        self.offered = {row.pk: row for row in assignable_refunds(withdrawal, order)}
        self._offer_refunds()
        for item in self.items:
            self.fields[f"units_{item.pk}"] = forms.IntegerField(
                label=_("%(title)s (up to %(most)d)") % {"title": item.title, "most": item.quantity},
                min_value=0, max_value=item.quantity, required=False, initial=withdrawal.units.get(str(item.pk), 0),
                error_messages=LIMIT_ERRORS,
            )  # fmt: skip

    def clean_shown(self) -> datetime | None:
        """Return when the withdrawal was assigned before, as the page showed it."""
        text = self.cleaned_data["shown"]
        try:
            moment = parse_datetime(text) if text else None
            moment = moment and moment.astimezone(UTC)  # fails for moments that no database can compare
        except (ValueError, OverflowError):
            moment = None
        if text and moment is None:
            raise ValidationError(_("Please open the page again."))
        return moment

    def clean(self) -> dict[str, Any]:
        """Reject a withdrawal of some items that names no unit."""
        data = super().clean() or {}
        if not self.errors and self.items and not self._units():
            raise ValidationError(_("Enter the units that the withdrawal is about."))
        return data

    def assignment(self, by: str) -> Assignment:
        """Return the assignment of this form."""
        data = self.cleaned_data
        refunds = [self.offered[pk] for pk in data.get("refunds", ())]
        return Assignment(self.order, by, self._units(), data["shown"], refunds)

    def _offer_refunds(self) -> None:
        """Offer the refunds that can be for the withdrawal, all ticked, or leave the field out if there are none."""
        if not self.offered:
            del self.fields["refunds"]
            return
        choices = [(pk, f"{row}, {format_date(row.timestamp)}") for pk, row in self.offered.items()]
        self.fields["refunds"].choices = choices  # type: ignore[attr-defined]
        self.fields["refunds"].initial = list(self.offered)

    def _units(self) -> Units:
        entered = {item.pk: self.cleaned_data.get(f"units_{item.pk}") for item in self.items}
        return {line: units for line, units in entered.items() if units}
