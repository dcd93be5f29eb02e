"""The page that shows staff a product as shoppers would see it."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_safe

from core.admin import DeletionAdmin
from core.http import private
from products.models import Category, Product
from products.related import get_variants
from products.views import product_context


class PreviewMixin(DeletionAdmin):
    """Shows a product that need not be for sale."""

    def get_urls(self) -> list[Any]:
        """Add the preview below the product's URL."""
        view = self.admin_site.admin_view(private(require_safe(self.preview_view)))
        return [path("<int:pk>/preview/", view, name="products_product_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the saved product with the template of its page. No cache stores the page, and nothing can be bought."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        product = get_object_or_404(Product.objects.without_words(), pk=pk)
        product.category = Category.objects.tree().find_by_id(product.category_id)
        others = [row for row in get_variants(product) if row.pk != product.pk]
        variants = sorted([product, *others], key=lambda row: row.sku) if product.group else []
        context = product_context(product, variants) | {"product": product}
        return render(request, "products/admin/preview.html", context)
