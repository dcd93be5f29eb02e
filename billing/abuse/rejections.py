"""Rejections of requests over a limit: what the shopper is told, and when or how to continue."""

from math import ceil
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.http import private

Text = str | Promise


class Step(NamedTuple):
    """What the shopper can do instead of waiting: a page of this shop and the text of its link."""

    url: str
    text: str


class TooManyRequests(Exception):
    """A request over a limit. Nothing was changed, and Stripe was not called.

    `seconds` is the time to wait before the next attempt, `back` is the URL to return to.
    """

    reason: Text = gettext_lazy("Your cart and your order are kept. Such limits keep the shop available for everybody.")

    def __init__(self, cause: str, seconds: int, back: str = "", step: Step | None = None) -> None:
        super().__init__(f"too many requests: {cause}")
        self.seconds, self.back, self.step = seconds, back, step

    @property
    def message(self) -> str:
        """The message for the shopper."""
        minutes = ceil(self.seconds / 60)
        text = ngettext(
            "There were too many requests from your internet connection. Please try again in %(count)d minute.",
            "There were too many requests from your internet connection. Please try again in %(count)d minutes.",
            minutes,
        )
        return text % {"count": minutes}


class TooManyStripeCalls(TooManyRequests):
    """The requests of one IP address called Stripe too often in the last minute."""


class TooManyGuests(TooManyRequests):
    """Too many guests began a checkout in one session or from one IP address."""


class TooManyEmails(TooManyRequests):
    """Too many links were requested in one session, from one IP address or for one recipient."""

    @property
    def message(self) -> str:
        """The message for the shopper."""
        return _("We have already sent several links. Please check your inbox and your spam folder for the latest one.")


def rejection_json(error: TooManyRequests) -> JsonResponse:
    """Return the rejection as JSON for the card field's script, with status 429."""
    content: dict[str, Any] = {"error": error.message}
    if error.step:
        content["link"] = error.step._asdict()
    return JsonResponse(content, status=429, headers={"Retry-After": error.seconds})


@private
def rejection_page(request: HttpRequest, error: TooManyRequests) -> HttpResponse:
    """Return the rejection as a page, with status 429."""
    response = render(request, "billing/rate_limited.html", {"error": error, "next_page": error.back}, status=429)
    response["Retry-After"] = str(error.seconds)
    return response
