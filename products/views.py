"""The catalogue's two pages. Neither writes anything, nor carries a token, so that both can be shared."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.generic import DetailView, ListView

from carts.models import Cart
from products.models import Category, Product
from products.neighbours import neighbours, options, trail
from products.pages import ProductPaginator
from products.structured import product_graph


class ProductList(ListView):
    """The products on sale, newest first, 24 a page; ?category=slug shows one category."""

    template_name = "products/product_list.html"
    context_object_name = "products"
    paginator_class = ProductPaginator
    paginate_by = 24

    def get_queryset(self) -> QuerySet[Product]:
        """The products of the wanted category, or all; an unknown category is a 404."""
        self.category = self._wanted_category()
        products = Product.objects.for_cards()
        return products.filter(category=self.category) if self.category else products

    def _wanted_category(self) -> Category | None:
        slug = self.request.GET.get("category")
        if not slug:
            return None
        for category in Category.objects.for_menu():
            if category.slug == slug:
                return category
        raise Http404(_("There is no such category."))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the visitor's cart (read only if the template asks), the categories and the numbered links."""
        context = super().get_context_data(**kwargs)
        page = context["page_obj"]
        return context | {
            "cart": SimpleLazyObject(lambda: Cart.objects.from_request(self.request)),
            "category": self.category,
            "categories": Category.objects.for_menu(),
            "page_numbers": list(page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)),
        }


class ProductDetail(DetailView):
    """One product, with what of it is in the visitor's cart."""

    template_name = "products/product_detail.html"
    context_object_name = "product"

    def get_queryset(self) -> QuerySet[Product]:
        """Products on sale, each with `in_cart`, the quantity in this visitor's cart or None."""
        products = Product.objects.active().select_related("category")
        return Cart.objects.with_quantities(products, self.request)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the visitor's cart (read only if the template asks), pictures, variants, and what stands around."""
        product, pictures = self.object, list(self.object.pictures.all())
        categories = trail(product)
        variants, related = neighbours(product)
        return super().get_context_data(
            cart=SimpleLazyObject(lambda: Cart.objects.from_request(self.request)),
            pictures=[row for row in (product, *pictures) if row.image],
            trail=categories,
            options=options(product, variants),
            related=related,
            graph=product_graph(product, pictures, categories),
            **kwargs,
        )
