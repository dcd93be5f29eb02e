"""Views for the product list and the product page.

They write nothing and their pages contain no CSRF token, so the pages are shared between visitors.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.generic import DetailView, ListView

from carts.models import Cart
from core.database.prepared import PreparedQuery
from core.page_cache.sharing import depend_on, shared_page
from core.page_cache.versions import SITE, read_versions
from products import search
from products.descriptions import parse_description
from products.filters import PARAMETERS, FilterForm, clean_parameters
from products.lists.highlights import highlights
from products.lists.paginator import POSITIONS, POSITIONS_OF_PRICE_RANGES, ProductPaginator
from products.models import Category, Picture, Product
from products.page_names import PRODUCTS, category_name, product_name
from products.related import get_related, get_variant_options, get_variants, pictures_of, related_key
from products.structured_data import product_graph


class ProductList(ListView):
    """The products on sale, 24 per page.

    The query string can contain a search text, a category, a price range, a stock filter and an order.
    """

    template_name = "products/product_list.html"
    context_object_name = "products"
    paginate_by = 24
    results: search.Results | None = None

    def get_queryset(self) -> Any:
        """Return the matching products, or the list of their ids if there is a search text.

        Raise Http404 if the category is unknown.
        """
        slug, text = self.request.GET.get("category"), self.request.GET.get("q")
        self.versions = (category_name(slug) if slug and not text else PRODUCTS,)
        read_versions((SITE, *self.versions))  # in one query, before the rows
        tree = Category.objects.tree()
        if slug and not tree.find(slug):
            raise Http404(_("There is no such category."))
        self.form = FilterForm.for_query(self.request.GET, tree)
        products = self.form.apply(Product.objects.active())
        if not self.form.text:
            return products
        is_exact = bool(self.form.cleaned_data.get("exact"))
        self.results = search.find(products, self.form.text, tree.without_empty(), correct=not is_exact)
        return self.results.ids

    def get_paginator(self, *args: Any, **kwargs: Any) -> ProductPaginator:
        """Return the paginator, which keeps counts of price ranges apart from those of other lists."""
        has_prices = self.form.price_range() != (None, None)
        positions = POSITIONS_OF_PRICE_RANGES if has_prices else POSITIONS
        return ProductPaginator(*args, versions=self.versions, positions=positions, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the visitor's cart, the filter form, the categories and the page numbers.

        The cart is read from the database only if the template uses it.
        """
        context = super().get_context_data(**kwargs)
        page, form = context["page_obj"], self.form
        path, offered = form.tree.path_to(form.selected_category), form.tree.without_empty()
        opened = next((category for category in reversed(path) if offered.children(category)), None)
        return context | {
            "cart": SimpleLazyObject(lambda: Cart.objects.from_request(self.request)),
            "form": form,
            "category": form.selected_category,
            "path": path,
            "crumbs": path if form.text else path[:-1],
            "categories": offered.children(None),
            "opened_category": opened,
            "subcategories": offered.children(opened) if opened else [],
            "is_indexable": page.paginator.count and (not form.text or self._is_indexable_search()),
            "result_limit": page.paginator.count if self.results and self.results.is_limited else 0,
            "results": self.results,
            "highlights": [] if page.paginator.count else self._highlights(),
            "matching_categories": search.matching_categories(self.results, offered) if self.results else [],
            "page_numbers": list(page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)),
        }

    def _highlights(self) -> list[Product]:
        depend_on(self.request, PRODUCTS)
        return highlights()

    def _is_indexable_search(self) -> bool:
        """Check whether the products contain everything in the search text.

        Otherwise, strangers could have their own text listed under the name of this shop.
        """
        return bool(self.results and self.results.match_all and search.consists_of_words(self.form.text))


class ProductDetail(DetailView):
    """One product, with its quantity in the visitor's cart."""

    template_name = "products/product_detail.html"
    context_object_name = "product"

    def get_object(self, queryset: Any = None) -> Product:
        """Return the product with its category. Read its quantity in the visitor's cart in the same query.

        Raise Http404 if it is not on sale.
        """
        slug, cart_id = self.kwargs["slug"], Cart.objects.stored_id(self.request)
        product = CART_PRODUCTS.first(slug=slug, cart_id=cart_id) if cart_id else PRODUCTS_BY_SLUG.first(slug=slug)
        if product is None:
            raise Http404
        if cart_id:
            Cart.objects.remember_quantity(product, self.request)
        names = [category_name(product.category_slug)] if product.category_slug else []
        depend_on(self.request, *names)  # for the related products
        read_versions((SITE, product_name(slug), *names))  # in one query, before the rows
        if product.category_slug:
            product.category = Category.objects.tree().find(product.category_slug)
        return product

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the visitor's cart, and what `product_context` returns.

        The cart is read from the database only if the template uses it.
        """
        cart = SimpleLazyObject(lambda: Cart.objects.from_request(self.request))
        context = product_context(self.object, get_variants(self.object))
        return super().get_context_data(cart=cart, **context, **kwargs)


def product_context(product: Product, variants: list[Product]) -> dict[str, Any]:
    """Return what the page of a product shows besides its columns. Its category is set."""
    pictures, related = pictures_of(product), get_related(product)
    categories = Category.objects.tree().path_to(product.category) if product.category else []
    rows: list[Product | Picture] = [product, *pictures]
    return {
        "pictures": [row for row in rows if row.image],
        "crumbs": categories,
        "description": parse_description(product.description),
        "options": get_variant_options(product, variants),
        "related": related,
        "related_key": related_key(product, related),
        "structured_data": product_graph(product, pictures, categories),
    }


def _by_slug(slug: str) -> Any:
    products: Any = Product.objects.active().without_words().filter(slug=slug)
    return products.annotate(category_slug=F("category__slug"))


PRODUCTS_BY_SLUG = PreparedQuery(_by_slug, slug=str)
CART_PRODUCTS = PreparedQuery(
    lambda slug, cart_id: Cart.objects.with_quantities(_by_slug(slug), cart_id), slug=str, cart_id=int
)


def list_versions(request: HttpRequest) -> Iterator[str]:
    """Yield what a list depends on. The corrections of a search come from the titles of all products."""
    slug = request.GET.get("category")
    yield SITE
    yield category_name(slug) if slug and not request.GET.get("q") else PRODUCTS


@require_safe
def _suggestions(request: HttpRequest) -> HttpResponse:
    """Return the options of the search field for the text in it, as a part of a page."""
    read_versions((SITE, PRODUCTS))  # in one query, before the rows
    found = search.suggest(clean_parameters(request.GET.dict())["q"])
    response = render(request, "products/snippets/search_options.html", {"found": found})
    response["X-Robots-Tag"] = "noindex"
    return response


product_list = shared_page(
    parameters=(*PARAMETERS, "page"),
    clean=clean_parameters,
    names=list_versions,
    rare=("q", "price_from", "price_to"),
)(ProductList.as_view())
suggestions = shared_page(
    parameters=("q",), clean=clean_parameters, names=lambda request: [SITE, PRODUCTS], rare=("q",)
)(_suggestions)
product_detail = shared_page(names=lambda request, slug: [SITE, product_name(slug)])(ProductDetail.as_view())
