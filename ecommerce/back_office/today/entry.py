"""A number of rows that wait for staff."""

from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse


class Step(NamedTuple):
    """A link to a page on which staff can do the work."""

    label: str
    url: str


@dataclass(frozen=True)
class Work:
    """A line of today's work: how many rows wait, in words, and the list that shows exactly these rows.

    `nothing` is shown instead if there are none. `step` leads to the page that deals with the first of them.
    """

    number: int
    label: str
    nothing: str
    url: str
    notes: tuple[str, ...] = ()
    step: Step | None = None


def may_see(request: HttpRequest, model: type[Model]) -> bool:
    """Check whether this member of staff may open the list of the model."""
    return admin.site.get_model_admin(model).has_view_permission(request)


def list_url(model: type[Model], **query: Any) -> str:
    """Return the URL of the model's list with these filters."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{urlencode(query)}" if query else url
