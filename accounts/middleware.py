"""Middleware for accounts that are erased while a request runs, known devices, and sessions of staff."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import devices
from accounts.models import User
from accounts.staff import sessions

# Pages of the admin for staff who still have to set up a second factor.
WITHOUT_FACTOR = {"accounts_user_second_factor", "logout", "jsi18n"}


class AccountMiddleware:
    """Marks the device on which somebody signs in. Opens the admin only to sessions of staff.

    Logs a user out if the database rejects what a view writes, because the account no longer exists.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        devices.set_cookie(request, response)
        return response

    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponse | None:
        """Open the admin only to sessions that a member of staff has begun, with the second factor if it is required.

        Return a redirect to the login page, or to the page that sets up a second factor.
        """
        match = request.resolver_match
        if match is None or match.app_name != "admin" or not getattr(request.user, "is_staff", False):
            return None
        if not sessions.is_valid(request):
            logout(request)
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        if sessions.has_to_set_up_factor(request) and match.url_name not in WITHOUT_FACTOR:
            return redirect("admin:accounts_user_second_factor")
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return a redirect to the login page if the account is gone, and None for all other exceptions."""
        if not isinstance(exception, DatabaseError | ObjectDoesNotExist) or not request.user.is_authenticated:
            return None
        if User.objects.filter(pk=request.user.pk, is_active=True).exists():
            return None
        logout(request)
        return redirect("accounts:login")
