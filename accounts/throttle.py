"""Limits on guessing: wrong passwords (by django-axes, for shop and admin alike) and sign-ups with others' e-mails."""

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

from accounts.models import HOUR, LONGEST_EMAIL, User, plain_email
from ecommerce.http import client_address, private

# One place may fail so many times more over all e-mails: trying one password on a thousand accounts is guessing too.
EMAILS_A_PLACE = 10


class SignInHandler(AxesDatabaseHandler):
    """Counts failures by e-mail and place, and a tenth as much by place alone.

    Never by e-mail alone: whoever typed wrong passwords for somebody else would keep the owner out.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """How many failures count against this sign-in now."""
        since = timezone.now() - settings.AXES_COOLOFF_TIME
        of_place = AccessAttempt.objects.filter(ip_address=client_address(request), attempt_time__gte=since)
        total = of_place.aggregate(total=Sum("failures_since_start"))["total"] or 0
        return int(max(super().get_failures(request, credentials), total // EMAILS_A_PLACE))

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        """Count one more; what the browser calls itself neither counts nor is kept."""
        if request is not None:
            vars(request).update(axes_user_agent="", axes_http_accept="")
        super().user_login_failed(sender, credentials, request, **kwargs)


def sign_in_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The e-mail as failures are counted under it: any case is one, and it fits the column."""
    typed = str((credentials or {}).get(settings.AXES_USERNAME_FORM_FIELD) or "")
    return plain_email(typed).replace("\x00", "")[:LONGEST_EMAIL]


def forget_failures(user: User) -> None:
    """A new password starts with a clean slate: its owner just proved to be the owner."""
    AccessAttempt.objects.filter(username=plain_email(user.email)).delete()


def locked_out(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponseBase:
    """The page instead of the answer to a sign-in: the same whether the e-mail has an account or not."""
    words = _(
        "Too many wrong passwords were entered from your internet connection. Other connections are not affected."
    )
    return too_many(request, words, settings.AXES_COOLOFF_TIME)


def too_many_signups(request: HttpRequest) -> HttpResponseBase:
    """The page for who was told too often that an e-mail has an account."""
    return too_many(request, _("You entered too many email addresses that already have an account."), HOUR)


@private
def too_many(request: HttpRequest, words: str, pause: timedelta) -> HttpResponse:
    """A 429 as a page of the shop that says when to come back."""
    context = {"words": words, "minutes": int(pause.total_seconds() // 60)}
    response = render(request, "accounts/locked.html", context, status=429)
    response["Retry-After"] = str(int(pause.total_seconds()))
    return response
