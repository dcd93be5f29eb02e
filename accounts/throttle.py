"""Limits on guessing passwords and on sign-ups with taken email addresses.

django-axes counts wrong passwords, for the shop and the admin together.
"""

from datetime import timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.email_addresses import MAX_EMAIL_LENGTH, canonical_email
from accounts.models import HOUR, User
from core.http import client_ip, private

# The limit for one IP address over all email addresses is this many times the limit for one email address. It stops
# clients that try one password on a thousand accounts.
IP_LIMIT_FACTOR = 10


class SignInHandler(AxesDatabaseHandler):
    """Axes handler that limits failures by email address and IP address, and by IP address alone with a higher limit.

    It never counts by email address only: a stranger who enters wrong passwords could then lock out the owner.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return the number of failures that count against this sign-in."""
        since = timezone.now() - settings.AXES_COOLOFF_TIME
        attempts = AccessAttempt.objects.filter(ip_address=client_ip(request), attempt_time__gte=since)
        total = attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0
        return int(max(super().get_failures(request, credentials), total // IP_LIMIT_FACTOR))

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        """Record a failure. The User-Agent and Accept headers are neither counted nor stored."""
        if request is not None:
            vars(request).update(axes_user_agent="", axes_http_accept="")
        super().user_login_failed(sender, credentials, request, **kwargs)


def get_axes_username(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the email address under which failures are counted.

    It has the canonical spelling without NUL and is cut to fit the column.
    """
    typed = str((credentials or {}).get(settings.AXES_USERNAME_FORM_FIELD) or "")
    return canonical_email(typed).replace("\x00", "")[:MAX_EMAIL_LENGTH]


def clear_failures(user: User) -> None:
    """Delete the failures of a user, for example after a password reset proved that they own the account."""
    AccessAttempt.objects.filter(username=canonical_email(user.email)).delete()


def lockout_response(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponseBase:
    """Return the lockout page. It is the same whether or not the email address has an account."""
    message = _(
        "Too many wrong passwords were entered from your internet connection. Other connections are not affected."
    )
    return rate_limit_response(request, message, settings.AXES_COOLOFF_TIME)


def taken_email_limit_response(request: HttpRequest) -> HttpResponseBase:
    """Return the page for a client that tried too many email addresses that have an account."""
    return rate_limit_response(request, _("You entered too many email addresses that already have an account."), HOUR)


@private
def rate_limit_response(request: HttpRequest, message: str, pause: timedelta) -> HttpResponse:
    """Return a 429 page that says when to try again. The Retry-After header has the same time in seconds."""
    context = {"message": message, "minutes": int(pause.total_seconds() // 60)}
    response = render(request, "accounts/too_many_attempts.html", context, status=429)
    response["Retry-After"] = str(int(pause.total_seconds()))
    return response
