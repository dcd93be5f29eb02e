"""Middleware that limits the time for calls to Stripe and shows the rate limit page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from billing import limits
from billing.stripe_calls import time_limits


class PaymentTimeLimitMiddleware:
    """Limits the calls to Stripe of one request to time_limits.REQUEST_SECONDS in total."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        time_limits.start_time_limit()
        try:
            return self.get_response(request)
        finally:
            time_limits.clear_time_limit()


class CardAttemptLimitMiddleware:
    """Shows the rate limit page if a view raises limits.TooManyCardAttempts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Return the rate limit page for limits.TooManyCardAttempts, and None for other exceptions."""
        return limits.rejection_page(request, exception) if isinstance(exception, limits.TooManyCardAttempts) else None
