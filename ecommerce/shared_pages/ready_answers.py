"""Ready answers: whole answers to visitors without cookies, which are sent again without running Django.

Preparing a request and a response takes Django several times as long as the query that shows that a stored page is
current. So what Django has sent is sent again, as an HTTP cache does: to requests with the same URL and the same values
of the headers that the answer varies by, and only while the page is current in the database. All other requests are
left to Django, with the error if the query failed, so that it is not repeated.
"""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, NamedTuple

from django.conf import settings
from django.core.handlers.wsgi import get_path_info
from django.db import DatabaseError, Error, connection

from core.http import route_of_path
from core.page_cache import storage
from core.page_cache.answers import SharedResponse
from core.page_cache.bounded_cache import BoundedCache
from core.page_cache.pages import Page
from core.page_cache.versions import read_versions
from ecommerce.operations import maintenance, request_log

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]

# The parts of a request that an answer depends on. Requests with cookies have no ready answer.
OF_URL = (
    "wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME", "PATH_INFO",
    "QUERY_STRING",
)  # fmt: skip
OF_HEADERS = {"accept-language": "HTTP_ACCEPT_LANGUAGE", "accept-encoding": "HTTP_ACCEPT_ENCODING"}
PARTS = (*OF_URL, *OF_HEADERS.values())
VARIES_BY = {"cookie", *OF_HEADERS}
LEFT_TO_DJANGO = frozenset(["HTTP_COOKIE", "HTTP_IF_NONE_MATCH"])
MAX_LENGTH = 1000  # characters of all parts
FAILURE = "ecommerce.database_failure"  # in the environment of a request whose versions could not be read


class Known(NamedTuple):
    """What a request with a ready answer gets: a page in an encoding. The route is for the log."""

    page_key: str
    encoding: str
    route: str


KNOWN: BoundedCache[Known] = BoundedCache(settings.PAGE_CACHE_ENTRIES)


class ReadyAnswers:
    """WSGI application that sends ready answers and leaves all other requests to `application`."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        started, key = perf_counter(), _key(environ)
        known = KNOWN.get(key) if key else None
        if known and (page := _current_page(known, environ)):
            with request_log.identified(environ) as request_id:
                start_response("200 OK", [*page.ready[known.encoding], (request_log.HEADER, request_id)])
                request_log.write("GET", known.route, 200, perf_counter() - started)
            return [page.body_in(known.encoding)]
        response = self.application(environ, start_response)
        if key and isinstance(response, SharedResponse):
            _prepare(environ, key, response)
        return response


def _key(environ: Environ) -> tuple[str | None, ...] | None:
    """Return the parts of the request that an answer depends on, or None if it cannot have a ready answer."""
    if environ["REQUEST_METHOD"] != "GET" or not LEFT_TO_DJANGO.isdisjoint(environ):
        return None
    key = tuple([environ.get(name) for name in PARTS])
    return key if sum([len(part) for part in key if part]) <= MAX_LENGTH else None


def _current_page(known: Known, environ: Environ) -> Page | None:
    """Return the page if its answer in this encoding is ready and nothing has changed since it was made, else None."""
    page = storage.get(known.page_key)
    if page is None or known.encoding not in page.ready or maintenance.is_on() or not _has_connection():
        return None
    try:
        return page if page.is_current(read_versions(page.versions)) else None
    except DatabaseError as error:
        environ[FAILURE] = error
    except Error:  # such as InterfaceError
        pass
    return None


def _has_connection() -> bool:
    """Return whether this thread has a connection that it may go on using. Django opens new ones, with their limits."""
    connection.close_if_unusable_or_obsolete()  # as Django does before each request
    return connection.connection is not None and connection.is_usable()


def _prepare(environ: Environ, key: tuple[str | None, ...], response: SharedResponse) -> None:
    """Keep the headers of an answer that is the same for all visitors without cookies, so that it is ready from now on.

    A plain answer has only the texts of its page, so it contains nothing of this visitor.
    """
    page, headers = response.shared_content.page, response.headers
    vary = {name.strip() for name in headers.get("Vary", "").lower().split(",")}
    if response.status_code == 200 and response.shared_content.is_plain and not response.cookies and vary <= VARIES_BY:
        encoding = headers.get("Content-Encoding", "")
        page.ready[encoding] = [(name, value) for name, value in headers.items() if name != request_log.HEADER]
        KNOWN.add(key, Known(page.key, encoding, route_of_path(get_path_info(environ) or "/")))
