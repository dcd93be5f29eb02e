"""The context of an API call, and functions that all handlers share."""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import dataclass, field
from typing import Any

from stripe_simulator.errors import invalid, missing
from stripe_simulator.parameters import API_VERSION
from stripe_simulator.store import Store

_LETTERS = string.ascii_letters + string.digits
_OPERATORS = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def random_text(length: int = 24) -> str:
    """Return random letters and digits that cannot be guessed."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass
class Call:
    """A validated call: its parameters, the ids in its path, and the store with an open transaction."""

    store: Store
    params: dict[str, Any] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    key: str = ""
    request_id: str = ""
    is_public: bool = False
    webhooks: bool = False
    base_url: str = ""

    def text(self, name: str) -> str | None:
        """Return a text parameter, or None if it was not sent or is empty."""
        value = self.params.get(name)
        return value if isinstance(value, str) and value else None

    def flag(self, name: str) -> bool:
        """Return whether a boolean parameter was sent as true."""
        return self.params.get(name) == "true"

    def get_or_error(self, kind: str, object_id: str, param: str = "", status: int = 404) -> dict[str, Any]:
        """Return the object with this id.

        Raise ApiError with this status if it does not exist. With status 400, a deleted object does not exist either.
        """
        found = self.store.find(kind, object_id)
        if not found or (found.get("deleted") and status == 400):
            raise missing(kind, object_id, param, status)
        return found

    def record_event(self, kind: str, body: dict[str, Any]) -> None:
        """Record an event, and queue its delivery if a webhook URL is set."""
        event = {
            **new_object("event", "evt"),
            "api_version": API_VERSION,
            "data": {"object": body},
            "pending_webhooks": int(self.webhooks),
            "request": {"id": self.request_id or None, "idempotency_key": self.key or None},
            "type": kind,
        }
        self.store.save(event)
        if self.webhooks:
            self.store.queue(event["id"])


def new_object(kind: str, prefix: str) -> dict[str, Any]:
    """Return the fields that every new object has."""
    return {
        "id": f"{prefix}_{random_text()}",
        "object": kind,
        "created": int(time.time()),
        "livemode": False,
    }


def merged_metadata(old: dict[str, str], sent: Any) -> dict[str, str]:
    """Return the metadata after an update.

    An empty value removes its key. An empty string instead of a dictionary removes all keys.
    """
    if sent == "":
        return {}
    return {key: value for key, value in {**old, **(sent or {})}.items() if value != ""}


def paginate(call: Call, kind: str, url: str, *filters: str, **fixed: Any) -> dict[str, Any]:
    """Return a list response, newest first, filtered by the named parameters and by fixed values.

    Raise ApiError (400) for an unknown `starting_after` or a `limit` that is not between 1 and 100.
    """
    wanted = {**{name: call.params[name] for name in filters if name in call.params}, **fixed}
    rows = [
        row
        for row in reversed(call.store.find_all(kind))
        if not row.get("deleted") and all(row.get(name) == value for name, value in wanted.items())
    ]
    rows = [row for row in rows if _is_created_in(row, call.params.get("created"))]
    ids = [row["id"] for row in rows]
    if after := call.text("starting_after"):
        if after not in ids:
            raise missing(kind, after, "starting_after", 400)
        rows = rows[ids.index(after) + 1 :]
    limit = int(call.params.get("limit", 10))
    if not 1 <= limit <= 100:
        raise invalid("This value must be between 1 and 100.", "parameter_invalid_integer", "limit")
    return {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit, "url": url}


def _is_created_in(row: dict[str, Any], bounds: Any) -> bool:
    """Return whether an object was created at the given second or within the given bounds."""
    if bounds is None:
        return True
    if isinstance(bounds, str):
        return str(row["created"]) == bounds
    return all(_OPERATORS[name](row["created"], int(bound)) for name, bound in bounds.items())
