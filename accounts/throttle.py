"""Limits on guessing passwords and codes, and on sign-ups with taken email addresses.

django-axes counts wrong passwords by IP address, for the shop and the admin together. `PasswordTry` counts them by
account over all IP addresses: after the first twenty of a day, each further try has to wait 1, 2, 4 minutes and so on,
up to an hour. A stranger can therefore check at most 25 passwords in the first hour, and about one an hour later.
Devices on which somebody has signed in to the account before do not wait: each is counted by itself.
"""

from datetime import timedelta
from math import ceil
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.devices import known_device
from accounts.email_addresses import MAX_EMAIL_LENGTH, canonical_email
from accounts.models import HOUR, AccountMail, PasswordTry, User
from core.emails.addresses import is_email_address
from core.http import client_ip, private

# The limit for one IP address over all email addresses is this many times the limit for one email address. It stops
# clients that try one password on a thousand accounts.
IP_LIMIT_FACTOR = 10


class SignInHandler(AxesDatabaseHandler):
    """Axes handler that limits failures by email address and IP address, and by IP address alone with a higher limit.

    It also lets tries for one account wait. A stranger who enters wrong passwords does not lock out the owner: on the
    owner's devices, only their own failures count, and a link by email works from everywhere.
    """

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        """Check whether the password must not be checked. Otherwise, record the try before it is made."""
        is_locked = bool(super().is_locked(request, credentials))
        return is_locked or not _start_try(request, get_axes_username(request, credentials))

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return the number of failures that count against this sign-in.

        For a known device, only its own count: others can use the same IP address, for example in an office.
        """
        since, email = timezone.now() - settings.AXES_COOLOFF_TIME, get_axes_username(request, credentials)
        if device := known_device(request, email):
            tries = PasswordTry.objects.filter(account=_account_key(email), device=device, timestamp__gte=since)
            return tries.count()
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

    def user_logged_in(self, sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        """Forget the failures from this IP address, and this try."""
        super().user_logged_in(sender, request, user, **kwargs)
        forget_try(request)


def _start_try(request: HttpRequest, email: str) -> bool:
    """Record that a password for this email address is about to be checked. Return False if it has to wait.

    The email address need not have an account. Only a device cookie leads to a query for the user.
    """
    attempt = PasswordTry.objects.start(_account_key(email), known_device(request, email))
    vars(request)["password_try"] = attempt
    if attempt.is_after_many and not attempt.wait and is_email_address(email):
        AccountMail.objects.notify(AccountMail.Kind.GUESSING, email)
    return not attempt.wait


def forget_try(request: HttpRequest) -> None:
    """Forget the password try of this request, because the password was right."""
    attempt = vars(request).pop("password_try", None)
    if attempt is not None:
        PasswordTry.objects.filter(pk=attempt.pk).delete()


def start_code_try(request: HttpRequest, user: User) -> PasswordTry:
    """Record that a code of this user's second factor is about to be checked. If it has a `wait`, it must not be.

    Codes have the limits of passwords. Wrong ones after the right password mean that somebody else knows it.
    """
    key = salted_hmac("accounts.code_try", str(user.pk), algorithm="sha256").hexdigest()
    attempt = PasswordTry.objects.start(key, known_device(request, user.email))
    if attempt.is_after_many and not attempt.wait:
        AccountMail.objects.notify(AccountMail.Kind.CODES, user.email, user)
    return attempt


def forget_code_try(attempt: PasswordTry) -> None:
    """Forget this try, because the code was right."""
    PasswordTry.objects.filter(pk=attempt.pk).delete()


def _account_key(email: str) -> str:
    return salted_hmac("accounts.password_try", canonical_email(email), algorithm="sha256").hexdigest()


def get_axes_username(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the email address under which failures are counted.

    It has the canonical spelling without NUL and is cut to fit the column.
    """
    typed = str((credentials or {}).get(settings.AXES_USERNAME_FORM_FIELD) or "")
    return canonical_email(typed).replace("\x00", "")[:MAX_EMAIL_LENGTH]


def clear_failures(user: User) -> None:
    """Delete the failures of a user, for example after a password reset proved that they own the account."""
    AccessAttempt.objects.filter(username=canonical_email(user.email)).delete()
    PasswordTry.objects.filter(account=_account_key(user.email)).delete()


def lockout_response(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponseBase:
    """Return the lockout page. It is the same whether or not the email address has an account."""
    attempt = vars(request).get("password_try")
    wait = attempt.wait if attempt else None
    if known_device(request, get_axes_username(request, credentials)):
        message = _("Too many wrong passwords were entered on this device.")
    elif wait:
        message = _(
            "Too many wrong passwords were entered for this email. Devices on which you have logged in before are not "
            "affected."
        )
    else:
        message = _(
            "Too many wrong passwords were entered from your internet connection. Other connections are not affected."
        )
    return rate_limit_response(request, message, wait or settings.AXES_COOLOFF_TIME)


def taken_email_limit_response(request: HttpRequest) -> HttpResponseBase:
    """Return the page for a client that tried too many email addresses that have an account."""
    return rate_limit_response(request, _("You entered too many email addresses that already have an account."), HOUR)


@private
def rate_limit_response(request: HttpRequest, message: str, pause: timedelta) -> HttpResponse:
    """Return a 429 page that says when to try again. The Retry-After header has the same time in seconds."""
    minutes = ceil(pause.total_seconds() / 60)
    context = {"message": message, "minutes": minutes}
    response = render(request, "accounts/too_many_attempts.html", context, status=429)
    response["Retry-After"] = str(60 * minutes)
    return response
