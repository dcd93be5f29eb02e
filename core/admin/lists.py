"""The base class of all admins. Their lists answer any query of a URL without an error of the server."""

import re
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import DataError, models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

# Errors of lookups with values that Django does not check, such as the year 9999 or half a range.
LOOKUP_ERRORS = (ArithmeticError, DataError, LookupError, TypeError, ValueError)
MAX_SEARCH_LENGTH = 200
KEY = re.compile(r"[0-9]{1,18}")
LIST_SCRIPTS = forms.Media(js=["admin/js/core.js", "admin/js/actions.js"])
PATTERN_LOOKUPS = ("regex", "iregex")  # not used by any filter, and SQLite fails with an error of its own


class FilledFilter(admin.EmptyFieldListFilter):
    """Filter by whether a column has a value, in words that suit columns such as "needs attention" or "delivered"."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield "All", "Yes" and "No", with their counts if the list shows them."""
        every, empty, filled = map(dict, super().choices(changelist))
        counts = self.get_facet_queryset(changelist) if changelist.add_facets else {}
        yield every
        for choice, label, name in ((filled, _("Yes"), "not_empty__c"), (empty, _("No"), "empty__c")):
            yield choice | {"display": f"{label} ({counts[name]})" if counts else label}


class ListAdmin(admin.ModelAdmin):
    """A model admin that answers a query which its list cannot run like one with an unknown field.

    Its pages load only the scripts that they use. Django's list also loads jQuery and a library for slugs.
    """

    @property
    def media(self) -> forms.Media:
        """Return the scripts of forms. Those that make slugs are larger than all others together."""
        every = super().media
        if self.prepopulated_fields:
            return every
        names = ("vendor/jquery/jquery.min.js", "jquery.init.js", "core.js", "admin/RelatedObjectLookups.js")
        return forms.Media(js=[f"admin/js/{name}" for name in names])

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list or run an action. Reject an action for rows whose keys cannot be keys."""
        if all(KEY.fullmatch(key) for key in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            response = super().changelist_view(request, extra_context)
            _leave_out_scripts(getattr(response, "context_data", None) or {})
            return response
        text = _("Items must be selected in order to perform actions on them. No items have been changed.")
        self.message_user(request, text, messages.ERROR)
        return redirect(request.path)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list. Raise IncorrectLookupParameters, which redirects to the whole list, for such a query."""
        if any(part in PATTERN_LOOKUPS for name in request.GET for part in name.split("__")[1:]):
            raise IncorrectLookupParameters
        try:
            return super().get_changelist_instance(request)
        except LOOKUP_ERRORS as error:
            if not request.GET:
                raise
            raise IncorrectLookupParameters from error

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Search for the beginning of a long text, also in autocomplete fields.

        SQLite rejects conditions for thousands of words, and PostgreSQL rejects NUL characters.
        """
        return super().get_search_results(request, queryset, search_term.replace("\0", "")[:MAX_SEARCH_LENGTH])

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        """Return the values from the URL for a new row, without dates and times, which their fields cannot read."""
        columns = {column.name: column for column in self.opts.get_fields()}
        initial = super().get_changeform_initial_data(request)
        return {name: value for name, value in initial.items() if not isinstance(columns.get(name), models.DateField)}


def _leave_out_scripts(context: dict[str, Any]) -> None:
    """Leave out the scripts that only forms use, with jQuery. A list in a pop-up window chooses a row with them."""
    changelist = context.get("cl")
    if changelist and not changelist.is_popup:
        context["media"] = LIST_SCRIPTS + (changelist.formset.media if changelist.formset else forms.Media())
