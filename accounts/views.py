"""Log in, sign up, go on as a guest, log out; the account's own page and the links mailed to its address."""

from typing import cast

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import claims, mails
from accounts.forms import GuestForm, LoginForm, SignupForm
from accounts.guests import known_of_guest, start_guest
from accounts.models import AccountMail, GuestEmail, TakenSignup, User
from accounts.passwords import dead_link
from accounts.throttle import too_many_signups
from accounts.tokens import mail_of_token
from billing.models import BillingProfile
from carts.models import Cart
from ecommerce.http import client_key, next_url, private


@private
@sensitive_post_parameters("password")
def user_login(request: HttpRequest) -> HttpResponse:
    """Sign in to an account; the session's cart merges into the user's and its guest is forgotten."""
    goal = next_url(request, resolve_url("home"))
    if request.user.is_authenticated:
        return redirect(goal)
    form = LoginForm(request.POST or None, request=request)
    if form.is_valid() and form.user:
        Cart.objects.hold(request)
        login(request, form.user)
        GuestEmail.objects.forget(request)
        return redirect(goal)
    return render(request, "accounts/login.html", {"login_form": form, "next": goal})


@private
@sensitive_post_parameters("password")
def user_signup(request: HttpRequest) -> HttpResponseBase:
    """Make an account, which takes over what this session did as a guest, and sign in to it."""
    goal = next_url(request, resolve_url("home"))
    if request.user.is_authenticated:
        return redirect(goal)
    client = client_key(request)
    form = SignupForm(request.POST or None, initial=known_of_guest(request))
    if form.is_bound and TakenSignup.objects.are_at_limit(client):
        return too_many_signups(request)
    if form.is_valid() and _sign_up(request, form):
        return redirect(goal)
    if form.has_taken_email and TakenSignup.objects.note(client):
        return too_many_signups(request)
    return render(request, "accounts/signup.html", {"form": form, "next": goal})


def _sign_up(request: HttpRequest, form: SignupForm) -> bool:
    """Save the new user and sign in; False if the same e-mail signed up in another tab a moment ago."""
    user = form.save(commit=False)
    try:
        BillingProfile.objects.save_new_user(request, user)
    except IntegrityError:
        form.add_error("email", ValidationError(SignupForm.TAKEN, code="taken"))
        return False
    Cart.objects.hold(request)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    GuestEmail.objects.forget(request)
    mails.queue(request, AccountMail.Kind.VERIFY, user.email, user)
    messages.success(request, _("Welcome! Your account is ready."))
    return True


@private
def user_guest(request: HttpRequest) -> HttpResponse:
    """Go on without an account, with an e-mail for this session alone."""
    goal = next_url(request, resolve_url("carts:checkout"))
    if request.user.is_authenticated:
        return redirect(goal)
    form = GuestForm(request.POST or None)
    if form.is_valid():
        start_guest(request, form.cleaned_data["email"])
        return redirect(goal)
    return render(request, "accounts/guest.html", {"form": form, "next": goal})


@require_POST
def user_logout(request: HttpRequest) -> HttpResponse:
    """Sign out; the session ends, the user's cart stays with the user."""
    logout(request)
    messages.info(request, _("You are logged out."))
    return redirect("home")


@private
@require_safe
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Who I am here, and the way to everything of mine."""
    return render(request, "accounts/profile.html")


@private
@require_POST
@login_required
def verify_request(request: HttpRequest) -> HttpResponse:
    """Mail the link that proves the e-mail."""
    user = signed_in(request)
    mails.queue(request, AccountMail.Kind.VERIFY, user.email, user)
    messages.info(request, _("We have sent a link to %(email)s. It may take a minute.") % {"email": user.email})
    return redirect("accounts:profile")


@private
@login_required
def verify(request: HttpRequest, token: str) -> HttpResponse:
    """The mailed link: a page with a button, since programs that look through mail follow links too."""
    user = signed_in(request)
    if user.has_verified_email:
        messages.info(request, _("Your email is verified."))
        return redirect("accounts:profile")
    mail = mail_of_token(token, AccountMail.Kind.VERIFY, user)
    if mail is None:
        return dead_link(request)
    if request.method == "POST":
        if mail.use() and User.objects.verify(user):
            messages.success(request, _("Thank you, your email is verified."))
        return redirect("accounts:profile")
    return render(request, "accounts/verify.html")


@private
@require_POST
@login_required
def claim_request(request: HttpRequest) -> HttpResponse:
    """Mail the link to earlier guest orders; the answer does not say whether there are any."""
    user = signed_in(request)
    if not user.has_verified_email:
        messages.warning(request, _("Please verify your email first."))
        return redirect("accounts:profile")
    mails.queue(request, AccountMail.Kind.CLAIM, user.email, user)
    words = _("If there are earlier orders, we have sent a link to %(email)s. It may take a minute.") % {
        "email": user.email
    }
    messages.info(request, words)
    return redirect("accounts:profile")


@private
@login_required
def claim(request: HttpRequest, token: str) -> HttpResponse:
    """The mailed link: a page with a button that adds the earlier orders to this account."""
    user = signed_in(request)
    mail = mail_of_token(token, AccountMail.Kind.CLAIM, user)
    if mail is None:
        return dead_link(request)
    if request.method != "POST":
        return render(request, "accounts/claim.html")
    number = claims.claim(user, mail)
    words = ngettext("One order is now in your account.", "%(number)s orders are now in your account.", number)
    messages.success(request, words % {"number": number})
    return redirect("orders:list")


def signed_in(request: HttpRequest) -> User:
    """The user of a page behind login_required."""
    return cast(User, request.user)
