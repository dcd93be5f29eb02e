"""Admin for notes about customers. Staff write and read them on the pages of the customers."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from core.admin import ReadOnlyAdmin
from orders.customers.notes import CustomerNote


@admin.register(CustomerNote)
class CustomerNoteAdmin(ReadOnlyAdmin):
    """Notes about customers, which can be deleted."""

    list_display = ["billing_profile", "text", "by", "at"]
    list_select_related = ["billing_profile"]
    search_fields = ["billing_profile__email", "by"]
    fields = ["billing_profile", "text", "by", "at"]
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
