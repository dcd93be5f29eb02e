"""Carts for staff, to look at."""

from django.contrib import admin

from carts.models import Cart, CartItem
from ecommerce.admin import ReadOnlyAdmin, ReadOnlyInline


class CartItemInline(ReadOnlyInline):
    """The lines."""

    model = CartItem
    fields = ["product", "quantity"]


@admin.register(Cart)
class CartAdmin(ReadOnlyAdmin):
    """What visitors mean to buy."""

    list_display = ["id", "user", "billing_profile", "subtotal", "active", "updated"]
    list_filter = ["active", "updated"]
    list_select_related = ["user", "billing_profile"]
    search_fields = ["user__email", "billing_profile__email"]
    inlines = [CartItemInline]
