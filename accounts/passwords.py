"""A new password: by a mailed link, or by the old one while signed in."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts import mails
from accounts.forms import EmailForm, NewPasswordForm, PasswordChangeForm
from accounts.models import AccountMail, User
from accounts.throttle import forget_failures
from ecommerce.http import private

TOKEN_KEY = "_password_reset_token"  # noqa: S105 - where in the session the link's token waits
IN_SESSION = "set-password"


@private
def password_reset(request: HttpRequest) -> HttpResponse:
    """Ask for a link; the answer says nothing about whether the e-mail has an account, nor does its time."""
    form = EmailForm(request.POST or None)
    if form.is_valid():
        mails.queue(request, AccountMail.Kind.RESET, form.cleaned_data["email"])
        messages.info(request, _("If there is an account with this email, we have sent a link to it."))
        return redirect("accounts:login")
    return render(request, "accounts/password_reset.html", {"form": form})


@private
@sensitive_post_parameters("new_password1", "new_password2")
def password_reset_confirm(request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
    """The mailed link; its token moves into the session at once, so that the page's address gives nothing away."""
    user = PasswordResetConfirmView().get_user(uidb64)
    secret = request.session.get(TOKEN_KEY) if token == IN_SESSION else token
    if not isinstance(user, User) or not user.is_active or not default_token_generator.check_token(user, secret):
        return dead_link(request)
    if token != IN_SESSION:
        request.session[TOKEN_KEY] = token
        return redirect("accounts:password_reset_confirm", uidb64, IN_SESSION)
    form = NewPasswordForm(user, request.POST or None)
    if form.is_valid():
        form.save()
        del request.session[TOKEN_KEY]
        User.objects.verify(user)  # only who reads this address's mail had the link
        forget_failures(user)
        messages.success(request, _("Your password has been changed. Log in with the new one."))
        return redirect("accounts:login")
    return render(request, "accounts/password_reset_confirm.html", {"form": form})


@private
@sensitive_post_parameters("old_password", "new_password1", "new_password2")
@login_required
def password_change(request: HttpRequest) -> HttpResponse:
    """A new password by the old one; every other session of this user ends, this one goes on under a new key."""
    form = PasswordChangeForm(request, request.POST or None)
    if form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(request, _("Your password has been changed. Other devices have been logged out."))
        return redirect("accounts:profile")
    return render(request, "accounts/password_change.html", {"form": form})


def dead_link(request: HttpRequest) -> HttpResponse:
    """For a link that is too old, was used, or was never ours."""
    return render(request, "accounts/dead_link.html", status=404)
