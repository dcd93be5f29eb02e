"""Emailed links: verifying an email address and claiming earlier guest orders."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts import emails
from accounts.models import AccountMail, User
from accounts.tokens import get_email_for_token
from accounts.views.sign_in import get_signed_in_user
from core.http import private
from orders.workflow import claims


@private
@require_POST
@login_required
def verify_request(request: HttpRequest) -> HttpResponse:
    """Queue an email with the link that verifies the email address."""
    user = get_signed_in_user(request)
    emails.queue_email(request, AccountMail.Kind.VERIFY, user.email, user)
    messages.info(request, _("We have sent a link to %(email)s. It may take a minute.") % {"email": user.email})
    return redirect("accounts:profile")


@private
@login_required
def verify(request: HttpRequest, token: str) -> HttpResponse:
    """Verify the email address through the emailed link.

    GET only shows a page with a button, because email scanners also follow links.
    """
    user = get_signed_in_user(request)
    if user.has_verified_email:
        messages.info(request, _("Your email is verified."))
        return redirect("accounts:profile")
    mail = get_email_for_token(token, AccountMail.Kind.VERIFY, user)
    if mail is None:
        return invalid_link(request)
    if request.method == "POST":
        if mail.mark_used() and User.objects.mark_email_verified(user):
            messages.success(request, _("Thank you, your email is verified."))
        return redirect("accounts:profile")
    return render(request, "accounts/verify.html")


@private
@require_POST
@login_required
def claim_request(request: HttpRequest) -> HttpResponse:
    """Queue an email with the link to earlier guest orders. The response does not reveal whether there are any."""
    user = get_signed_in_user(request)
    if not user.has_verified_email:
        messages.warning(request, _("Please verify your email first."))
        return redirect("accounts:profile")
    emails.queue_email(request, AccountMail.Kind.CLAIM, user.email, user)
    message = _("If there are earlier orders, we have sent a link to %(email)s. It may take a minute.") % {
        "email": user.email
    }
    messages.info(request, message)
    return redirect("accounts:profile")


@private
@login_required
def claim(request: HttpRequest, token: str) -> HttpResponse:
    """Add the earlier guest orders to this account through the emailed link. GET only shows a page with a button."""
    user = get_signed_in_user(request)
    mail = get_email_for_token(token, AccountMail.Kind.CLAIM, user)
    if mail is None:
        return invalid_link(request)
    if request.method != "POST":
        return render(request, "accounts/claim.html")
    number = claims.claim_orders(user, mail)
    message = ngettext("One order is now in your account.", "%(number)s orders are now in your account.", number)
    messages.success(request, message % {"number": number})
    return redirect("orders:list")


def invalid_link(request: HttpRequest) -> HttpResponse:
    """Return a 404 page for a link that is expired, used or invalid."""
    return render(request, "accounts/invalid_link.html", status=404)
