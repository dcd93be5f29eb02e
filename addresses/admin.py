"""Address books for staff."""

from django.contrib import admin

from addresses.models import Address


@admin.register(Address)
class AddressAdmin(admin.ModelAdmin):
    """Addresses by name and place; orders keep their own copy."""

    list_display = ["name", "line_1", "city", "postal_code", "country", "billing_profile"]
    list_filter = ["country"]
    list_select_related = ["billing_profile"]
    search_fields = ["name", "line_1", "city", "postal_code", "billing_profile__email"]
    readonly_fields = ["billing_profile", "timestamp"]
