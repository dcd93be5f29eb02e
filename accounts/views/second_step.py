"""Signing in, in one step or two: staff with a second factor enter a code after the password."""

from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters

from accounts.models import GuestEmail, SecondFactor, User
from accounts.staff import sessions, waiting_sign_in
from accounts.staff.forms import CodeForm
from carts.models import Cart
from core.http import next_url, private


def sign_in(request: HttpRequest, user: User) -> None:
    """Sign in. The session's cart merges into the user's cart, and the guest is removed from the session."""
    Cart.objects.remember_current(request)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    GuestEmail.objects.forget(request)


def sign_in_or_ask(request: HttpRequest, user: User, target: str) -> HttpResponse:
    """Sign in a user whose password was right, or ask for a code first. `target` is a path that has been checked."""
    if sessions.is_code_needed(user):
        waiting_sign_in.begin(request, user, target)
        return redirect("accounts:second_step")
    sign_in(request, user)
    return redirect(target)


@private
@sensitive_post_parameters("password")
def admin_login(request: HttpRequest) -> HttpResponse:
    """Sign in to the admin. It replaces Django's page, which would sign in without a code."""
    target = next_url(request, reverse("admin:index"))
    if request.method == "GET" and admin.site.has_permission(request) and sessions.is_valid(request):
        return redirect("admin:index")
    form = AdminAuthenticationForm(request, request.POST if request.method == "POST" else None)
    if form.is_valid():
        user = form.get_user()
        assert isinstance(user, User)  # noqa: S101 - the shop has no other users
        return sign_in_or_ask(request, user, target)
    context = admin.site.each_context(request) | {"form": form, "next": target, "title": _("Log in")}
    context |= {"app_path": request.get_full_path(), "username": request.user.get_username()}
    return render(request, "admin/login.html", context)


@private
@sensitive_post_parameters("code")
def second_step(request: HttpRequest) -> HttpResponse:
    """Ask for a code of the second factor, and sign in. Where to go was checked before the password was."""
    waiting = waiting_sign_in.find(request)
    factor = waiting and SecondFactor.objects.on().select_related("user").filter(user=waiting[0]).first()
    if not waiting or not factor:
        messages.info(request, _("Please log in again."))
        return redirect("accounts:login")
    form = CodeForm(request, factor, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        status = 429 if form.is_over_limit else 200
        return render(request, "accounts/second_step.html", {"form": form}, status=status)
    sessions.record_code(request)
    sign_in(request, factor.user)
    _tell_codes_left(request, factor)
    return redirect(waiting[1])


def _tell_codes_left(request: HttpRequest, factor: SecondFactor) -> None:
    """Say how many recovery codes are left if there are only a few."""
    left = factor.recovery_codes.count()
    if left <= 3:
        text = ngettext(
            "You have %(left)d recovery code left. Make new ones under “Second factor” in the admin.",
            "You have %(left)d recovery codes left. Make new ones under “Second factor” in the admin.", left,
        )  # fmt: skip
        messages.warning(request, text % {"left": left})
