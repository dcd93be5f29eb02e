"""The form that copies a product as another variant of its group."""

import json
from hashlib import sha256
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from products.copies import VARIANT_COLUMNS, suggest_group, suggest_sku, title_with_choice
from products.forms.groups import same_group
from products.forms.product import is_choice_taken, title_errors
from products.models import Product


class CopyForm(forms.Form):
    """What differs between a product and its copy, and what the original needs to be a variant too."""

    sku = forms.CharField(label=gettext_lazy("SKU of the copy"), max_length=40)
    choice = forms.CharField(label=gettext_lazy("Choice of the copy"), max_length=40)
    second_choice = forms.CharField(label=gettext_lazy("Second choice of the copy"), max_length=40)
    title = forms.CharField(
        label=gettext_lazy("Title of the copy"),
        max_length=150,
        required=False,
        help_text=gettext_lazy("Leave empty to use the title of the original with the new choice."),
    )
    group = forms.CharField(
        label=gettext_lazy("Name of the new group"),
        max_length=40,
        help_text=gettext_lazy("Both products get this group. Pages of the shop do not show its name."),
    )
    option = forms.CharField(
        label=gettext_lazy("Option"), max_length=30, help_text=gettext_lazy("For example Colour or Size.")
    )
    original_choice = forms.CharField(
        label=gettext_lazy("Choice of the original"),
        max_length=40,
        help_text=gettext_lazy("As it is in the title of the original."),
    )
    state = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, *, original: Product) -> None:
        self.original = original
        shown = {"sku": suggest_sku(original), "group": suggest_group(original), "state": _state_of(original)}
        initial = shown | {"second_choice": original.second_choice}
        super().__init__(data, initial=initial)
        for field, column in (("group", "group"), ("option", "option"), ("original_choice", "choice")):
            if getattr(original, column):
                del self.fields[field]
        if not original.second_option:
            del self.fields["second_choice"]
        if original.choice:
            text = _("%(option)s. The original has “%(choice)s”.")
            option = capfirst(original.option) or _("Choice")
            self.fields["choice"].help_text = text % {"option": option, "choice": original.choice}
        if original.group:
            rows = Product.objects.filter(group=original.group).exclude(choice="").order_by("choice")
            choices = ", ".join(rows.values_list("choice", flat=True).distinct())
            help_text = f"{self.fields['choice'].help_text} {_('The group has: %(choices)s.') % {'choices': choices}}"
            self.fields["choice"].help_text = help_text.strip()

    def clean_sku(self) -> str:
        """Return the SKU. Raise ValidationError with the title of the product that has it."""
        sku: str = self.cleaned_data["sku"]
        if other := Product.objects.filter(sku=sku).first():
            text = _("There is already a product with this SKU: “%(title)s”.")
            raise ValidationError(text % {"title": other.title})
        return sku

    def clean_group(self) -> str:
        """Return the name of the new group. Raise ValidationError if there is such a group."""
        name = " ".join(self.cleaned_data["group"].split())
        groups = Product.objects.exclude(group="").order_by("group").values_list("group", flat=True).distinct()
        if same := same_group(name, list(groups)):
            text = _("There is already a group “%(group)s”. Enter another name, or put the original into that group.")
            raise ValidationError(text % {"group": same})
        return name

    def clean(self) -> dict[str, Any]:
        """Set the title, and check it and the choices."""
        cleaned = super().clean() or {}
        if cleaned.get("state") != _state_of(self.original):
            text = _("While this page was open, the original was changed. Please open it again. Nothing was copied.")
            raise ValidationError(text)
        original_choice = cleaned.get("original_choice", self.original.choice)
        for _message in title_errors({"title": self.original.title, "choice": original_choice}):
            text = _("The title of the original does not include this. Use words of the title, or change it first.")
            self.add_error("original_choice" if "original_choice" in self.fields else None, text)
        if "choice" in cleaned:
            self._check_copy(cleaned, original_choice or "")
        return cleaned

    def of_original(self) -> dict[str, str]:
        """Return the variant columns that the original gets."""
        entered = dict(zip(VARIANT_COLUMNS, ("group", "option", "original_choice"), strict=True))
        return {column: self.cleaned_data[name] for column, name in entered.items() if name in self.fields}

    def of_copy(self) -> dict[str, str]:
        """Return the values of the copy that differ from those of the original."""
        names = ("sku", "title", "choice", "second_choice")
        return {name: self.cleaned_data[name] for name in names if name in self.fields}

    def _check_copy(self, cleaned: dict[str, Any], original_choice: str) -> None:
        second, before = cleaned.get("second_choice", ""), self.original.second_choice
        if not cleaned.get("title") and "title" not in self.errors:
            title = title_with_choice(self.original.title, original_choice, cleaned["choice"])
            title = title_with_choice(title, before, second) if second != before else title
            cleaned["title"] = title
            if len(title) > 150:
                self.add_error("title", _("The title would be too long. Enter a shorter one."))
        for message in title_errors(
            {"title": cleaned.get("title"), "choice": cleaned["choice"], "second_choice": second}
        ):
            self.add_error("title", message)
        is_same = (cleaned["choice"].casefold(), second.casefold()) == (original_choice.casefold(), before.casefold())
        key = {"group": self.original.group, "choice": cleaned["choice"], "second_choice": second}
        if is_same or is_choice_taken(key):
            self.add_error("choice", _("Another product of this group has the same choice."))


def _state_of(original: Product) -> str:
    """Return a digest of what decides which fields the form has."""
    names = ("title", *VARIANT_COLUMNS, "second_option", "second_choice")
    return sha256(json.dumps([getattr(original, name) for name in names]).encode()).hexdigest()[:20]
