"""Admin for movements of stock."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyAdmin
from products import search
from products.models import Product, StockMovement


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnlyAdmin):
    """A read-only list of all stock movements."""

    list_display = ["at", "product", "kind", "reason", "units", "order", "by"]
    list_select_related = ["product"]
    list_filter = ["kind", "reason", "at"]
    search_fields = ["order"]

    @admin.display(description=gettext_lazy("units"), ordering="amount")
    def units(self, movement: StockMovement) -> str:
        """Return the units with their sign, or that the stock was not counted when an order moved them."""
        return _("unlimited") if movement.is_uncounted else f"{movement.amount:+d}".replace("+0", "0")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StockMovement], search_term: str
    ) -> tuple[QuerySet[StockMovement], bool]:
        """Search for the number of an order, or for a product like the shop."""
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        products = search.find_ids_now(Product.objects.all(), search_term) if search_term else []
        return found | queryset.filter(product__in=products), may_have_duplicates
