"""A base class for admins of rows that can be deleted only while nothing refers to them."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as delete_without_check
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.edit_admin import EditAdmin


class DeletionAdmin(EditAdmin):
    """An admin whose deletion pages say in words why a row in use stays, and what to do instead.

    The pages of several rows separate those in use from the others.
    """

    actions = ["delete_selected"]
    delete_confirmation_template = "admin/delete_row.html"
    in_use: ClassVar[Q]  # the rows that cannot be deleted
    in_use_reason: ClassVar[Any]
    instead: ClassVar[str] = ""  # the name of the action that is offered for active rows in use
    owned: ClassVar[tuple[type[Model], ...]] = ()  # models of rows that are part of a row and deleted with it

    def rows_in_use(self, rows: Any) -> QuerySet[Any]:
        """Return those of the rows that cannot be deleted."""
        found = self.model._base_manager.filter(self.in_use, pk__in=[row.pk for row in rows])
        return self.model._base_manager.filter(pk__in=found.values("pk"))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], Any, set[Any], list[Any]]:
        """Return what is deleted. Parts of a row need no permission of their own."""
        if protected := list(self.rows_in_use(objs)):
            return [], {}, set(), protected
        rows, counts, missing, protected = super().get_deleted_objects(objs, request)
        return rows, counts, missing - {model._meta.verbose_name for model in self.owned}, protected

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        """Render the page of one row, with what can be done instead."""
        return super().render_delete_form(request, context | self._instead_context(request, context["protected"]))

    @admin.action(permissions=["delete"], description=gettext_lazy("Delete selected %(verbose_name_plural)s"))
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask for confirmation and delete the rows, or show which of them are in use."""
        rows = list(queryset)
        used = list(self.rows_in_use(rows))
        if not used:
            return delete_without_check(self, request, queryset)
        context = {
            **self.admin_site.each_context(request),
            **self._instead_context(request, used),
            "title": _("Cannot delete %(name)s") % {"name": self.opts.verbose_name_plural},
            "opts": self.opts,
            "used": used,
            "free": [row for row in rows if row not in used],
            "media": self.media,
        }
        return render(request, "admin/delete_rows.html", context)

    def report_done(self, request: HttpRequest, text: str, count: int) -> None:
        """Show the message of an action that changed `count` rows."""
        self.message_user(request, text % {"count": count}, messages.SUCCESS)

    def _instead_context(self, request: HttpRequest, used: list[Any]) -> dict[str, Any]:
        action = self.get_actions(request).get(self.instead)
        active = [row.pk for row in used if getattr(row, "active", False)]
        return {
            "reason": self.in_use_reason,
            "instead": {"action": self.instead, "label": action[2], "pks": active} if action and active else None,
            "is_done": self.instead and not active,
            "changelist_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
