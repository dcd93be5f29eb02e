"""Admin for accounts."""

from typing import Any

from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.forms import UserChangeForm as DjangoUserChangeForm
from django.contrib.auth.models import Group
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import emails
from accounts.email_addresses import CustomerEmailField, validate_customer_email
from accounts.models import AccountMail, GuestEmail, User
from core.admin import EditAdmin, ReadOnlyAdmin
from core.emails.preview_admin import EmailPreviewAdmin


class UserCreationForm(AdminUserCreationForm):
    """Form for adding a user, who is identified by email address."""

    class Meta(AdminUserCreationForm.Meta):
        model = User
        fields = ("email", "name")
        field_classes = {"email": CustomerEmailField}


class UserChangeForm(DjangoUserChangeForm):
    """Form for editing a user. An old email address that would be rejected now can stay."""

    class Meta(DjangoUserChangeForm.Meta):
        model = User
        field_classes = {}

    def clean_email(self) -> str:
        """Return the email address. Raise ValidationError if it was changed to one that cannot be a customer's."""
        email: str = self.cleaned_data["email"]
        if "email" in self.changed_data:
            validate_customer_email(email)
        return email


@admin.register(User)
class UserAdmin(EditAdmin, DjangoUserAdmin):
    """Admin for users, who are identified by email address instead of a username."""

    form, add_form = UserChangeForm, UserCreationForm
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

    def rows_to_lock(self, key: str) -> Any:
        """Lock the superusers too, in one order, to avoid deadlocks between those who change each other's rights."""
        return User.objects.filter(Q(pk=key) | Q(is_superuser=True))


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(EditAdmin, DjangoGroupAdmin):
    """Admin for groups of staff."""


@admin.register(GuestEmail)
class GuestEmailAdmin(ReadOnlyAdmin):
    """Read-only admin for the email addresses that guests entered."""

    list_display = ["email", "active", "timestamp"]
    list_filter = ["active", "timestamp"]
    search_fields = ["email"]


@admin.register(AccountMail)
class AccountMailAdmin(EmailPreviewAdmin):
    """Read-only admin for account emails. Links are never stored, so staff cannot see them here."""

    preview_permissions = ["accounts.view_accountmail"]
    build_row_preview = staticmethod(emails.build_preview)
    build_kind_preview = staticmethod(emails.build_sample_preview)
    list_display = ["to", "kind", "timestamp", "sent", "dropped", "attempts", "used"]
    list_filter = ["kind", "timestamp", "sent"]
    search_fields = ["to"]
    fields = ["to", "kind", "timestamp", "sent", "dropped", "attempts", "used", "tried_at", "language", "user"]


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """Admin for recent failed sign-ins. Deleting a row lifts its lockout."""

    list_display = ["username", "ip_address", "failures_since_start", "attempt_time", "path_info"]
    search_fields = ["username", "ip_address"]
    fields = ["username", "ip_address", "failures_since_start", "attempt_time", "path_info"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
