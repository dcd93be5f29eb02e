"""URLs and views of the bare site. `bytes` in the query string is the size of the response."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path

from tests.bench.baseline.models import Product

PAGE = 24  # products
FILLER = "x" * (1 << 20)


def show_list(request: HttpRequest) -> HttpResponse:
    """Show one page of the list, newest first."""
    first = (int(request.GET.get("page", 1)) - 1) * PAGE
    products = Product.objects.order_by("-timestamp", "-pk")[first : first + PAGE]
    return _fill(request, render(request, "bare.html", {"products": products}))


def show_product(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one product."""
    return _fill(request, render(request, "bare.html", {"products": [get_object_or_404(Product, slug=slug)]}))


def _fill(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    missing = int(request.GET.get("bytes", 0)) - len(response.content)
    response.content += FILLER[: max(missing, 0)].encode()
    return response


urlpatterns = [path("products/", show_list), path("products/<slug:slug>/", show_product)]
