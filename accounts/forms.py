"""Forms for signing in, signing up, guest checkout, passwords and account details."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate, password_validation
from django.contrib.auth.forms import SetPasswordForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.email_addresses import CustomerEmailField, same_email
from accounts.models import User
from accounts.throttle import forget_try
from core.forms import PlainForm, ShopForm


def password_field(label: Any, autocomplete: str = "new-password", help_text: Any = "") -> forms.CharField:
    """Return a password field that keeps the input unchanged.

    `autocomplete` controls whether a password manager fills in a password or suggests a new one.
    """
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, strip=False, max_length=128, widget=widget, help_text=help_text)


class LoginForm(PlainForm):
    """Email address and password. An unknown email address and a wrong password give the same error."""

    email = forms.EmailField(label=_("Email"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = password_field(_("Password"), "current-password")

    def __init__(self, *args: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:
        """Set `user`, or add an error if the email address and password do not match."""
        data = super().clean() or {}
        if "email" in data and "password" in data:
            user = authenticate(self.request, username=data["email"], password=data["password"])
            if not isinstance(user, User):
                self.add_error("email", _("Email and password do not match. Try again, or sign up."))
            else:
                self.user = user
        return data


class SignupForm(ShopForm, forms.ModelForm):
    """Name, email address and a password, which is entered once."""

    EMAIL_TAKEN = _("You already have an account with this email. Log in instead.")

    password = password_field(_("Password"), help_text=_("At least 8 characters."))

    class Meta:
        model = User
        fields = ["name", "email", "password"]
        field_classes = {"email": CustomerEmailField}
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
        }

    def clean_email(self) -> str:
        """Return the normalized email address. Raise ValidationError if an account has it already."""
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if User.objects.filter(same_email("email", email)).exists():
            raise ValidationError(self.EMAIL_TAKEN, code="taken")
        return email

    def clean(self) -> dict[str, Any]:
        """Validate the password, also against the name and the email address."""
        data = super().clean() or {}
        if password := data.get("password"):
            try:
                password_validation.validate_password(
                    password, User(name=data.get("name", ""), email=data.get("email", ""))
                )
            except ValidationError as error:
                self.add_error("password", error)
        return data

    @property
    def has_taken_email(self) -> bool:
        """Whether the errors reveal that this email address has an account."""
        return self.has_error("email", "taken")

    def save(self, commit: bool = True) -> User:
        """Return the new user with a hashed password. It is saved unless `commit` is False."""
        user = super().save(commit=False)
        user.set_password(self.cleaned_data["password"])
        if commit:
            user.save()
        return user


class GuestForm(PlainForm):
    """The email address that receives the emails about a guest's order."""

    email = CustomerEmailField(
        label=_("Email"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text=_("Used only for emails about your order."),
    )


class PasswordResetRequestForm(PlainForm):
    """The email address that receives a password reset link."""

    email = forms.EmailField(
        label=_("Email"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )


def confirm_password(request: HttpRequest, password: str) -> str:
    """Return the password if it is the signed-in user's.

    Raise ValidationError if it is not. Wrong passwords count towards the sign-in lockout.
    """
    if authenticate(request, username=request.user.get_username(), password=password) != request.user:
        raise ValidationError(_("The password is incorrect. Try again."), code="password_incorrect")
    forget_try(request)
    return password


class PasswordConfirmationForm(PlainForm):
    """Password confirmation for actions that must not be possible from a borrowed phone."""

    password = password_field(_("Your password"), "current-password")

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        """Return the current password. Raise ValidationError if it is wrong."""
        return confirm_password(self.request, self.cleaned_data["password"])


class NameForm(ShopForm, forms.ModelForm):
    """The name of a user."""

    class Meta:
        model = User
        fields = ["name"]
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}

    def save(self, commit: bool = True) -> User:
        """Save the name only, so that a change by staff at the same moment stays."""
        self.instance.save(update_fields=["name"])
        return self.instance


class EmailChangeForm(PasswordConfirmationForm):
    """A new email address for signing in, confirmed by the password."""

    email = CustomerEmailField(label=_("New email"), widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    field_order = ["email", "password"]
    EMAIL_TAKEN = _("There is already an account with this email.")

    def clean_email(self) -> str:
        """Return the normalized email address. Raise ValidationError if it is unchanged or taken."""
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if email == self.request.user.get_username():
            raise ValidationError(_("This is already your email."), code="same")
        if User.objects.filter(same_email("email", email)).exclude(email=self.request.user.get_username()).exists():
            raise ValidationError(self.EMAIL_TAKEN, code="taken")
        return email

    @property
    def has_taken_email(self) -> bool:
        """Whether the errors reveal that this email address has an account."""
        return self.has_error("email", "taken")


class NewPasswordForm(ShopForm, SetPasswordForm):
    """A new password, entered twice."""

    new_password1 = password_field(_("New password"), help_text=_("At least 8 characters."))
    new_password2 = password_field(_("Confirm new password"))

    def save(self, commit: bool = True) -> User:
        """Save the password only, so that rights that staff change at the same moment are not restored."""
        user: User = super().save(commit=False)
        user.save(update_fields=["password"])
        return user


class PasswordChangeForm(NewPasswordForm):
    """A new password, confirmed by the old one. Wrong old passwords count towards the sign-in lockout."""

    old_password = password_field(_("Old password"), "current-password")
    field_order = ["old_password", "new_password1", "new_password2"]

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request.user, *args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        """Return the current password. Raise ValidationError if it is wrong."""
        return confirm_password(self.request, self.cleaned_data["old_password"])
