"""Message storage: a cookie with a configurable name, and the session for messages that do not fit."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class NamedCookieStorage(CookieStorage):
    """Cookie storage with a configurable cookie name, for which Django has no setting."""

    cookie_name = settings.MESSAGES_COOKIE_NAME


class MessageStorage(FallbackStorage):
    """Fallback storage that tries the cookie first, so that a message does not create a session."""

    storage_classes = (NamedCookieStorage, SessionStorage)
