"""Closed for work: a 503 that says so instead of the shop's pages; and pages that need nothing that may be broken."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

RETRY_SECONDS = 300
REFRESH_SECONDS = 60
LONGEST_REASON = 500
# What goes on: load balancers must not take the process for dead, Stripe's word settles payments that are under way
# (as `manage.py reconcile` does), and staff work. Static files are answered before this.
OPEN = ("/health/", "/billing/webhook/", "/admin/", f"/{settings.MEDIA_URL.strip('/')}/")


class MaintenanceMiddleware:
    """Answers 503 to shoppers while settings.MAINTENANCE is on or settings.MAINTENANCE_FILE is there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(OPEN) or not is_on():
            return self.get_response(request)
        page = HttpResponse(static_page("503.html", reason=reason()), status=503)
        page["Retry-After"] = str(RETRY_SECONDS)
        page["Cache-Control"] = "no-store"
        if request.method == "GET":
            page["Refresh"] = str(REFRESH_SECONDS)  # comes back by itself, without a script
        return page


def is_on() -> bool:
    """Whether the shop is closed now; the file is looked for at each request, so that no restart is needed."""
    return settings.MAINTENANCE or settings.MAINTENANCE_FILE.exists()


def reason() -> str:
    """What the operator wrote into the file, as text; empty if there is none."""
    try:
        return settings.MAINTENANCE_FILE.read_text(encoding="utf-8", errors="replace").strip()[:LONGEST_REASON]
    except OSError:
        return ""


def static_page(template: str, **context: str) -> str:
    """A page of the shop without request, session or database: its header is the same for everybody."""
    return render_to_string(
        template, {"site_name": settings.SITE_NAME, "support_email": settings.SUPPORT_EMAIL, **context}
    )
