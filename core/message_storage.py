"""Message storage: a cookie with a configurable name, and the session for messages that do not fit."""

from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.contrib.messages.storage.base import BaseStorage, Message
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import classproperty

MAX_MESSAGES = 50  # that wait to be shown


class NamedCookieStorage(CookieStorage):
    """Cookie storage with a configurable cookie name, for which Django has no setting."""

    @classproperty
    def cookie_name(cls) -> str:  # noqa: N805 - it gets the class
        return str(settings.MESSAGES_COOKIE_NAME)


class MessageStorage(FallbackStorage):
    """Fallback storage that tries the cookie first, so that a message does not create a session."""

    storage_classes = (NamedCookieStorage, SessionStorage)

    def _store(self, messages: list[Message], response: HttpResponseBase, *args: Any, **kwargs: Any) -> list[Message]:
        """Store the newest messages. A client that never opens a page would otherwise collect any number of them."""
        stored: list[Message] = super()._store(messages[-MAX_MESSAGES:], response, *args, **kwargs)  # type: ignore[misc]
        return stored


def discard_messages(request: HttpRequest) -> None:
    """Drop all messages that are waiting to be shown, so that the next visitor of a shared browser does not see them.

    Do nothing for a request without message storage.
    """
    storage = get_messages(request)
    if isinstance(storage, BaseStorage):
        list(storage)  # reading them all removes them from the cookie and the session
        storage._loaded_data = []  # type: ignore[attr-defined]
