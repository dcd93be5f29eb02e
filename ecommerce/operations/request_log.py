"""One line in the log for each request, and the id that connects it with everything else that the request logs."""

import logging
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseFileResponse

from core.http import route_of
from core.logs import request_id
from ecommerce.operations.probes import PROBES

logger = logging.getLogger(__name__)
HEADER = "X-Request-ID"
SAFE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")  # of nginx, Envoy and cloud load balancers, as far as they use UUIDs
METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"])


class RequestLogMiddleware:
    """Middleware that gives each request an id and logs one line about it: nothing that says who sent it, or what."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        start = perf_counter()
        response: HttpResponse | None = None  # stays so if the worker is stopped
        with identified(request.META) as current:
            try:
                response = self.get_response(request)
                response.headers[HEADER] = current
                return response
            finally:
                # The route stands for the path, whose values can be those of a person.
                route = request.path_info if request.path_info in PROBES else route_of(request)
                status = None if response is None else response.status_code
                write(request.method, route, status, perf_counter() - start, _level(request, response))


@contextmanager
def identified(environ: Mapping[str, Any]) -> Iterator[str]:
    """Give a request the id that a trusted proxy sent, or a new one, for all log entries in the block. Return it."""
    sent = environ.get("HTTP_X_REQUEST_ID", "") if settings.TRUSTED_PROXIES else ""
    current = sent if SAFE_ID.fullmatch(sent) else secrets.token_hex(8)
    token = request_id.set(current)
    try:
        yield current
    finally:
        request_id.reset(token)


def write(method: str | None, route: str, status: int | None, seconds: float, level: int = logging.INFO) -> None:
    """Log a request. `status` is None if there was no answer."""
    if not logger.isEnabledFor(level):
        return
    fields = {
        "route": route,
        "method": method if method in METHODS else "other",
        "status": status,
        "ms": round(seconds * 1000, 1),
    }
    logger.log(level, "%(method)s %(route)s %(status)s %(ms)s ms", fields, extra={"fields": fields})


def _level(request: HttpRequest, response: HttpResponse | None) -> int:
    """Return the level: an error itself has a further entry. Probes and static files would hide everything else."""
    if response is None or response.status_code >= 500:
        return logging.WARNING
    is_noise = request.path_info in PROBES or isinstance(response, WhiteNoiseFileResponse)
    return logging.DEBUG if is_noise else logging.INFO
