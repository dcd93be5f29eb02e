"""One web request may wait for Stripe only so long."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from billing import gateway


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
