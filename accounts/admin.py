"""People for staff."""

from typing import Any

from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import mails
from accounts.models import AccountMail, GuestEmail, User
from ecommerce.admin import ReadOnlyAdmin
from ecommerce.previews import PreviewAdmin


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
        (None, {"fields": ["email", "email_verified", "name", "password"]}),
        (_("Permissions"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["email", "name", "usable_password", "password1", "password2"]})
    ]
    readonly_fields = ["email_verified", "last_login", "date_joined"]


@admin.register(GuestEmail)
class GuestEmailAdmin(ReadOnlyAdmin):
    """The e-mails guests left."""

    list_display = ["email", "active", "timestamp"]
    list_filter = ["active", "timestamp"]
    search_fields = ["email"]


@admin.register(AccountMail)
class AccountMailAdmin(PreviewAdmin):
    """What was mailed about accounts; no link is kept, so none can be read here."""

    preview_permissions = ["accounts.view_accountmail"]
    preview = staticmethod(mails.preview)
    sample = staticmethod(mails.sample)
    list_display = ["to", "kind", "timestamp", "sent", "dropped", "attempts", "used"]
    list_filter = ["kind", "timestamp", "sent"]
    search_fields = ["to"]
    fields = ["to", "kind", "timestamp", "sent", "dropped", "attempts", "used", "tried_at", "language", "user"]


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """Wrong passwords of the last minutes; deleting a row opens the door again."""

    list_display = ["username", "ip_address", "failures_since_start", "attempt_time", "path_info"]
    search_fields = ["username", "ip_address"]
    fields = ["username", "ip_address", "failures_since_start", "attempt_time", "path_info"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
