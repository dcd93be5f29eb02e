"""Middleware that limits the calls to Stripe and their time, and shows the rate limit page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from billing.abuse import calls
from billing.abuse.rejections import TooManyRequests, rejection_page
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


class StripeCallLimitMiddleware:
    """Limits the calls to Stripe that one IP address causes, see billing.abuse.calls.

    Work after the response is counted too, so this comes before the middleware that runs it. It only calls Stripe after
    a request that did.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        visitor, response = calls.begin(request), None
        try:
            response = self.get_response(request)
        finally:
            if response is None or not visitor.has_called:
                calls.end()
        return self._counting_until_closed(response) if visitor.has_called else response

    def _counting_until_closed(self, response: HttpResponse) -> HttpResponse:
        close = response.close

        def close_and_end() -> None:
            try:
                close()
            finally:
                calls.end()

        response.close = close_and_end  # type: ignore[method-assign]
        return response


class TooManyRequestsMiddleware:
    """Shows the rate limit page if a view raises TooManyRequests."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Return the rate limit page for TooManyRequests, and None for other exceptions."""
        return rejection_page(request, exception) if isinstance(exception, TooManyRequests) else None
