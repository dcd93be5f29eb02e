"""How long a session remembers its guest. Only this module reads and writes `guest_times` in the session.

Each owner of a session key about a guest calls `end_if_over` before it reads the key, and removes the key when
`guest_session_ended` is sent. So no page shows the data of a guest who left, and no background process is needed.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from core.message_storage import discard_messages

TIMES_KEY = "guest_times"
CHANGED, ORDERED = "changed", "ordered"

# Sent with `request` when the session has to forget its guest. Receivers remove their session keys.
guest_session_ended = Signal()


def record_change(request: HttpRequest) -> None:
    """Record that the guest has just changed their details."""
    _record(request, CHANGED)


def record_order(request: HttpRequest) -> None:
    """Record that an order was placed in this session."""
    _record(request, ORDERED)


def record_visit(request: HttpRequest) -> None:
    """Record that a link was opened, if nothing else has been recorded yet. It does not prolong a guest session."""
    end_if_over(request)
    if not is_dated(request):
        record_change(request)


def end_if_over(request: HttpRequest) -> None:
    """End the guest session if its time is over, and show a message to visitors who are not logged in."""
    if is_over(request):
        end(request)
        if not request.user.is_authenticated:
            text = _(
                "To protect your data, we have removed your details from this browser after %(hours)d hours. Your cart "
                "is kept, and the links in our emails still open your orders."
            )
            messages.info(request, text % {"hours": settings.GUEST_SESSION_HOURS}, fail_silently=True)


def is_over(request: HttpRequest) -> bool:
    """Return whether the guest session has to end now.

    It is over settings.GUEST_SESSION_HOURS after the last order or, without one, after the last change of the details.
    """
    times = request.session.get(TIMES_KEY)
    if not times:
        return False
    return bool(_now() >= times.get(ORDERED, times.get(CHANGED, 0)) + settings.GUEST_SESSION_HOURS * 3600)


def is_current(request: HttpRequest, since: datetime | None) -> bool:
    """Return whether the guest session is not over yet.

    `since` is the time of the row that the caller found. It dates sessions that were stored before times were recorded.
    The sessions of members need no time, because members log out.
    """
    if not is_dated(request):
        request.session[TIMES_KEY] = {CHANGED: since.timestamp() if since else 0}
        end_if_over(request)
    return is_dated(request)


def is_dated(request: HttpRequest) -> bool:
    """Return whether the times of this session are known, or its visitor is logged in."""
    return TIMES_KEY in request.session or request.user.is_authenticated


def end(request: HttpRequest) -> None:
    """Let the session forget its guest now, with all messages that are waiting."""
    request.session.pop(TIMES_KEY, None)
    discard_messages(request)
    guest_session_ended.send(sender=HttpRequest, request=request)


def _record(request: HttpRequest, what: str) -> None:
    end_if_over(request)  # otherwise, the new time would bring back the data of an earlier guest
    if request.user.is_authenticated:
        return
    times: dict[str, Any] = request.session.get(TIMES_KEY, {})
    request.session[TIMES_KEY] = times | {what: _now()}


def _now() -> float:
    return timezone.now().timestamp()
