"""Admin for addresses."""

from django.contrib import admin
from django.http import HttpRequest

from addresses.models import Address
from core.admin import EditAdmin


@admin.register(Address)
class AddressAdmin(EditAdmin):
    """Admin for postal addresses. Shoppers add them. Orders keep their own copy of the address text."""

    list_display = ["name", "line_1", "city", "postal_code", "country", "billing_profile"]
    list_filter = ["country"]
    list_select_related = ["billing_profile"]
    search_fields = ["name", "line_1", "city", "postal_code", "billing_profile__email"]
    readonly_fields = ["billing_profile", "timestamp"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
