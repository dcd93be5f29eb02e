"""Admin for categories."""

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy

from core.admin import DeletionAdmin
from products.models import Category


@admin.register(Category)
class CategoryAdmin(DeletionAdmin):
    """Categories and their parents. An empty category can be deleted."""

    list_display = ["title", "slug", "parent"]
    list_select_related = ["parent"]
    search_fields = ["title"]
    readonly_fields = ["slug"]
    in_use = Q(products__isnull=False) | Q(children__isnull=False)
    in_use_reason = gettext_lazy("There are products or other categories inside. Move them to another category first.")
