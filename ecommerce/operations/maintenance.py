"""Maintenance mode, and error pages that need neither the database nor a session."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from core.shop.current import known_shop
from ecommerce.object_storage import LOCAL_URL

RETRY_SECONDS = 300
REFRESH_SECONDS = 60
MAX_REASON_LENGTH = 500
# Paths that stay available: load balancers need the health check, webhooks settle payments that are in progress (as
# `manage.py reconcile` does), and staff can keep working. Static files are served by an earlier middleware.
EXEMPT_PATHS = ("/health/", "/billing/webhook/", "/admin/", f"/{LOCAL_URL}")


class MaintenanceMiddleware:
    """Middleware that returns 503 while settings.MAINTENANCE is on or settings.MAINTENANCE_FILE exists."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(EXEMPT_PATHS) or not is_on():
            return self.get_response(request)
        return static_response(request, "503.html", RETRY_SECONDS, REFRESH_SECONDS, reason=reason())


def is_on() -> bool:
    """Check whether maintenance mode is on. The file is checked on each request, so no restart is needed."""
    return settings.MAINTENANCE or settings.MAINTENANCE_FILE.exists()


def reason() -> str:
    """Return the text of the maintenance file, up to MAX_REASON_LENGTH characters; empty if it cannot be read."""
    try:
        return settings.MAINTENANCE_FILE.read_text(encoding="utf-8", errors="replace").strip()[:MAX_REASON_LENGTH]
    except OSError:
        return ""


def render_static_page(template: str, **context: str) -> str:
    """Render a page without a request, a session or the database. Its header is the same for all visitors."""
    shop = known_shop()
    return render_to_string(template, {"shop": shop, "site_name": shop.name, "support_email": shop.email, **context})


def static_response(request: HttpRequest, template: str, retry: int, refresh: int, **context: str) -> HttpResponse:
    """Return a static page with status 503. Programs try again after `retry` seconds, browsers after `refresh`."""
    page = HttpResponse(render_static_page(template, **context), status=503)
    page["Retry-After"] = str(retry)
    page["Cache-Control"] = "no-store"
    if request.method == "GET":  # a form is not sent again
        page["Refresh"] = str(refresh)  # without a script
    return page
