"""A form field for the group of a product: one of the existing groups, or the name of a new one."""

from itertools import groupby
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.text.folding import fold
from products.models import Product

MAX_LENGTH = 40
NAMED = 3  # titles in the name of a group


def group_choices() -> list[tuple[str, str]]:
    """Return each group with a text that names it and its first products, in one query."""
    rows = Product.objects.exclude(group="").order_by("group", "sku").values_list("group", "title")
    titles = [(group, [title for _group, title in found]) for group, found in groupby(rows, key=lambda row: row[0])]
    return [(group, _group_text(group, found)) for group, found in titles]


def same_group(name: str, groups: list[str]) -> str:
    """Return the group whose name differs from this one only in case, accents or spaces. Otherwise, return ""."""
    wanted = _key(name)
    return next((group for group in groups if _key(group) == wanted), "")


def existing_group_error(group: str) -> ValidationError:
    """Return the error for the name of a new group that exists already."""
    return ValidationError(_("There is already a group “%(group)s”. Choose it in the list.") % {"group": group})


class GroupWidget(forms.MultiWidget):
    """A list of groups, and a text field for a new one. The list has the name of the field itself."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"": forms.Select(), "new": forms.TextInput(attrs={"maxlength": MAX_LENGTH})}, attrs)

    def decompress(self, value: Any) -> list[str]:
        """Return the values of both fields. A stored group is in the list."""
        return [value or "", ""]

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0" if id_ else id_

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Render both fields. The form labels the first one, and this widget the second one."""
        existing, new = self.get_context(name, value, attrs)["widget"]["subwidgets"]
        help_id = f"{existing['attrs'].get('id', name)}_helptext"
        for one in (existing, new):
            one["attrs"]["aria-describedby"] = help_id
        html = [self._render(one["template_name"], {"widget": one}, renderer) for one in (existing, new)]  # type: ignore[attr-defined]
        return format_html(
            '<div class="group-fields">{}<label for="{}">{}</label>{}</div>',
            html[0], new["attrs"].get("id", ""), _("or the name of a new group"), html[1],
        )  # fmt: skip


class GroupField(forms.MultiValueField):
    """The group of a product. A new name wins, unless it is a spelling of an existing one."""

    widget = GroupWidget

    def __init__(self, **kwargs: Any) -> None:
        error = gettext_lazy("This group does not exist any more. Choose another one, or type its name as a new group.")
        existing = forms.ChoiceField(required=False, error_messages={"invalid_choice": error})
        fields = (existing, forms.CharField(required=False, max_length=MAX_LENGTH))
        super().__init__(fields, required=False, require_all_fields=False, **kwargs)

    def offer(self, choices: list[tuple[str, str]]) -> None:
        """Offer these groups."""
        self.groups = [group for group, _text in choices]
        field: Any = self.fields[0]
        widget: Any = self.widget
        field.choices = widget.widgets[0].choices = [("", _("No group")), *choices]

    def compress(self, data_list: Any) -> str:
        """Return the name of the group, or "". Raise ValidationError if a new name is a spelling of an existing one."""
        existing, new = data_list or ("", "")
        new = " ".join(new.split())
        if new and (same := same_group(new, self.groups)):
            raise existing_group_error(same)
        return new or existing or ""


def _group_text(group: str, titles: list[str]) -> str:
    named = ", ".join(Truncator(title).chars(40) for title in titles[:NAMED])
    return f"{group}: {named}{', …' if len(titles) > NAMED else ''}"


def _key(name: str) -> str:
    return " ".join(fold(name).split())
