"""Requests that no page could answer well are turned away at the door."""

from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]


class CleanPathMiddleware:
    """Answers 400 to a NUL byte in the address: databases refuse it, which would otherwise end in a 500."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path or any("\x00" in v for vs in request.GET.lists() for v in (vs[0], *vs[1])):
            raise SuspiciousOperation("NUL byte in the address")
        return self.get_response(request)
