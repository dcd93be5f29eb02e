"""Forms for the codes of the second factor."""

from math import ceil
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.forms import confirm_password, password_field
from accounts.models import SecondFactor
from accounts.throttle import forget_code_try, start_code_try
from core.forms import PlainForm


class CodeForm(PlainForm):
    """A code of the app, or a recovery code. The limit on wrong ones is that of passwords."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        help_text=_("The six digits that your app shows now, or a recovery code."),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def __init__(self, request: HttpRequest, factor: SecondFactor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.factor = request, factor

    @property
    def is_over_limit(self) -> bool:
        """Whether the code was not checked, because there were too many wrong ones."""
        return self.has_error("code", "wait")

    def clean(self) -> dict[str, Any]:
        """Use the code as the last step, so that an error in another field does not use it up."""
        data = super().clean() or {}
        if not self.errors:
            self._use_code(data["code"])
        return data

    def _use_code(self, code: str) -> None:
        attempt = start_code_try(self.request, self.factor.user)
        if attempt.wait:
            text = _("Too many wrong codes were entered. Please try again in %(minutes)d minutes.")
            minutes = ceil(attempt.wait.total_seconds() / 60)
            self.add_error("code", ValidationError(text, "wait", {"minutes": minutes}))
        elif self.factor.use(code):
            forget_code_try(attempt)
        else:
            text = _("This code is wrong or has been used. Wait until your app shows the next one.")
            self.add_error("code", ValidationError(text, "wrong"))


class ConfirmedCodeForm(CodeForm):
    """A code with the password, for changes that must not be possible from a borrowed computer."""

    password = password_field(_("Your password"), "current-password")
    field_order = ["password", "code"]

    def clean_password(self) -> str:
        """Return the current password. Raise ValidationError if it is wrong."""
        return confirm_password(self.request, self.cleaned_data["password"])


class SetUpForm(ConfirmedCodeForm):
    """The password and the first code of a new app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].help_text = _("The six digits that your app shows now.")
