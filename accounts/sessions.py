"""The session engine: rows in the database, written once, and only if something has changed.

Django's engine inserts an empty row as soon as a key is needed and updates it at the end of the request. It also
updates a row to the values that it already has.
"""

from contextlib import suppress
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, UpdateError
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.models import SignIn
from core.database.prepared import PreparedQuery, insert_row, update_row
from core.page_cache.versions import SITE_VERSION, note_site_version
from core.times import shop_date

LAST_USED = SignIn.objects.filter(session_key=OuterRef("session_key")).order_by().values("last_used")
FURTHER = {"last_used": Subquery(LAST_USED), "site_version": SITE_VERSION}  # what most requests with a session need
SESSIONS = PreparedQuery(lambda key: Session.objects.filter(session_key=key).annotate(**FURTHER), key=str)
KEY_LENGTH = 32  # 165 bits, so that a key is never chosen twice


class SessionStore(db.SessionStore):
    """Database sessions that remember what their row contains."""

    _is_new = False
    _stored: bytes | None = None  # the data in the row, or None if that is unknown

    def load(self) -> dict[str, Any]:
        """Return the data of the row, or an empty dictionary if there is no such session."""
        data: dict[str, Any] = super().load()
        self._stored = self._dump(data)
        return data

    def _get_session_from_db(self) -> Session | None:
        """Return the row, or None if there is none or its time is over. Every request with a session reads it.

        Once a day, record that the sign-in is still used.
        """
        row: Any = SESSIONS.first(key=self.session_key or "")
        if row is None or row.expire_date <= timezone.now():
            self._session_key = None
            return None
        note_site_version(row)
        today = shop_date(timezone.now())
        if row.last_used and row.last_used != today:
            # A page can be read although the disk is full or another request holds the row.
            with suppress(DatabaseError), transaction.atomic():
                SignIn.objects.filter(session_key=row.session_key).update(last_used=today)
        stored: Session = row
        return stored

    def cycle_key(self) -> None:
        """Continue under a new key. The sign-in, if there is one, goes with it."""
        before = self.session_key
        super().cycle_key()
        if SESSION_KEY in self:
            SignIn.objects.filter(session_key=before).update(session_key=self.session_key)

    def flush(self) -> None:
        """End the session and its sign-in."""
        if SESSION_KEY in self:
            SignIn.objects.filter(session_key=self.session_key).delete()
        super().flush()

    def create(self) -> None:
        """Choose a new key. The row is inserted when the session is saved."""
        self._session_key = get_random_string(KEY_LENGTH, VALID_KEY_CHARS)
        self._read(no_load=True)
        self._is_new, self._stored, self.modified = True, None, True

    def save(self, must_create: bool = False) -> None:
        """Insert or update the row. Do nothing if it already has this data.

        Raise UpdateError if the session was deleted in the meantime.
        """
        if self.session_key is None:
            self.create()
        data = self._read(no_load=must_create)
        if self.session_key is None:  # the row was deleted before it was read
            raise UpdateError
        dumped = self._dump(data)
        if self._is_new or must_create:
            insert_row(self.create_model_instance(data))
        elif dumped != self._stored:
            self._update(data)
        self._is_new, self._stored = False, dumped

    def forget_saved(self) -> None:
        """Write the session again with the next save, because the transaction of the last one was rolled back."""
        self._stored, self._is_new = None, not self.exists(self.session_key or "")

    def _read(self, no_load: bool) -> dict[str, Any]:
        data: dict[str, Any] = self._get_session(no_load=no_load)  # type: ignore[attr-defined]
        return data

    def _update(self, data: dict[str, Any]) -> None:
        row = self.create_model_instance(data)
        values = {"session_data": row.session_data, "expire_date": row.expire_date}
        if not update_row(self.model, row.session_key, **values):
            raise UpdateError

    def _dump(self, data: dict[str, Any]) -> bytes:
        return bytes(self.serializer().dumps(data))


def save_session(request: HttpRequest) -> None:
    """Save the session now, as the last statement of a transaction, instead of after the view.

    The transaction then needs no second commit. Do nothing if the session has just been deleted in another tab.
    """
    with suppress(UpdateError):
        request.session.save()


def save_session_again(request: HttpRequest) -> None:
    """Let the middleware save the session, because the transaction of `save_session` was rolled back."""
    if isinstance(request.session, SessionStore):
        request.session.forget_saved()
