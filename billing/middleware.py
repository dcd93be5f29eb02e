"""One web request may wait for Stripe only so long, and only so many cards may be tried."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from billing import gateway, limits


class PaymentTimeLimitMiddleware:
    """Gives each request gateway.REQUEST_SECONDS for all its calls to Stripe together."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        gateway.start_time_limit()
        try:
            return self.get_response(request)
        finally:
            gateway.clear_time_limit()


class CoolDownMiddleware:
    """Answers with the cool-down page where a view ran into a limit of card attempts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """The page for limits.TooMany; nothing for all else."""
        return limits.cool_down(request, exception) if isinstance(exception, limits.TooMany) else None
