"""One line in the log for each request, and the id that connects it with everything else that the request logs."""

import logging
import re
import secrets
from collections.abc import Callable
from time import perf_counter

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
        token = request_id.set(_choose_id(request))
        response: HttpResponse | None = None  # stays so if the worker is stopped
        try:
            response = self.get_response(request)
            response.headers[HEADER] = request_id.get()
            return response
        finally:
            _log(request, response, perf_counter() - start)
            request_id.reset(token)


def _choose_id(request: HttpRequest) -> str:
    """Return the id that a trusted proxy sent, or a new one."""
    sent = request.META.get("HTTP_X_REQUEST_ID", "") if settings.TRUSTED_PROXIES else ""
    return sent if SAFE_ID.fullmatch(sent) else secrets.token_hex(8)


def _log(request: HttpRequest, response: HttpResponse | None, seconds: float) -> None:
    """Log the request. The route stands for the path, whose values can be those of a person."""
    level = _level(request, response)
    if not logger.isEnabledFor(level):
        return
    fields = {
        "route": request.path_info if request.path_info in PROBES else route_of(request),
        "method": request.method if request.method in METHODS else "other",
        "status": None if response is None else response.status_code,
        "ms": round(seconds * 1000, 1),
    }
    logger.log(level, "%(method)s %(route)s %(status)s %(ms)s ms", fields, extra={"fields": fields})


def _level(request: HttpRequest, response: HttpResponse | None) -> int:
    """Return the level: an error itself has a further entry. Probes and static files would hide everything else."""
    if response is None or response.status_code >= 500:
        return logging.WARNING
    is_noise = request.path_info in PROBES or isinstance(response, WhiteNoiseFileResponse)
    return logging.DEBUG if is_noise else logging.INFO
