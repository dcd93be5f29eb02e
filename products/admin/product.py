"""Admin for products."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from carts.product_removal import delete_products
from core.admin import Plan, confirmed_action, record_action
from products import search
from products.admin.copying import CopyMixin
from products.admin.pictures import PictureFormMixin, PictureInline
from products.admin.preview import PreviewMixin
from products.admin.stock_page import StockMixin
from products.forms import ProductForm
from products.models import Product, StockMovement

PUBLISH = Plan(
    effect=gettext_lazy("Shoppers will find these products and can buy them."),
    obstacle=lambda product: _("It is for sale already.") if product.active else "",
)
UNPUBLISH = Plan(
    effect=gettext_lazy("Shoppers can no longer find or buy these products. Orders that were placed stay as they are."),
    obstacle=lambda product: "" if product.active else _("It is not for sale now."),
)


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


@admin.register(Product)
class ProductAdmin(PictureFormMixin, PreviewMixin, CopyMixin, StockMixin):
    """Products, with picture, price and stock in the list. A product that was never ordered can be deleted."""

    form = ProductForm
    change_form_template = "products/admin/product.html"
    change_list_template = "products/admin/product_list.html"
    inlines: ClassVar[list[Any]] = [PictureInline]
    list_display = ["picture", "title", "sku", "category", "price", "units", "active"]
    list_display_links = ["title"]
    list_editable = ["price"]
    list_filter = [AttentionFilter, "active", "category"]
    list_select_related = ["category"]
    list_per_page = 50
    search_fields = ["title", "sku", "description"]
    readonly_fields = ["stock", "slug", "timestamp", "updated"]
    actions = ["publish", "unpublish", "delete_selected"]
    in_use = Q(order_items__isnull=False)
    in_use_reason = gettext_lazy(
        "Products in orders are needed for refunds and bookkeeping. Remove them from sale instead: shoppers can then no"
        " longer find or buy them."
    )
    instead = "unpublish"
    owned = (StockMovement,)

    @admin.display(description=gettext_lazy("stock"), ordering="stock")
    def units(self, product: Product) -> str:
        return _("unlimited") if product.stock is None else str(product.stock)

    def get_fieldsets(self, request: HttpRequest, obj: Product | None = None) -> Any:
        """Return the sections of the form. Those that few products need are folded, unless they have errors."""
        is_new, can_change = obj is None, obj is None or self.has_change_permission(request, obj)
        stock = [*([] if is_new else ["stock"]), *(["stock_change", "is_unlimited"] if can_change else []), "weight"]
        choices = ["group", "option", "choice", "second_option", "second_choice"]
        sections: list[tuple[Any, list[str], bool]] = [
            (_("Name and text"), ["title", "sku", "category", "description"], False),
            (_("Price"), ["price"], False),
            (_("Stock and delivery"), stock, False),
            (_("Visibility"), ["active"], False),
            (_("Pictures"), ["image", "image_alt"], False),
            (_("Choices (variants of a group)"), choices, is_new or not obj.group),  # type: ignore[union-attr]
            (_("Right of withdrawal"), ["withdrawal_days", "withdrawal_exclusion"], True),
        ]
        if not is_new:
            sections.append((_("Link and dates"), ["slug", "timestamp", "updated"], True))
        return [
            (name, {"fields": fields, "classes": ["collapse"] if is_folded else []})
            for name, fields, is_folded in sections
        ]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Add which buttons the page has."""
        context |= {"can_copy": self.has_copy_permission(request)}
        return super().render_change_form(request, context, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Add the link to the stock."""
        context = {"can_change_stock": self.has_change_permission(request)} | (extra_context or {})
        return super().changelist_view(request, context)

    @admin.display(description=gettext_lazy("picture"))
    def picture(self, product: Product) -> str:
        if not product.image:
            return "–"
        return format_html('<img src="{}" alt="" width="48" height="48" loading="lazy">', product.image.small_url)

    @confirmed_action(gettext_lazy("Make available for sale"), ["change"], PUBLISH)
    def publish(self, request: HttpRequest, rows: list[Product]) -> None:
        count = self._set_active(request, rows, True, gettext_lazy("Made available for sale."))
        text = ngettext("%(count)d product is now for sale.", "%(count)d products are now for sale.", count)
        self.report_done(request, text, count)

    @confirmed_action(gettext_lazy("Remove from sale"), ["change"], UNPUBLISH)
    def unpublish(self, request: HttpRequest, rows: list[Product]) -> None:
        count = self._set_active(request, rows, False, gettext_lazy("Removed from sale."))
        text = ngettext("%(count)d product is not for sale now.", "%(count)d products are not for sale now.", count)
        self.report_done(request, text, count)

    def _set_active(self, request: HttpRequest, rows: list[Product], is_active: bool, text: Any) -> int:
        """Change the products and record it. Return their number."""
        count = Product.objects.filter(pk__in=[row.pk for row in rows]).update(active=is_active)
        record_action(request, rows, text)
        return count

    def delete_model(self, request: HttpRequest, obj: Product) -> None:
        """Delete the product, and tell shoppers who have it in their cart."""
        delete_products([obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        """Delete the products, and tell shoppers who have them in their carts."""
        delete_products(queryset.values_list("pk", flat=True))

    def get_view_on_site_url(self, obj: Product | None = None) -> str | None:
        """Return the URL of the product's page. A product that is not for sale has none."""
        return super().get_view_on_site_url(obj) if obj and obj.active else None

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
