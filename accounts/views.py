"""Log in, sign up, go on as a guest, log out."""

from django.contrib import messages
from django.contrib.auth import login, logout
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.forms import GuestForm, LoginForm, SignupForm
from accounts.guests import start_guest
from accounts.models import GuestEmail
from billing.models import BillingProfile
from carts.models import Cart
from ecommerce.http import next_url, private


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
def user_signup(request: HttpRequest) -> HttpResponse:
    """Make an account, which takes over what this session did as a guest, and sign in to it."""
    goal = next_url(request, resolve_url("home"))
    if request.user.is_authenticated:
        return redirect(goal)
    form = SignupForm(request.POST or None)
    if form.is_valid():
        user = form.save(commit=False)
        try:
            BillingProfile.objects.save_new_user(request, user)
        except IntegrityError:  # the same e-mail signed up in another tab a moment ago
            form.add_error("email", _("You have an account with this e-mail. Log in instead."))
        else:
            Cart.objects.hold(request)
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            GuestEmail.objects.forget(request)
            messages.success(request, _("Welcome! Your account is ready."))
            return redirect(goal)
    return render(request, "accounts/signup.html", {"form": form, "next": goal})


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
