"""Message storage: a cookie with a configurable name, and the session for messages that do not fit."""

from django.conf import settings
from django.contrib.messages import get_messages
from django.contrib.messages.storage.base import BaseStorage
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpRequest
from django.utils.functional import classproperty


class NamedCookieStorage(CookieStorage):
    """Cookie storage with a configurable cookie name, for which Django has no setting."""

    @classproperty
    def cookie_name(cls) -> str:  # noqa: N805 - it gets the class
        return str(settings.MESSAGES_COOKIE_NAME)


class MessageStorage(FallbackStorage):
    """Fallback storage that tries the cookie first, so that a message does not create a session."""

    storage_classes = (NamedCookieStorage, SessionStorage)


def discard_messages(request: HttpRequest) -> None:
    """Drop all messages that are waiting to be shown, so that the next visitor of a shared browser does not see them.

    Do nothing for a request without message storage.
    """
    storage = get_messages(request)
    if isinstance(storage, BaseStorage):
        list(storage)  # reading them all removes them from the cookie and the session
        storage._loaded_data = []  # type: ignore[attr-defined]
