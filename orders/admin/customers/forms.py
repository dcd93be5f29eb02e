"""Forms on the page of a customer."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from billing.models import BillingProfile
from core.admin.edit_admin import RowsField
from orders.customers.facts import Guest
from orders.customers.notes import MAX_NOTE_LENGTH


class PickGuestsForm(forms.Form):
    """The guests whose orders staff have ticked. An account needs none."""

    guests = RowsField(
        queryset=None,
        error_messages={
            "required": _("Tick the orders that belong to this person."),
            "invalid_choice": _("A guest that you ticked is not there any more. Check the page, and tick again."),
            "invalid_list": _("A guest that you ticked is not there any more. Check the page, and tick again."),
            "invalid_pk_value": _("A guest that you ticked is not there any more. Check the page, and tick again."),
        },
    )

    def __init__(self, data: Any, *, guests: QuerySet[BillingProfile], is_required: bool) -> None:
        super().__init__(data)
        field: Any = self.fields["guests"]
        field.queryset, field.required = guests, is_required


class NoteForm(forms.Form):
    """A new note about an account, or about one of the guests with an email address."""

    about = forms.ChoiceField(label=_("About the orders"))
    text = forms.CharField(
        label=_("Note"),
        max_length=MAX_NOTE_LENGTH,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("The export of the customer’s data contains it."),
    )

    def __init__(self, data: Any = None, *, guests: list[Guest]) -> None:
        super().__init__(data, prefix="note")
        field: Any = self.fields["about"]
        field.choices = [(str(guest.profile.pk), guest.label) for guest in guests]
        if len(guests) < 2:  # nothing to choose
            del self.fields["about"]
