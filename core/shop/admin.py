"""Admin for the row about the shop."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from core.admin import EditAdmin
from core.shop.current import current_shop, shop_from_settings
from core.shop.models import Shop


class ShopAdmin(EditAdmin):
    """Admin for the shop. The list is its only row."""

    list_display = ("name", "is_open")
    search_fields = ("name", "legal_name")
    fieldsets = (
        (None, {"fields": ("is_open",)}),
        (
            _("What pages and emails show"),
            {
                "fields": (
                    "name", "logo", "announcement", "tagline", "description", "home_title", "home_text", "home_picture",
                    "dispatch_days", "sender_name", "support_hours",
                )
            },
        ),
        (
            _("Who sells"),
            {
                "fields": (
                    "legal_name", "legal_form", "street", "postcode", "city", "country", "email", "phone", "register",
                    "register_number", "vat_id", "responsible_person",
                )
            },
        ),
        (_("Dispute resolution"), {"fields": ("disputes", "disputes_text")}),
        (
            _("Further registers"),
            {"fields": ("packaging_number", "battery_number", "electrical_number", "other_lines")},
        ),
    )  # fmt: skip

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Go to the only row, or to the form that adds it."""
        row = Shop.objects.first() if self.has_view_or_change_permission(request) else None
        if row:
            return redirect("admin:core_shop_change", row.pk)
        if self.has_add_permission(request):
            return redirect("admin:core_shop_add")
        return super().changelist_view(request, extra_context)

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        """Return the values that the shop has while there is no row."""
        shop = shop_from_settings()
        values = {name: getattr(shop, name) for name in ("name", "email", "sender_name", "country")}
        return values | super().get_changeform_initial_data(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether there is no row, and this person could change it."""
        return self.has_change_permission(request) and current_shop()._state.adding

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: the shop is closed, not deleted."""
        return False
