"""Requests that no page could answer well are turned away at the door."""

from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]


class CleanPathMiddleware:
    """Answers 400 to a NUL byte in address or cookies: PostgreSQL refuses it, which would otherwise end in a 500."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = (text for name, values in request.GET.lists() for text in (name, *values))
        if any("\x00" in text for text in (request.path, *query, *request.COOKIES.values())):
            raise SuspiciousOperation("NUL byte in address or cookies")
        return self.get_response(request)
