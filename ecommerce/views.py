"""Views that do not belong to an app: home page, language, health check, uploaded images and error pages."""

import sys

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.static import serve

from core.http import next_url, private, same_origin_or_csrf
from core.logs import request_id
from core.page_cache.sharing import expires_at, shared_page
from core.page_cache.versions import SITE, read_versions
from core.resilience.transient import is_transient
from ecommerce import home_sections
from ecommerce.operations.maintenance import render_static_page
from ecommerce.operations.unavailable import unavailable
from products.models import HomeSection
from products.page_names import HOME, PRODUCTS

# A proxy sends them too, see proxy_files. The policy is strict in case a file in the directory is not an image and is
# opened as a page.
MEDIA_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",  # emails show pictures of products, also in other sites' mailboxes
}


@require_safe
@shared_page(names=lambda request: [SITE, PRODUCTS, HOME])
def home(request: HttpRequest) -> HttpResponse:
    """Show the sections of the home page."""
    read_versions((SITE, PRODUCTS, HOME))  # in one query, before the rows
    today = home_sections.shop_today()
    if moment := home_sections.sections_expire(today):
        expires_at(request, moment)
    sections = home_sections.sections(today)
    has_heading = any(section.row.kind == HomeSection.Kind.PICTURE for section in sections[:1])
    return render(request, "home.html", {"sections": sections, "has_heading": has_heading})


@require_POST
@private
@same_origin_or_csrf
def choose_language(request: HttpRequest) -> HttpResponse:
    """Store the chosen language in a cookie and redirect to the page. Ignore unknown languages."""
    response = HttpResponseRedirect(next_url(request, "/"))
    language = request.POST.get("language")
    if language in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
    return response


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Return 200 while the database is available, for load balancers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@require_safe
def media(request: HttpRequest, path: str) -> HttpResponseBase:
    """Serve an uploaded image. Its name is never used again, so caches can keep it indefinitely."""
    try:
        response = serve(request, path, document_root=settings.MEDIA_ROOT)
    except OSError as error:  # the name is too long for the file system
        raise Http404 from error
    for name, value in MEDIA_HEADERS.items():
        response[name] = value
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Render the 400 page. Django's default handler renders it without the request.

    The page is rendered without parameters, because reading too many of them raises the same error again.
    """
    request.GET, request.POST = QueryDict(), QueryDict()
    return render(request, "400.html", status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Render the 500 page without the database or the session, because these may have caused the error.

    If they have, for example in a middleware, return the answer of `ecommerce.operations.unavailable`.
    """
    error = sys.exception()
    if error and is_transient(error):
        return unavailable(request, error)
    return HttpResponse(render_static_page("500.html", reference=request_id.get()), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Render the 403 page for a missing or expired CSRF token. The request had no effect and can be retried."""
    text = _("We could not verify that this request came from you. Nothing was changed.")
    return render(request, "403_csrf.html", {"text": text, "next_page": "/"}, status=403)
