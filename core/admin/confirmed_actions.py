"""List actions that show a page first: which rows they change and how, which they leave out, and why."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MAX_ROWS = 200  # the limit for one action
CONFIRM = "confirm"  # the field of the button that confirms an action
Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]


def _nothing(row: Any) -> str:
    return ""


class LeftOut(NamedTuple):
    """A row that an action does not change, and why."""

    row: Any
    reason: str


class PlannedRow(NamedTuple):
    """A row that an action changes, the message about it, and the values that the page has shown."""

    row: Any
    detail: str
    version: str


@dataclass(frozen=True)
class Plan:
    """What an action is going to do. All functions get a row and return a text in the language of staff."""

    effect: Any  # a sentence or two about all rows, lazy
    obstacle: Callable[[Any], str] = field(default=_nothing)  # why the row is left out, or an empty text
    detail: Callable[[Any], str] = field(default=_nothing)  # what to say about a row that changes
    # Whatever differs if the row is no longer what the page has shown. The row is then left out.
    version: Callable[[Any], str] = field(default=_nothing)

    def split(self, rows: Iterable[Any]) -> tuple[list[PlannedRow], list[LeftOut]]:
        """Return the rows that change, and those that are left out."""
        planned, left_out = [], []
        for row in rows:
            if reason := self.obstacle(row):
                left_out.append(LeftOut(row, str(reason)))
            else:
                planned.append(PlannedRow(row, str(self.detail(row)), self.version(row)))
        return planned, left_out


def confirmed_action(
    description: Any, permissions: list[str], plan: Plan
) -> Callable[[Callable[[Any, HttpRequest, list[Any]], HttpResponse | None]], Action]:
    """Decorate a method of an admin that changes rows, so that staff see its plan first and confirm it.

    The method gets a list of the confirmed rows, read again, without those that the plan leaves out by now. It must
    still change them by conditional updates, because a colleague can be faster.
    """

    def decorate(act: Callable[[Any, HttpRequest, list[Any]], HttpResponse | None]) -> Action:
        @admin.action(description=description, permissions=permissions)
        @wraps(act)
        def action(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            rows = selected_rows(model_admin, request, queryset)
            if rows is None:
                return None
            planned, left_out = plan.split(rows)
            if CONFIRM not in request.POST:
                gone = _gone_text(request, rows)
                context = {"plan": plan, "planned": planned, "left_out": left_out, "gone": gone, "title": description}
                return _confirmation_page(model_admin, request, act.__name__, context)
            kept = [entry.row for entry in planned if entry.version == request.POST.get(f"shown_{entry.row.pk}", "")]
            changed = [entry.row for entry in planned if entry.row not in kept]
            left_out += [LeftOut(row, _("It has changed since the page was shown.")) for row in changed]
            report_left_out(request, left_out, _gone_text(request, rows))
            return act(model_admin, request, kept) if kept else None

        return action

    return decorate


def selected_rows(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any] | None:
    """Return the selected rows, or None with a message if they are too many.

    Rows that were ticked are returned even if they no longer match the filter of the list, so that none is left out
    silently.
    """
    keys = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
    is_whole_list = request.POST.get("select_across") == "1" and CONFIRM not in request.POST
    if not is_whole_list:
        queryset = model_admin.get_queryset(request).filter(pk__in=keys) if len(keys) <= MAX_ROWS else queryset
    queryset = queryset if queryset.ordered else queryset.order_by("-pk")  # as the list does
    rows = list(queryset[: MAX_ROWS + 1])
    if len(rows) <= MAX_ROWS and (is_whole_list or len(keys) <= MAX_ROWS):
        return rows
    text = _("Select at most %(count)d rows at once. Nothing was changed.")
    messages.error(request, text % {"count": MAX_ROWS})
    return None


def report_left_out(request: HttpRequest, left_out: Iterable[LeftOut], gone: str = "") -> None:
    """Show the rows that were left out, one message for each reason, and one about rows that are gone."""
    for reason, names in group_rows((entry.reason, entry.row) for entry in left_out):
        messages.warning(request, _("Left out: %(rows)s. %(reason)s") % {"rows": names, "reason": reason})
    if gone:
        messages.warning(request, gone)


def group_rows(rows: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, str]]:
    """Return each text once, with the names of its rows. The page after an action shows only few messages."""
    names: dict[str, list[str]] = {}
    for text, row in rows:
        names.setdefault(text, []).append(str(row))
    return [(text, ", ".join(found)) for text, found in names.items()]


def _gone_text(request: HttpRequest, rows: list[Any]) -> str:
    """Return a sentence about ticked rows that were deleted in the meantime, if there are any."""
    if request.POST.get("select_across") == "1":
        return ""
    count = len(set(request.POST.getlist(ACTION_CHECKBOX_NAME))) - len(rows)
    text = ngettext("%(count)d selected row no longer exists.", "%(count)d selected rows no longer exist.", count)
    return text % {"count": count} if count else ""


def _confirmation_page(model_admin: Any, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """Return the page that shows the plan, with a button if any row changes."""
    site = model_admin.admin_site.each_context(request)
    context |= {"opts": model_admin.opts, "action_name": name, "back_url": request.get_full_path()}
    return render(request, "admin/confirm_action.html", site | context)
