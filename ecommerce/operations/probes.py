"""Answers to a load balancer and to monitoring: `/healthz` and `/readyz`.

`/healthz` says that the process answers. `/readyz` says whether it can serve shoppers: 503 if the database is away or a
migration is missing, otherwise 200. What only delays work makes the shop `degraded`. Strangers do not learn that.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from billing.checks import is_loopback
from billing.models import StripeEvent
from core.background.models import last_finished
from core.database.limits import answer_within
from core.emails.outbox import OutboxMail
from ecommerce import __version__
from orders.bookkeeping.reconcile import RECONCILE

RETRY_SECONDS = 10
DATABASE_SECONDS = 2  # a load balancer gives up soon too
LATE = timedelta(minutes=15)  # reconcile runs every few minutes, so what is older waits for something
CACHE_KEY = "probe"


class ProbeMiddleware:
    """Middleware that answers both paths before any other, so that host names, redirects and sessions do not matter."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        response = probe(request) if request.method in ("GET", "HEAD") else HttpResponseNotAllowed(["GET", "HEAD"])
        response["Cache-Control"] = "no-store"
        response["X-Content-Type-Options"] = "nosniff"
        return response


def healthz(request: HttpRequest) -> HttpResponse:
    """Return 200 without a look at the database."""
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")


def readyz(request: HttpRequest) -> HttpResponse:
    """Return the state as JSON, with details for this machine and for who has settings.PROBE_TOKEN."""
    try:
        with answer_within(DATABASE_SECONDS):
            missing = _missing_migrations()
            details = _details() if not missing and _may_see_details(request) else {}
    except Error:
        return _unavailable("The database does not answer.")
    if missing:
        return _unavailable("A migration is missing. Run `manage.py migrate`.")
    is_degraded = any(detail["is_late"] for detail in details.values())
    version = {"version": __version__} if details else {}
    return JsonResponse({"status": "degraded" if is_degraded else "ok"} | version | details)


PROBES = {"/healthz": healthz, "/readyz": readyz}


def _unavailable(reason: str) -> HttpResponse:
    return JsonResponse(
        {"status": "unavailable", "reason": reason}, status=503, headers={"Retry-After": str(RETRY_SECONDS)}
    )


@lru_cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations of this release, by app and name."""
    return frozenset(MigrationLoader(None).disk_migrations)


def _missing_migrations() -> bool:
    return not _known_migrations() <= set(MigrationRecorder(connection).applied_migrations())


def _may_see_details(request: HttpRequest) -> bool:
    """Return whether the request comes from this machine and not through a proxy, or has the token."""
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if settings.PROBE_TOKEN and scheme == "Bearer" and constant_time_compare(token, settings.PROBE_TOKEN):
        return True
    is_direct = "X-Forwarded-For" not in request.headers and "Forwarded" not in request.headers
    return is_direct and is_loopback(request.META.get("REMOTE_ADDR"))  # empty for a Unix socket, which a proxy uses


def _details() -> dict[str, dict[str, Any]]:
    """Return for each part whether it is late, and how long the oldest has waited."""
    event = StripeEvent.objects.filter(processed=None).aggregate(at=Min("received"))["at"]
    return {
        "cache": {"is_late": not _cache_works()},
        "last_finished_reconcile": _age(last_finished(RECONCILE), if_none=True),
        "oldest_unsent_email": _age(_oldest_unsent()),
        "oldest_unprocessed_event": _age(event),
    }


def _oldest_unsent() -> datetime | None:
    kinds = [model for model in apps.get_models() if issubclass(model, OutboxMail)]
    times = [kind._default_manager.unsent().aggregate(at=Min("timestamp"))["at"] for kind in kinds]
    return min((time for time in times if time), default=None)


def _age(since: datetime | None, if_none: bool = False) -> dict[str, Any]:
    """Return how long ago this was, and whether that is too long. `if_none` says whether never is too long."""
    if since is None:
        return {"seconds": None if if_none else 0, "is_late": if_none}
    age = timezone.now() - since
    return {"seconds": int(age.total_seconds()), "is_late": age > LATE}


def _cache_works() -> bool:
    try:
        cache.set(CACHE_KEY, "works", 10)
        return bool(cache.get(CACHE_KEY) == "works")
    except Exception:  # of the network or the server, of any kind
        return False
