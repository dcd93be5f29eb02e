"""Views for the pages that staff write, and for their published versions."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from core.page_cache.sharing import shared_page
from core.page_cache.versions import SITE
from core.pages.current import page_with_slug, translations_of
from core.pages.models import Page, PageText

MAX_KEY = 2**40  # far beyond any primary key


@require_safe
@shared_page(names=lambda request, slug: [SITE])
def detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the newest version of a page. Raise Http404 if the page is not published."""
    page = page_with_slug(slug)
    if page is None:
        raise Http404
    if page.kind == Page.Kind.CONTACT:
        return redirect(page.url)
    others = translations_of(page.kind)
    context = {"text": page.text, "page": page, "translations": others if len(others) > 1 else []}
    return render(request, "pages/page.html", context)


@require_safe
@shared_page(names=lambda request, number: [SITE])
def version(request: HttpRequest, number: int) -> HttpResponse:
    """Show one published version, which an order can refer to. Raise Http404 if there is none with this number."""
    text = PageText.objects.select_related("page").filter(pk=number).first() if number < MAX_KEY else None
    if text is None:
        raise Http404
    newest = page_with_slug(text.page.slug)
    return render(request, "pages/version.html", {"text": text, "newest": newest})
