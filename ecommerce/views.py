"""Pages that belong to no app: home, health, uploaded pictures, and errors of the request itself."""

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.static import serve

from ecommerce import shelves
from ecommerce.http import next_url, private, same_origin_or_csrf
from ecommerce.maintenance import static_page
from products.models import Product


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """A welcome, the categories with a picture each, the newest products and those bought most."""
    newest = Product.objects.for_cards().available()[: shelves.LENGTH]
    bought = shelves.most_bought()
    return render(request, "home.html", {"products": newest, "bought": bought, "shelves": shelves.pictured()})


@require_POST
@private
@same_origin_or_csrf
def choose_language(request: HttpRequest) -> HttpResponse:
    """Remember the visitor's choice in a cookie of its own, and show the page again; an unknown one changes nothing."""
    response = HttpResponseRedirect(next_url(request, "/"))
    wanted = request.POST.get("language")
    if wanted in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            wanted,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
    return response


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answers 200 while the database answers; for load balancers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@require_safe
def media(request: HttpRequest, path: str) -> HttpResponseBase:
    """A picture that staff uploaded; its name carries a hash of its content, so it may be kept for ever.

    Opened by itself it is a page without rights, should a file that is no picture ever lie in the folder.
    """
    try:
        response = serve(request, path, document_root=settings.MEDIA_ROOT)
    except OSError as error:  # a name too long for the disk
        raise Http404 from error
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400 as a page of the shop; Django's own handler would render a bare one."""
    return render(request, "400.html", status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """500 as a page that needs neither database nor session, for those may be what broke."""
    return HttpResponse(static_page("500.html"), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose token is missing or old: nothing was done, and the way on is to try again."""
    text = _("We could not verify that this request came from you. Nothing was changed.")
    return render(request, "403_csrf.html", {"text": text, "next_page": "/"}, status=403)
