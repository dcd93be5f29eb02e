"""Views for robots.txt and the sitemaps, which are split into parts to stay fast with many products."""

from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from core.absolute_urls import absolute
from core.pages.current import published_pages
from core.times import shop_date
from products.models import Category, Product

PART_SIZE = 500  # product ids per part; a part of 1,000 took longer than any page
PRIVATE = ["accounts", "addresses", "admin", "billing", "cart", "orders"]  # first path segments, see urls.py
INDEXED_EXCEPTIONS = ["accounts:login", "accounts:signup"]
for_an_hour = cache_control(public=True, max_age=3600)


@require_safe
@for_an_hour
def robots(request: HttpRequest) -> HttpResponse:
    """List the paths that search engines must not crawl, and the URL of the sitemap."""
    allowed = [f"Allow: {reverse(name)}" for name in INDEXED_EXCEPTIONS]
    lines = ["User-agent: *", *allowed, *[f"Disallow: /{name}/" for name in PRIVATE]]
    lines += ["", f"Sitemap: {absolute('/sitemap.xml')}"]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
@for_an_hour
def sitemap_index(request: HttpRequest) -> HttpResponse:
    """List the sitemaps: one for pages, then one for each range of PART_SIZE ids with a product on sale."""
    parts = Product.objects.active().order_by().values_list(F("pk") / PART_SIZE, flat=True).distinct()
    paths = [reverse("sitemap_pages"), *[reverse("sitemap_products", args=[part]) for part in sorted(parts)]]
    return _xml(request, "sitemap_index.xml", [(absolute(path), "") for path in paths])


@require_safe
@for_an_hour
def sitemap_pages(request: HttpRequest) -> HttpResponse:
    """List the home page, the pages that staff wrote, and what is for sale.

    If a product is on sale, these are the product list and the categories with such products.
    """
    paths = [reverse("home"), *dict.fromkeys(page.url for page in published_pages())]
    paths += [reverse("products:list")] if Product.objects.active().exists() else []
    paths += [category.get_absolute_url() for category in Category.objects.tree().without_empty()]
    return _xml(request, "sitemap.xml", [(absolute(path), "") for path in paths])


@require_safe
@for_an_hour
def sitemap_products(request: HttpRequest, part: int) -> HttpResponse:
    """List the active products of one part, selected by primary key. Raise Http404 if there is none."""
    if part > 2**40:  # far beyond any primary key
        raise Http404
    products = Product.objects.active().filter(pk__gte=part * PART_SIZE, pk__lt=(part + 1) * PART_SIZE).order_by("pk")
    rows = products.values_list("slug", "updated")
    entries = [
        (absolute(reverse("products:detail", args=[slug])), shop_date(updated).isoformat()) for slug, updated in rows
    ]
    if not entries:
        raise Http404
    return _xml(request, "sitemap.xml", entries)


def _xml(request: HttpRequest, template: str, entries: list[tuple[str, str]]) -> HttpResponse:
    return render(request, template, {"entries": entries}, content_type="application/xml; charset=utf-8")
