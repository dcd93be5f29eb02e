"""The middleware that answers requests for shared pages before all other middleware."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages import get_messages
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import translation

from core.http import is_prefetch
from core.message_storage import NamedCookieStorage
from core.middleware import has_nul, keep_out_of_caches
from core.page_cache import placeholders
from core.page_cache.answers import FilledPage, SharedResponse, finish
from core.page_cache.pages import Page
from core.page_cache.sharing import Lookup, Sharing, look_up
from core.resilience.transient import is_transient
from ecommerce.operations import maintenance
from ecommerce.shared_pages.ready_answers import FAILURE

GetResponse = Callable[[HttpRequest], HttpResponse]


class SharedPageMiddleware:
    """Middleware that answers requests from the page cache.

    It comes first, so it sends the headers that the other middleware set when the page was made, and it leaves every
    request that one of them might reject, redirect or write for to them. On the way out it encodes all shared pages.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        # They prepare a request in the same way as further below, but only if the page is stored.
        self.visitor_middleware = [
            middleware(get_response) for middleware in (SessionMiddleware, AuthenticationMiddleware, MessageMiddleware)
        ]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = (self._answer(request) if settings.PAGE_CACHE else None) or self.get_response(request)
        return finish(request, response) if hasattr(response, "shared_content") else response

    def _answer(self, request: HttpRequest) -> HttpResponse | None:
        """Return the answer if the page is stored, or None if the other middleware has to run."""
        try:
            if failure := request.META.get(FAILURE):
                raise failure
            found = _look_up(request)
            if found is None or found.page is None or found.page.headers is None:
                return None
            texts = self._fill(request, found.page)
        except (SuspiciousOperation, DatabaseError) as error:  # raised again where they become an answer
            if is_transient(error):
                request.failure = error  # type: ignore[attr-defined] # UnavailableMiddleware answers
            return None
        if texts is None:
            return None
        response = SharedResponse(FilledPage(found.page, texts), found.page.headers)
        keep_out_of_caches(request, response)
        return response

    def _fill(self, request: HttpRequest, page: Page) -> Sequence[bytes] | None:
        """Return the texts for this visitor, or None if the session or its messages have to be written."""
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            is_same_url = request.get_full_path() == page.full_path
            return page.texts if is_same_url else placeholders.fill_url(request, page.placeholders, page.texts)
        for middleware in self.visitor_middleware:
            middleware.process_request(request)
        translation.activate(request.LANGUAGE_CODE)
        texts = placeholders.fill_for_session(request, page.placeholders, page.texts)
        has_to_write = request.session.modified or request.session.is_empty() or len(get_messages(request))
        return None if has_to_write else texts


def _look_up(request: HttpRequest) -> Lookup | None:
    """Look for the page of a request that no other middleware rejects or redirects, and that shows no messages."""
    if request.method not in ("GET", "HEAD") or NamedCookieStorage.cookie_name in request.COOKIES:
        return None
    # A changed secret key gives sessions new keys, which must not happen twice. Prefetching must not change a session.
    may_write = settings.SECRET_KEY_FALLBACKS or is_prefetch(request)
    if settings.SESSION_COOKIE_NAME in request.COOKIES and may_write:
        return None
    if has_nul(request) or maintenance.is_on() or (settings.SECURE_SSL_REDIRECT and not request.is_secure()):
        return None
    match = _resolve(request.path_info)
    sharing: Sharing | None = getattr(match.func, "sharing", None) if match else None
    if match is None or sharing is None:
        return None
    request.resolver_match = match  # for the log
    request.LANGUAGE_CODE = translation.get_language_from_request(request)
    request.page_lookup = look_up(sharing, request, request.LANGUAGE_CODE, match.kwargs)  # type: ignore[attr-defined]
    return request.page_lookup  # type: ignore[attr-defined]


@lru_cache(maxsize=500)
def _resolve(path: str) -> ResolverMatch | None:
    """Return the view at this path, which declares what it shares, and the arguments of the URL, or None."""
    try:
        return resolve(path)
    except Resolver404:
        return None
