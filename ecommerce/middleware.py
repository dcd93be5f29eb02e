"""Requests that no page could answer well are turned away at the door."""

from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]

CHARSETS = frozenset(["utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252"])


class CleanPathMiddleware:
    """Answers 400 to a NUL byte in address or cookies, which PostgreSQL refuses, and to encodings no browser sends."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.content_params and request.content_params.get("charset", "utf-8").lower() not in CHARSETS:
            raise SuspiciousOperation("unknown encoding")  # Python knows some that are none of text
        query = (text for name, values in request.GET.lists() for text in (name, *values))
        if any("\x00" in text for text in (request.path, *query, *request.COOKIES.values())):
            raise SuspiciousOperation("NUL byte in address or cookies")
        return self.get_response(request)
