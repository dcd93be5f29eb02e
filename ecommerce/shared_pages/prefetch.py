"""The middleware for pages that browsers prefetch, see static/root/speculation-rules.json."""

from collections.abc import Callable

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse

from accounts import guest_session
from core.http import is_prefetch


class PrefetchMiddleware:
    """Middleware that does not send a page for prefetching if sending it would change something.

    A page that shows messages removes them, and they would be lost if the visitor never opened it. After an error the
    browser requests the page when it is opened.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        would_change = is_prefetch(request) and (_has_messages(request) or guest_session.is_over(request))
        return HttpResponse(status=409) if would_change else self.get_response(request)


def _has_messages(request: HttpRequest) -> bool:
    return len(get_messages(request)) > 0
