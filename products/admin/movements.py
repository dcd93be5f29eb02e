"""Admin for movements of stock."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyAdmin
from products import search
from products.models import Product, StockMovement


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnlyAdmin):
    """A read-only list of all stock movements."""

    list_display = ["at", "product", "cause", "amount", "order", "by"]
    list_select_related = ["product"]
    list_filter = ["kind", "reason", "at"]
    search_fields = ["order"]

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def cause(self, movement: StockMovement) -> str:
        """Return the kind, and the reason if staff gave one."""
        texts = [str(movement.get_kind_display()), str(movement.get_reason_display())]
        return ": ".join(text for text in texts if text)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StockMovement], search_term: str
    ) -> tuple[QuerySet[StockMovement], bool]:
        """Search for the number of an order, or for a product like the shop."""
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        products = search.find_ids_now(Product.objects.all(), search_term) if search_term else []
        return found | queryset.filter(product__in=products), may_have_duplicates
