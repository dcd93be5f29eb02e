"""The forms of the people: log in, sign up, go on as a guest."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate, password_validation
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from ecommerce.forms import PlainForm, ShopForm


class LoginForm(PlainForm):
    """E-mail and password; says the same for an unknown e-mail and a wrong password."""

    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:
        """Sets `user`, or says that the two do not match."""
        data = super().clean() or {}
        if "email" in data and "password" in data:
            user = authenticate(self.request, username=data["email"], password=data["password"])
            if not isinstance(user, User):
                raise ValidationError(_("E-mail and password do not match. Try again, or sign up."), code="login")
            self.user = user
        return data


class SignupForm(ShopForm, forms.ModelForm):
    """A name, an e-mail and one password."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 8 characters."),
    )

    class Meta:
        model = User
        fields = ["name", "email", "password"]
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
        }

    def clean_email(self) -> str:
        """An e-mail that no account has yet."""
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if User.objects.filter(email__iexact=email).exists():
            raise ValidationError(_("You have an account with this e-mail. Log in instead."), code="taken")
        return email

    def clean(self) -> dict[str, Any]:
        """Judge the password beside the name and the e-mail."""
        data = super().clean() or {}
        if password := data.get("password"):
            try:
                password_validation.validate_password(
                    password, User(name=data.get("name", ""), email=data.get("email", ""))
                )
            except ValidationError as error:
                self.add_error("password", error)
        return data

    def save(self, commit: bool = True) -> User:
        """The new user, with a hashed password."""
        user = super().save(commit=False)
        user.set_password(self.cleaned_data["password"])
        if commit:
            user.save()
        return user


class GuestForm(PlainForm):
    """The e-mail a guest wants the order's mails at."""

    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text=_("For the confirmation of your order, nothing else."),
    )
