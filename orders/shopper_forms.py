"""Forms for shoppers to withdraw from a contract and to find an order."""

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.email_addresses import CustomerEmailField
from core.forms import PlainForm
from orders.models import Order
from orders.models.withdrawal import MAX_ITEMS, MAX_NAME, MAX_ORDER_NUMBER
from orders.workflow.withdrawals.declaring import Declaration
from orders.workflow.withdrawals.plain_text import clean, clean_line

WHOLE, ITEMS = "whole", "items"


class LineField(forms.CharField):
    """One line of text. Characters that do not print become spaces instead of errors."""

    def to_python(self, value: Any) -> str:
        return clean_line(super().to_python(value) or "")


class TextField(forms.CharField):
    """Several lines of text. Characters that do not print become spaces instead of errors."""

    def to_python(self, value: Any) -> str:
        return clean(super().to_python(value) or "")


class WithdrawalForm(PlainForm):
    """A declaration of withdrawal by somebody who need not be signed in."""

    name = LineField(label=_("Your name"), max_length=MAX_NAME, widget=forms.TextInput({"autocomplete": "name"}))
    order_number = LineField(
        label=_("Order number"), max_length=MAX_ORDER_NUMBER,
        help_text=_("It is in our emails about the order. If you cannot find it, enter the date of the order."),
    )  # fmt: skip
    email = CustomerEmailField(
        label=_("Email"),
        help_text=_("We send the receipt of your withdrawal to this email."),
        widget=forms.EmailInput({"autocomplete": "email"}),
    )
    scope = forms.ChoiceField(
        label=_("You withdraw from"),
        choices=[("", _("Please choose")), (WHOLE, _("The whole order")), (ITEMS, _("Only these items"))],
    )
    items = TextField(
        label=_("Items, and how many of each"), max_length=MAX_ITEMS, required=False,
        widget=forms.Textarea({"rows": 4}), help_text=_("Not needed for the whole order."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Require items unless the whole order is chosen."""
        data = self.cleaned_data
        if data.get("scope") == ITEMS and not data.get("items") and "items" not in self.errors:
            self.add_error("items", self.fields["items"].error_messages["required"])
        return data

    def declaration(self) -> Declaration:
        """Return what was entered."""
        data = self.cleaned_data
        return Declaration(
            data["name"], data["email"], data["order_number"], data["scope"] == WHOLE, get_language() or "",
            items=data["items"],
        )  # fmt: skip


class OrderWithdrawalForm(PlainForm):
    """A declaration of withdrawal from an order that the visitor sees, with its lines to choose from."""

    name = LineField(label=_("Your name"), max_length=MAX_NAME, widget=forms.TextInput({"autocomplete": "name"}))
    email = WithdrawalForm.base_fields["email"]
    scope = WithdrawalForm.base_fields["scope"]

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        self.order = order
        self.items = {f"line_{item.pk}": item for item in order.items.order_by("pk")}
        super().__init__(*args, **kwargs)

    def configure_fields(self) -> None:
        """Add a field for the units of each line."""
        for name, item in self.items.items():
            label = _("%(title)s (up to %(most)d)") % {"title": item.title, "most": item.quantity}
            self.fields[name] = forms.IntegerField(
                label=label, min_value=0, max_value=item.quantity, required=False, initial=0
            )

    def clean(self) -> dict[str, Any]:
        """Require units unless the whole order is chosen."""
        if self.cleaned_data.get("scope") == ITEMS and not self.errors and not self.units():
            self.add_error(next(iter(self.items)), _("Please enter how many units of at least one item."))
        return self.cleaned_data

    def units(self) -> dict[str, int]:
        """Return the chosen units by the primary key of their line, as JSON stores it."""
        chosen = {str(item.pk): self.cleaned_data.get(name) for name, item in self.items.items()}
        return {line: units for line, units in chosen.items() if units}

    def chosen_lines(self) -> list[tuple[int, str]]:
        """Return units and title of each chosen line."""
        units = self.units()
        return [(units[str(item.pk)], item.title) for item in self.items.values() if str(item.pk) in units]

    def declaration(self) -> Declaration:
        """Return what was entered."""
        data, is_whole = self.cleaned_data, self.cleaned_data["scope"] == WHOLE
        return Declaration(
            data["name"], data["email"], self.order.order_id, is_whole, get_language() or "",
            units={} if is_whole else self.units(), order=self.order,
        )  # fmt: skip


class FindOrderForm(PlainForm):
    """The number of an order and its email address."""

    order_number = LineField(
        label=_("Order number"), max_length=MAX_ORDER_NUMBER, help_text=_("It is in our emails about the order.")
    )
    email = CustomerEmailField(label=_("Email"), widget=forms.EmailInput({"autocomplete": "email"}))
