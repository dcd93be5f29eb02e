"""Views that reset a password through an emailed link or change it while signed in."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts import devices, emails
from accounts.forms import NewPasswordForm, PasswordChangeForm, PasswordResetRequestForm
from accounts.models import AccountMail, User
from accounts.throttle import clear_failures
from accounts.views.email_links import invalid_link
from accounts.views.sign_in import get_signed_in_user
from core.http import private

RESET_TOKEN_SESSION_KEY = "_password_reset_token"  # noqa: S105 - the session key that stores the token of the link
RESET_URL_TOKEN = "set-password"  # noqa: S105 - replaces the token in the URL


@private
def password_reset(request: HttpRequest) -> HttpResponse:
    """Request a reset link. Neither the response nor its timing reveals whether the email address has an account."""
    form = PasswordResetRequestForm(request.POST or None)
    if form.is_valid():
        emails.queue_email(request, AccountMail.Kind.RESET, form.cleaned_data["email"])
        messages.info(request, _("If there is an account with this email, we have sent a link to it."))
        return redirect("accounts:login")
    return render(request, "accounts/password_reset.html", {"form": form})


@private
@sensitive_post_parameters("new_password1", "new_password2")
def password_reset_confirm(request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
    """Set a new password through the emailed link.

    The token moves into the session immediately, so that the URL of the page does not expose it.
    """
    user = PasswordResetConfirmView().get_user(uidb64)
    secret = request.session.get(RESET_TOKEN_SESSION_KEY) if token == RESET_URL_TOKEN else token
    if not isinstance(user, User) or not user.is_active or not default_token_generator.check_token(user, secret):
        return invalid_link(request)
    if token != RESET_URL_TOKEN:
        request.session[RESET_TOKEN_SESSION_KEY] = token
        return redirect("accounts:password_reset_confirm", uidb64, RESET_URL_TOKEN)
    form = NewPasswordForm(user, request.POST or None)
    if form.is_valid():
        form.save()
        del request.session[RESET_TOKEN_SESSION_KEY]
        request.session.cycle_key()  # if the user was signed in here, the session has just been ended
        # The link was sent only to this email address, so using it verifies the address.
        User.objects.mark_email_verified(user)
        clear_failures(user)
        devices.remember(request, user)  # on which the owner can now sign in, even while others try passwords
        messages.success(request, _("Your password has been changed. Log in with the new one."))
        return redirect("accounts:login")
    return render(request, "accounts/password_reset_confirm.html", {"form": form})


@private
@sensitive_post_parameters("old_password", "new_password1", "new_password2")
@login_required
def password_change(request: HttpRequest) -> HttpResponse:
    """Change the password. All other sessions of the user end, and this one continues with a new session key."""
    form = PasswordChangeForm(request, request.POST or None)
    if form.is_valid():
        update_session_auth_hash(request, form.save())
        devices.remember(request, get_signed_in_user(request))
        messages.success(request, _("Your password has been changed. Other devices have been logged out."))
        return redirect("accounts:profile")
    return render(request, "accounts/password_change.html", {"form": form})
