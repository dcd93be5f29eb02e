"""The account's profile page, and changes of name and email."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts import emails
from accounts.forms import EmailChangeForm, NameForm
from accounts.models import AccountMail, TakenSignup, User
from accounts.throttle import taken_email_limit_response
from accounts.views.sign_in import get_signed_in_user
from core.http import client_key, private


@private
@require_safe
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Show the profile page, with links to everything else in the account."""
    return render(request, "accounts/profile.html")


@private
@login_required
def name_change(request: HttpRequest) -> HttpResponse:
    """Change the name of the signed-in user."""
    # Validation writes the input to the instance. Use a separate one, so that the page does not show an invalid name.
    form = NameForm(request.POST or None, instance=User.objects.get(pk=get_signed_in_user(request).pk))
    if form.is_valid():
        form.save()
        messages.success(request, _("Your name has been changed."))
        return redirect("accounts:profile")
    return render(request, "accounts/name_change.html", {"form": form})


@private
@sensitive_post_parameters("password")
@login_required
def email_change(request: HttpRequest) -> HttpResponseBase:
    """Change the email address after a password check.

    The new address has to be verified, and the old one is notified of the change.
    """
    client = client_key(request)
    form = EmailChangeForm(request, request.POST or None)
    if form.is_bound and TakenSignup.objects.is_at_limit(client):
        return taken_email_limit_response(request)
    if form.is_valid() and _save_email(request, form):
        messages.success(
            request,
            _(
                "Your email has been changed, and other devices have been logged out. We have sent a link to the new "
                "address to verify it."
            ),
        )
        return redirect("accounts:profile")
    if form.has_taken_email and TakenSignup.objects.record(client):
        return taken_email_limit_response(request)
    return render(request, "accounts/email_change.html", {"form": form})


def _save_email(request: HttpRequest, form: EmailChangeForm) -> bool:
    """Save the new email address and send a link to it. Return False if it was taken in the meantime.

    All other sessions of the user end, and a notice goes to the old address, as after every change of it.
    """
    user, new = get_signed_in_user(request), form.cleaned_data["email"]
    changed = User.objects.get(pk=user.pk)  # Validation compares with the current email address of `user`.
    changed.email = new
    if not form.save_with(lambda: changed.save(update_fields=["email"])):
        return False
    user.email = new
    update_session_auth_hash(request, changed)
    emails.queue_email(request, AccountMail.Kind.VERIFY, user.email, user)
    return True
