"""The page on which staff export orders and refunds for the accountant."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from core.admin.lists import ListAdmin
from core.times import shop_date, start_of_day
from orders.accounting.csv_files import csv_lines, entry_rows, in_language, total_rows
from orders.accounting.entries import Entry, entries

Rows = Callable[[Iterable[Entry]], Iterator[list[Any]]]
# By the value of the field `file`: the name of the file, and the function that makes its rows.
FILES: dict[str, tuple[str, Rows]] = {"entries": ("orders", entry_rows), "totals": ("totals", total_rows)}
FIRST, LAST = date(2000, 1, 1), date(2999, 12, 31)


def _last_month() -> tuple[date, date]:
    """Return the first and the last day of the month before this one, in the shop's time zone."""
    last = shop_date(timezone.now()).replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


class ExportForm(forms.Form):
    """The days from which and to which orders and refunds are exported, and the kind of file."""

    first = forms.DateField(label=gettext_lazy("First day"), widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    last = forms.DateField(label=gettext_lazy("Last day"), widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    file = forms.ChoiceField(
        label=gettext_lazy("File"),
        widget=forms.RadioSelect,
        choices=[
            ("entries", gettext_lazy("Orders and refunds, one row for each tax rate")),
            ("totals", gettext_lazy("Totals by country and tax rate")),
        ],
    )

    def clean(self) -> dict[str, Any]:
        """Reject days in the wrong order, and days that no calendar of the database has."""
        data: dict[str, Any] = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if first and last and first > last:
            self.add_error("last", _("This is before the first day."))
        for name, day in (("first", first), ("last", last)):
            if day and not FIRST <= day <= LAST:
                self.add_error(name, _("Enter a day between 2000 and 2999."))
        return data


class ExportMixin(ListAdmin):
    """The export page below the list of orders."""

    def get_urls(self) -> list[Any]:
        """Add the page."""
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name="orders_order_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Show the form, or send the file for the submitted days."""
        if not (request.user.has_perm("orders.export_order") and self.has_view_permission(request)):
            raise PermissionDenied
        first, last = _last_month()
        initial = {"first": first, "last": last, "file": "entries"}
        form = ExportForm(request.POST if request.method == "POST" else None, initial=initial)
        if form.is_valid():
            return _file_response(**form.cleaned_data)
        context = {**self.admin_site.each_context(request), "form": form, "opts": self.opts}
        return render(request, "orders/admin/export.html", context | {"title": _("Export orders and refunds")})


def _file_response(first: date, last: date, file: str) -> StreamingHttpResponse:
    """Return the file while its rows are read, so that its size does not matter."""
    name, make_rows = FILES[file]
    found = entries(start_of_day(first), start_of_day(last + timedelta(days=1)))
    lines = in_language(csv_lines(make_rows(found)), get_language() or "en")
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{first}-{last}.csv"'
    return response
