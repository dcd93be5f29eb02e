"""Middleware for accounts that are erased while a request runs, and for the cookie of known devices."""

from collections.abc import Callable

from django.contrib.auth import logout
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import devices
from accounts.models import User


class AccountMiddleware:
    """Marks the device on which somebody signs in.

    Logs a user out if the database rejects what a view writes, because the account no longer exists.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        devices.set_cookie(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return a redirect to the login page if the account is gone, and None for all other exceptions."""
        if not isinstance(exception, DatabaseError | ObjectDoesNotExist) or not request.user.is_authenticated:
            return None
        if User.objects.filter(pk=request.user.pk, is_active=True).exists():
            return None
        logout(request)
        return redirect("accounts:login")
