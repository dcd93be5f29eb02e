"""The base class of all admins with which staff change rows."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from core.admin.change_history import add_values, last_deletion, message_with_values
from core.admin.lists import ListAdmin
from core.admin.row_forms import StoredRowForm, stored_row_form
from core.admin.row_formsets import StoredRowInlineFormSet, StoredRowListFormSet, lock_rows


class RowsField(forms.ModelMultipleChoiceField):
    """A choice of rows that rejects keys that are too large for the database."""

    def _check_values(self, value: Any) -> Any:
        try:
            return super()._check_values(value)  # type: ignore[misc]
        except OverflowError:  # SQLite
            raise ValidationError(self.error_messages["invalid_list"], code="invalid_list") from None


class EditAdmin(ListAdmin):
    """A model admin in which people who edit the same rows at the same time do not overwrite each other's changes.

    This applies to change forms, inlines and editable lists. See StoredRowForm.
    """

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form. The form of an existing row is a StoredRowForm."""
        if change:
            kwargs["form"] = stored_row_form(kwargs.get("form", self.form))
        return super().get_form(request, obj, change=change, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        """Return the field for a choice of rows: checkboxes, which keyboards and screen readers can use."""
        usual = {"form_class": RowsField, "widget": forms.CheckboxSelectMultiple}
        return super().formfield_for_manytomany(db_field, request, **usual | kwargs)

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        """Yield the formsets of the inlines, whose forms are StoredRowForms."""
        for inline in self.get_inline_instances(request, obj):
            form, name = stored_row_form(inline.form), inline.formset.__name__
            formset = type(name, (StoredRowInlineFormSet, inline.formset), {})
            yield inline.get_formset(request, obj, form=form, formset=formset), inline

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form of a row of the list."""
        return super().get_changelist_form(request, **{"form": stored_row_form(forms.ModelForm)} | kwargs)

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the formset of the list."""
        return super().get_changelist_formset(request, **{"formset": StoredRowListFormSet} | kwargs)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show or save the form. Lock the row before it is read to be saved."""
        if request.method != "POST" or object_id is None or "_saveasnew" in request.POST:
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            if not self._lock(unquote(object_id)):
                return self._redirect_from_deleted_row(request, unquote(object_id))
            response = super().changeform_view(request, object_id, form_url, extra_context)
            context = getattr(response, "context_data", None) or {}
            if "adminform" in context:
                formsets = [inline.formset for inline in context["inline_admin_formsets"]]
                labels = [*context["adminform"].form.conflict_labels(), *_conflicts_in_rows(formsets)]
                self._tell_conflicts(request, labels)
            return response

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list, or save its rows in one transaction that begins before they are read."""
        if request.method != "POST" or "_save" not in request.POST:
            return super().changelist_view(request, extra_context)
        with transaction.atomic():
            response = super().changelist_view(request, extra_context)
            changelist = (getattr(response, "context_data", None) or {}).get("cl")
            if changelist and changelist.formset is not None:
                self._align_rows(changelist)
                self._tell_conflicts(request, _conflicts_in_rows([changelist.formset]))
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save a new row, or the changed columns of an existing one."""
        if change:
            form.save_columns()
        else:
            super().save_model(request, obj, form, change)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Return the message for the change history, with the old and new values of changed fields."""
        message = super().construct_change_message(request, form, formsets, add)
        return add_values(message, form, formsets) if isinstance(form, StoredRowForm) else message

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show the change history with old and new values."""
        response = super().history_view(request, object_id, extra_context)
        for entry in (getattr(response, "context_data", None) or {}).get("action_list", ()):
            entry.change_message = message_with_values(entry)
        return response

    def rows_to_lock(self, key: str) -> Any:
        """Return the rows to lock before a form is saved: this one, and others that saving it locks too."""
        return self.model._base_manager.filter(pk=key)

    def _get_edited_object_pks(self, request: HttpRequest, prefix: str) -> list[str]:
        """Leave out submitted keys that no row can have, with which databases fail."""
        keys = super()._get_edited_object_pks(request, prefix)
        return [key for key in keys if self._is_possible_key(key)]

    def _is_possible_key(self, key: str) -> bool:
        try:
            self.model._meta.pk.clean(key, None)
        except ValidationError:
            return False
        return True

    def _lock(self, key: str) -> bool:
        """Lock the row until the transaction ends. Return False if there is none."""
        if not self._is_possible_key(key):
            return False
        lock_rows(self.rows_to_lock(key))
        return self.model._base_manager.filter(pk=key).exists()

    def _redirect_from_deleted_row(self, request: HttpRequest, key: str) -> HttpResponse:
        """Redirect to the list with a message that the row was deleted and nothing was saved."""
        if not self.has_change_permission(request):
            return super().changeform_view(request, key)
        by, name = last_deletion(self.model(pk=key))
        text = _("While this page was open, %(by)s deleted “%(row)s”. Nothing was saved.")
        self.message_user(request, text % {"by": by, "row": name}, messages.ERROR)
        return redirect(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def _align_rows(self, changelist: Any) -> None:
        """Show the rows of rejected forms in the order of the forms, because Django pairs both by position."""
        forms = changelist.formset.forms
        keys = [form.instance.pk for form in forms]
        found = changelist.apply_select_related(changelist.root_queryset.filter(pk__in=keys))
        rows = {row.pk: row for row in found}
        changelist.result_list = [rows.get(form.instance.pk, form.instance) for form in forms]

    def _tell_conflicts(self, request: HttpRequest, labels: list[str]) -> None:
        """Say at the top of the page which fields are in conflict, because they can be far down or off the screen."""
        if labels:
            text = _(
                "Nothing was saved, because somebody else changed the same fields while this page was open: %(fields)s."
            )
            self.message_user(request, text % {"fields": get_text_list(labels, _("and"))}, messages.ERROR)


def _conflicts_in_rows(formsets: list[Any]) -> list[str]:
    """Return the names of the fields in conflict, with their rows."""
    forms = [form for formset in formsets for form in formset.forms]
    return [f"{form.instance}: {label}" for form in forms for label in form.conflict_labels()]
