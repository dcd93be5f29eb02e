"""People for staff."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.utils.translation import gettext_lazy as _

from accounts.models import GuestEmail, User
from ecommerce.admin import ReadOnlyAdmin


class UserCreationForm(AdminUserCreationForm):
    """A new user by e-mail."""

    class Meta(AdminUserCreationForm.Meta):
        model = User
        fields = ("email", "name")
        field_classes = {}


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """Users by e-mail."""

    add_form = UserCreationForm
    ordering = ["email"]
    list_display = ["email", "name", "is_staff", "is_active", "date_joined"]
    search_fields = ["email", "name"]
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        (_("Permissions"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["email", "name", "usable_password", "password1", "password2"]})
    ]
    readonly_fields = ["last_login", "date_joined"]


@admin.register(GuestEmail)
class GuestEmailAdmin(ReadOnlyAdmin):
    """The e-mails guests left."""

    list_display = ["email", "active", "timestamp"]
    list_filter = ["active", "timestamp"]
    search_fields = ["email"]
