"""The simulator's state, in an SQLite file or in memory. Changes are made in transactions."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, notes TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, position);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    request_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (event TEXT PRIMARY KEY, attempts INTEGER NOT NULL, due REAL NOT NULL);
"""


class Store:
    """Objects in the format of Stripe's responses, each with private notes that no response contains."""

    def __init__(self, path: str | None) -> None:
        self.lock = threading.RLock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block in a transaction, one thread at a time. Undo all changes if it raises an exception."""
        with self.lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Execute a statement and return its rows."""
        with self.lock:
            return self._connection.execute(sql, values).fetchall()

    def save(self, body: dict[str, Any], **notes: Any) -> dict[str, Any]:
        """Add or replace an object and return it. The notes are added to its existing notes."""
        notes = {**self.notes(body["id"]), **notes}
        self._rows(
            "INSERT INTO objects (id, kind, body, notes) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET body = excluded.body, notes = excluded.notes",
            *(body["id"], body["object"], json.dumps(body), json.dumps(notes)),
        )
        return body

    def find(self, kind: str, object_id: str) -> dict[str, Any] | None:
        """Return the object of this kind with this id, or None."""
        rows = self._rows("SELECT body FROM objects WHERE kind = ? AND id = ?", kind, object_id)
        return json.loads(rows[0][0]) if rows else None

    def notes(self, object_id: str) -> dict[str, Any]:
        """Return the private notes of an object, or an empty dictionary if it does not exist."""
        rows = self._rows("SELECT notes FROM objects WHERE id = ?", object_id)
        return json.loads(rows[0][0]) if rows else {}

    def find_all(self, kind: str) -> list[dict[str, Any]]:
        """Return all objects of a kind, oldest first."""
        rows = self._rows("SELECT body FROM objects WHERE kind = ? ORDER BY position", kind)
        return [json.loads(body) for (body,) in rows]

    def remove(self, object_id: str) -> None:
        """Delete an object."""
        self._rows("DELETE FROM objects WHERE id = ?", object_id)

    def save_response(self, key: str, request: str, status: int, body: str, request_id: str) -> None:
        """Store the response that is replayed for this idempotency key."""
        self._rows("INSERT INTO answers VALUES (?, ?, ?, ?, ?)", key, request, status, body, request_id)

    def get_response(self, key: str) -> tuple[Any, ...] | None:
        """Return the request hash, status, body and request id stored under an idempotency key, or None."""
        rows = self._rows("SELECT request, status, body, request_id FROM answers WHERE key = ?", key)
        return rows[0] if rows else None

    def forget_responses(self) -> None:
        """Delete all stored responses."""
        self._rows("DELETE FROM answers")

    def queue(self, event_id: str, attempts: int = 0, delay: float = 0.0) -> None:
        """Queue the delivery of an event, due after `delay` seconds."""
        values = (event_id, attempts, time.time() + delay)
        self._rows("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?)", *values)

    def unqueue(self, event_id: str, due: float) -> None:
        """Remove a delivery from the queue, unless the event has been queued again in the meantime."""
        self._rows("DELETE FROM deliveries WHERE event = ? AND due = ?", event_id, due)

    def next_delivery(self) -> tuple[str, int, float] | None:
        """Return the event id, attempts so far and due time (Unix time) of the next delivery, or None."""
        rows = self._rows("SELECT event, attempts, due FROM deliveries ORDER BY due, rowid LIMIT 1")
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    def clear(self) -> None:
        """Delete all objects, stored responses and deliveries."""
        with self.transaction():
            self._rows("DELETE FROM objects")
            self._rows("DELETE FROM answers")
            self._rows("DELETE FROM deliveries")

    def close(self) -> None:
        """Close the database."""
        with self.lock:
            self._connection.close()
