"""The answer to a request for which the database or the disk has failed: 503, and the visitor can try again.

Its transaction was rolled back. The page needs neither the database nor a session.
"""

import logging
from collections.abc import Callable

from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from core.http import route_of
from core.resilience.transient import is_transient
from ecommerce.operations.maintenance import static_response

log = logging.getLogger(__name__)
RETRY_SECONDS = 10
GetResponse = Callable[[HttpRequest], HttpResponse]


class UnavailableMiddleware:
    """Middleware that answers for views whose database or disk has failed.

    It comes last, so that no other middleware asks the database again. `ecommerce.views.server_error` does the same for
    errors of other middleware.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        failure: Exception | None = getattr(request, "failure", None)  # of a middleware that leaves the answer to us
        return unavailable(request, failure) if failure else self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the answer for a transient error, and None for all others."""
        return unavailable(request, exception) if is_transient(exception) else None


def unavailable(request: HttpRequest, error: BaseException) -> HttpResponse:
    """Return the page, or JSON for a script."""
    log.warning("%s %s failed for now: %s", request.method, route_of(request), error)
    _keep_messages(request)
    if "application/json" in request.headers.get("Accept", ""):
        text = _("The shop is busy. Please try again in a moment.")
        headers = {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"}
        return JsonResponse({"error": text}, status=503, headers=headers)
    is_read = request.method in ("GET", "HEAD")
    return static_response(request, "busy.html", RETRY_SECONDS, RETRY_SECONDS, is_read="yes" if is_read else "")


def _keep_messages(request: HttpRequest) -> None:
    """Keep the messages that wait to be shown, and drop those of what was rolled back."""
    storage = getattr(request, "_messages", None)
    if isinstance(storage, BaseStorage):
        storage._queued_messages = []  # type: ignore[attr-defined]
        storage.used = storage.added_new = False
