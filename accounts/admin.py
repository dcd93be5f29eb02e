"""Admin for accounts."""

from typing import Any

from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, ReadOnlyPasswordHashWidget
from django.contrib.auth.forms import UserChangeForm as DjangoUserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts import emails, rights
from accounts.email_addresses import CustomerEmailField, same_email, validate_customer_email
from accounts.forms import EmailChangeForm
from accounts.models import AccountMail, GuestEmail, SecondFactor, User
from accounts.views import second_factor
from core.admin import EditAdmin, ReadOnlyAdmin
from core.emails.preview_admin import DeliveryFilter, EmailPreviewAdmin
from orders.admin.erasure import ErasePersonMixin
from orders.workflow.erasure import Person, person_of_guest_email


class UserCreationForm(AdminUserCreationForm):
    """Form for adding a user, who is identified by email address."""

    class Meta(AdminUserCreationForm.Meta):
        model = User
        fields = ("email", "name")
        field_classes = {"email": CustomerEmailField}

    def clean_email(self) -> str:
        """Return the email address. Raise ValidationError if an account has it already, in any case."""
        return reject_taken_email(self.cleaned_data["email"])


class PasswordHashWidget(ReadOnlyPasswordHashWidget):
    """Django's widget without `disabled`, which is not valid for its `div`."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["widget"]["attrs"].pop("disabled", None)
        return context


class UserChangeForm(DjangoUserChangeForm):
    """Form for editing a user. An old email address that would be rejected now can stay."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "password" in self.fields:
            self.fields["password"].widget = PasswordHashWidget()

    class Meta(DjangoUserChangeForm.Meta):
        model = User
        field_classes = {}

    def clean_email(self) -> str:
        """Return the email address. Raise ValidationError if it is taken, or new and no customer can have it."""
        email: str = self.cleaned_data["email"]
        if "email" in self.changed_data:
            validate_customer_email(email)
        return reject_taken_email(email, self.instance.pk)

    def clean(self) -> dict[str, Any]:
        """Reject a change that would leave the shop without an active superuser."""
        cleaned: dict[str, Any] = super().clean() or {}
        is_superuser = all(cleaned.get(name, True) for name in ("is_active", "is_staff", "is_superuser"))
        if not is_superuser and rights.is_last_superuser(self.instance):
            raise last_superuser_error()
        return cleaned


class UserPasswordForm(AdminPasswordChangeForm):
    """Form for the password of a user. The last active superuser keeps one."""

    def clean(self) -> dict[str, Any]:
        """Reject the removal of the last active superuser's password."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("set_usable_password") is False and rights.is_last_superuser(self.user):
            self.add_error("usable_password", last_superuser_error())
        return cleaned


def reject_taken_email(email: str, own_pk: int | None = None) -> str:
    """Return the email address. Raise ValidationError if another account has it, in any case."""
    if User.objects.filter(same_email("email", email)).exclude(pk=own_pk or 0).exists():
        raise ValidationError(EmailChangeForm.EMAIL_TAKEN, code="taken")
    return email


def last_superuser_error() -> ValidationError:
    """Return the error of a change after which nobody could grant rights."""
    return ValidationError(
        _("This is the last active superuser. Give another member of staff superuser status first."), "last_superuser"
    )


@admin.register(User)
class UserAdmin(ErasePersonMixin, EditAdmin, DjangoUserAdmin):
    """Admin for users, who are identified by email address instead of a username.

    Staff erase people instead of deleting users: deleting the row would leave the person's other data.

    Rights are read-only for everybody but superusers, and so are the accounts that have rights.
    """

    form, add_form, change_password_form = UserChangeForm, UserCreationForm, UserPasswordForm
    change_form_template = "accounts/admin/user.html"
    ordering = ["email"]
    list_display = ["email", "name", "is_staff", "is_active", "date_joined"]
    search_fields = ["email", "name"]
    fieldsets = [
        (None, {"fields": ["email", "email_verified", "name", "password"]}),
        (_("Permissions"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["email", "name", "password1", "password2"]})]
    readonly_fields = ["email_verified", "last_login", "date_joined"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Allow adding users only together with changing them, because a new user is completed on the change page."""
        return super().has_add_permission(request) and self.has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        """Add the pages of the second factor."""
        return [*second_factor.urls(), *super().get_urls()]

    def get_person(self, obj: User) -> Person | None:
        """Return the person of this account."""
        return None if obj.is_erased else Person.of_user(obj)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Allow changing accounts with rights, including their passwords, for superusers only."""
        is_allowed = obj is None or rights.may_change_user(request.user, obj)
        return is_allowed and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Make rights read-only for everybody but superusers."""
        readonly = list(super().get_readonly_fields(request, obj))
        return readonly if rights.may_grant_rights(request.user) else [*readonly, *rights.RIGHTS]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Omit the password, with the link that changes it, from accounts that are read-only."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (title, options | {"fields": [name for name in options["fields"] if name != "password"]})
            for title, options in fieldsets
        ]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save the user, unless the account was given rights in the meantime."""
        if change and not rights.lock_and_check(request.user, obj):
            raise PermissionDenied
        super().save_model(request, obj, form, change)
        if change and obj.pk == request.user.pk:
            update_session_auth_hash(request, obj)  # otherwise, a new email address would end this session too

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the user, with a link for superusers that resets the second factor of a colleague."""
        is_number = object_id.isascii() and object_id.isdecimal() and len(object_id) < 19
        is_colleague = is_number and rights.may_grant_rights(request.user) and int(object_id) != request.user.pk
        can_reset = is_colleague and SecondFactor.objects.on().filter(user=int(object_id)).exists()
        context = {"can_reset_second_factor": can_reset}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Change the password in one transaction, so that no rights are granted between the check and the change."""
        with transaction.atomic():
            user = self.get_object(request, id)
            if request.method == "POST" and user and not rights.lock_and_check(request.user, user):
                raise PermissionDenied
            return super().user_change_password(request, id, form_url)

    def rows_to_lock(self, key: str) -> Any:
        """Lock the superusers too, in one order, to avoid deadlocks between those who change each other's rights."""
        return User.objects.filter(Q(pk=key) | Q(is_superuser=True))


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(EditAdmin, DjangoGroupAdmin):
    """Groups of permissions, which only superusers change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return rights.may_grant_rights(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return rights.may_grant_rights(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return rights.may_grant_rights(request.user)


@admin.register(GuestEmail)
class GuestEmailAdmin(ErasePersonMixin, ReadOnlyAdmin):
    """Read-only admin for the email addresses that guests entered."""

    list_display = ["email", "active", "timestamp"]
    list_filter = ["active", "timestamp"]
    search_fields = ["email"]

    def get_person(self, obj: GuestEmail) -> Person:
        """Return the guest, or the account that took over the guest's profile."""
        return person_of_guest_email(obj)


@admin.register(AccountMail)
class AccountMailAdmin(EmailPreviewAdmin):
    """Read-only admin for account emails. Links are never stored, so staff cannot see them here."""

    preview_permissions = ["accounts.view_accountmail"]
    build_row_preview = staticmethod(emails.build_preview)
    build_kind_preview = staticmethod(emails.build_sample_preview)
    list_display = ["to", "kind", "timestamp", "sent", "dropped", "refusal", "attempts", "used"]
    list_filter = ["kind", DeliveryFilter, "timestamp"]
    search_fields = ["to"]
    fields = [
        "to", "kind", "timestamp", "sent", "dropped", "refusal", "attempts", "used", "tried_at", "language", "user"
    ]  # fmt: skip


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """Admin for recent failed sign-ins. Deleting a row lifts its lockout, but not a pause for the whole account."""

    list_display = ["username", "ip_address", "failures_since_start", "attempt_time", "path_info"]
    search_fields = ["username", "ip_address"]
    fields = ["username", "ip_address", "failures_since_start", "attempt_time", "path_info"]

    def has_delete_permission(self, request: HttpRequest, obj: AccessAttempt | None = None) -> bool:
        """Allow lifting the lockout of an account with rights for superusers only: it stops guesses at its password."""
        user = obj and User.objects.filter(same_email("email", obj.username or "")).first()
        is_allowed = not user or rights.may_change_user(request.user, user)
        return is_allowed and admin.ModelAdmin.has_delete_permission(self, request, obj)
