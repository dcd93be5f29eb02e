"""Where a sentence for the next page waits: in a cookie named as the settings say, a long one in the session."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class NamedCookieStorage(CookieStorage):
    """Django's own has no setting for the cookie's name."""

    cookie_name = settings.MESSAGES_COOKIE_NAME


class NoticeStorage(FallbackStorage):
    """The cookie first, so that a sentence for a visitor without a session starts none."""

    storage_classes = (NamedCookieStorage, SessionStorage)
