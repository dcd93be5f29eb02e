"""The request that shared pages are rendered for. It belongs to no visitor."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.http import HttpRequest, QueryDict
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe

from core.page_cache.placeholders import Argument, Placeholder
from core.page_cache.versions import read_versions


class SharedRequest(HttpRequest):
    """The part of a request that all visitors of a page have in common.

    It has no cookies, an empty session, no user, no messages, and only the query parameters that the view declares.
    So a stored page cannot contain anything of the visitor who happened to request it first.
    """

    user: Any
    session: Any

    def __init__(self, request: HttpRequest, query: Mapping[str, str]) -> None:
        super().__init__()
        self.method = "GET"
        self.path, self.path_info, self.resolver_match = request.path, request.path_info, request.resolver_match
        self.META = {"HTTP_HOST": request.get_host(), "QUERY_STRING": urlencode(query)}
        self.GET = QueryDict(self.META["QUERY_STRING"])
        self.user = AnonymousUser()
        self.session = import_module(settings.SESSION_ENGINE).SessionStore()
        self._shared_scheme = request.scheme or "http"
        self.is_recording = True
        self.placeholders: list[Placeholder] = []
        self.mark = secrets.token_hex(12)  # so that no text of the shop can look like a placeholder
        self.versions: dict[str, int] = {}
        self.expires: datetime | None = None
        self._known: dict[str, int] = {}

    def _get_scheme(self) -> str:
        return self._shared_scheme

    def start(self, names: Iterable[str], known: Mapping[str, int]) -> None:
        """Start with the versions of these names. `known` are versions that have just been read."""
        self._known = dict(known)
        self.depend_on(names)

    def depend_on(self, names: Iterable[str], known: Mapping[str, int] | None = None) -> None:
        """Add names on which the page depends, and read the versions that are not known."""
        names = list(names)
        self._known |= known or {}
        if missing := [name for name in names if name not in self._known]:
            self._known |= read_versions(missing)
        self.versions |= {name: self._known[name] for name in names}

    def add_placeholder(self, name: str, arguments: Mapping[str, Argument] | None = None) -> SafeString:
        """Add a placeholder and return its mark in the page."""
        self.placeholders.append(Placeholder(name, None if arguments is None else tuple(arguments.items())))
        return mark_safe(f"[{self.mark}:{len(self.placeholders) - 1}]")  # noqa: S308 - hexadecimal digits

    @property
    def was_changed(self) -> bool:
        """Whether the view wrote what belongs to a visitor: the session, or a CSRF token."""
        return self.session.modified or "CSRF_COOKIE" in self.META


def to_arguments(values: Mapping[str, Any]) -> dict[str, Argument]:
    """Return arguments of a snippet with the primary keys of rows. Raise TypeError for anything larger."""
    arguments = {name: value.pk if isinstance(value, Model) else value for name, value in values.items()}
    for name, value in arguments.items():
        if value is not None and not isinstance(value, str | int):
            raise TypeError(f"The argument {name} of a snippet must be a row, a string or a number, not {value!r}.")
    return arguments
