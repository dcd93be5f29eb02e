"""Views for signing in, signing up, guest checkout and signing out."""

from typing import cast

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import emails
from accounts.forms import GuestForm, LoginForm, SignupForm
from accounts.models import AccountMail, TakenSignup, User
from accounts.throttle import taken_email_limit_response
from accounts.views.second_step import sign_in, sign_in_or_ask
from billing.models import BillingProfile
from carts import details_draft
from core.http import client_key, next_url, private, same_origin_or_csrf
from orders.workflow.guests import drop_cards_of_other, get_signup_initial, is_other_person, start_guest


@private
@sensitive_post_parameters("password")
def user_login(request: HttpRequest) -> HttpResponse:
    """Check the email address and the password, and sign in or ask for a code."""
    target = next_url(request, resolve_url("home"))
    if request.user.is_authenticated:
        return redirect(target)
    form = LoginForm(request.POST or None, request=request)
    details_draft.store(request, request.POST)  # the form on the checkout sends the address fields of its page
    if form.is_valid() and form.user:
        return sign_in_or_ask(request, form.user, target)
    return render(request, "accounts/login.html", {"login_form": form, "next": target})


@private
@sensitive_post_parameters("password")
def user_signup(request: HttpRequest) -> HttpResponseBase:
    """Create an account, which takes over the guest data of this session, and sign in."""
    target = next_url(request, resolve_url("home"))
    if request.user.is_authenticated:
        return redirect(target)
    client = client_key(request)
    form = SignupForm(request.POST or None, initial=get_signup_initial(request))
    if form.is_bound and TakenSignup.objects.is_at_limit(client):
        return taken_email_limit_response(request)
    is_other = form.is_valid() and is_other_person(request, form.cleaned_data["email"])
    if form.is_valid() and _sign_up(request, form, is_other):
        # The thank-you page links here with the order as the target, which another person must not see.
        orders = resolve_url("orders:list")
        return redirect(orders if is_other and target.startswith(orders) else target)
    if form.has_taken_email and TakenSignup.objects.record(client):
        return taken_email_limit_response(request)
    return render(request, "accounts/signup.html", {"form": form, "next": target})


def _sign_up(request: HttpRequest, form: SignupForm, is_other: bool) -> bool:
    """Save the new user and sign in. Return False if the email address was taken in another tab in the meantime.

    `is_other` means that the guest of this session can be another person, so the user does not take over their data.
    """
    user = form.save(commit=False)
    drop_cards_of_other(BillingProfile.objects.for_session(request), user.email)
    if not form.save_with(lambda: BillingProfile.objects.save_new_user(request, user, not is_other)):
        return False
    sign_in(request, user)
    emails.queue_email(request, AccountMail.Kind.VERIFY, user.email, user)
    messages.success(request, _("Welcome! Your account is ready."))
    if is_other:
        text = _("Orders placed here with another email are not part of it. The link in their email opens them.")
        messages.info(request, text)
    return True


@private
def user_guest(request: HttpRequest) -> HttpResponse:
    """Continue without an account, with an email address for this session only."""
    target = next_url(request, resolve_url("carts:checkout"))
    if request.user.is_authenticated:
        return redirect(target)
    form = GuestForm(request.POST or None)
    if form.is_valid():
        start_guest(request, form.cleaned_data["email"])
        return redirect(target)
    return render(request, "accounts/guest.html", {"form": form, "next": target})


@require_POST
@same_origin_or_csrf
def user_logout(request: HttpRequest) -> HttpResponse:
    """Sign out and end the session. The user's cart is kept for the next sign-in."""
    logout(request)
    messages.info(request, _("You are logged out."))
    return redirect("home")


def get_signed_in_user(request: HttpRequest) -> User:
    """Return the user of a view that requires login."""
    return cast(User, request.user)
