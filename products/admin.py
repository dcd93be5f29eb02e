"""Admin for products."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyAdmin
from products import search
from products.forms import PictureForm, ProductForm
from products.models import Category, Picture, Product, StockMovement


class AttentionFilter(admin.SimpleListFilter):
    """Filter for low stock, no stock, unlimited stock and missing pictures."""

    title = gettext_lazy("attention")
    parameter_name = "attention"
    filters: ClassVar[dict[str, dict[str, Any]]] = {
        "out": {"stock": 0},
        "unlimited": {"stock": None},
        "picture": {"image": ""},
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("low", _("Low stock")),
            ("out", _("Sold out")),
            ("unlimited", _("Unlimited")),
            ("picture", _("No picture")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        if self.value() == "low":
            return Product.objects.low_on_stock() & queryset
        return queryset.filter(**self.filters.get(self.value() or "", {}))


class PictureInline(admin.TabularInline):
    """Inline for the additional pictures of a product."""

    model = Picture
    form = PictureForm
    extra = 1
    max_num = 12
    fields = ["image", "image_alt", "position"]


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    """Products, with picture, price and stock in the list."""

    form = ProductForm
    inlines: ClassVar[list[Any]] = [PictureInline]
    list_display = ["picture", "title", "sku", "category", "price", "stock", "active"]
    list_display_links = ["title"]
    list_editable = ["price"]
    list_filter = [AttentionFilter, "active", "category"]
    list_select_related = ["category"]
    list_per_page = 50
    search_fields = ["title", "sku", "description"]
    readonly_fields = ["stock", "slug", "timestamp", "updated"]
    actions = ["publish", "unpublish"]

    @admin.display(description=gettext_lazy("picture"))
    def picture(self, product: Product) -> str:
        if not product.image:
            return "–"
        return format_html('<img src="{}" alt="" width="48" height="48">', product.image.small_url)

    @admin.action(description=gettext_lazy("Make available for sale"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        queryset.update(active=True)

    @admin.action(description=gettext_lazy("Remove from sale"), permissions=["change"])
    def unpublish(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        queryset.update(active=False)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Product], search_term: str
    ) -> tuple[QuerySet[Product], bool]:
        """Search like the shop: the database ignores case only for some languages."""
        return (search.filter_by_text(queryset, search_term) if search_term else queryset), False

    def save_model(self, request: HttpRequest, obj: Product, form: forms.BaseModelForm, change: bool) -> None:
        """Save the product, then apply the stock change to the current stock. Sales can change it during the edit."""
        if not change:
            obj.stock = (
                None if form.cleaned_data.get("is_unlimited") else max(form.cleaned_data.get("stock_change") or 0, 0)
            )
            super().save_model(request, obj, form, change)
            return
        super().save_model(request, obj, form, change)
        difference, by = form.cleaned_data.get("stock_change") or 0, request.user.get_username()
        if "is_unlimited" in form.changed_data:
            obj.switch_stock_tracking(None if form.cleaned_data["is_unlimited"] else max(difference, 0), by)
        elif difference and not obj.adjust_stock(difference, by):
            messages.error(request, _("The stock was not changed: it is unlimited, or the result would be negative."))


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    """Categories and their parents."""

    list_display = ["title", "slug", "parent"]
    list_select_related = ["parent"]
    search_fields = ["title"]
    readonly_fields = ["slug"]


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnlyAdmin):
    """A read-only list of all stock movements."""

    list_display = ["at", "product", "kind", "amount", "order", "by"]
    list_select_related = ["product"]
    list_filter = ["kind", "at"]
    search_fields = ["order"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StockMovement], search_term: str
    ) -> tuple[QuerySet[StockMovement], bool]:
        """Search for the number of an order, or for a product like the shop."""
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        products = search.find_ids(Product.objects.all(), search_term) if search_term else []
        return found | queryset.filter(product__in=products), may_have_duplicates
