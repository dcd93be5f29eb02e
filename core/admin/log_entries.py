"""The log of what staff did in the admin: entries of actions, a list of all entries, and their authors."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model, ProtectedError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from core.admin.change_history import message_with_values
from core.admin.read_only import ReadOnlyAdmin


def record_action(request: HttpRequest, rows: Any, text: Any, **params: object) -> None:
    """Record that this member of staff did something to these rows. Forms and deletions are recorded by Django.

    `text` is lazy. It is stored in the language of staff, with the parameters filled in.
    """
    with override(settings.LANGUAGE_CODE):
        message = str(text) % params
        LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, change_message=message)  # type: ignore[arg-type]


def keep_author(instance: Any, **kwargs: Any) -> None:
    """Refuse to delete a user with log entries, because Django would delete the entries too.

    The workflow that erases a person keeps such a user as a row without personal data.
    """
    entries: set[Model] = set(LogEntry.objects.filter(user=instance.pk)[:1])
    if entries:
        raise ProtectedError(_("The log of staff needs this user. Erase the person instead."), entries)


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """Everything that staff did in the admin, newest first."""

    list_display = ["action_time", "user", "content_type", "object_repr", "action_flag", "message"]
    list_filter = ["action_flag", ("content_type", admin.RelatedOnlyFieldListFilter), "action_time"]
    list_select_related = ["user", "content_type"]
    list_display_links = None
    date_hierarchy = "action_time"
    show_full_result_count = False  # one query less
    search_fields = ["user__email", "=object_id", "object_repr"]
    fields = ["action_time", "user", "content_type", "object_repr", "action_flag", "message"]

    @admin.display(description=gettext_lazy("change message"))
    def message(self, entry: LogEntry) -> str:
        return message_with_values(entry)
