"""Views whose pages are shared between visitors.

`shared_page` renders a page without a visitor, stores it under the versions that were read before its rows, and fills
in what differs between visitors. With settings.PAGE_CACHE off, or for a request with `is_unshared`, the view renders
the page for the visitor.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode

from core.page_cache import placeholders, storage
from core.page_cache.answers import FilledPage, RenderedPage, SharedResponse
from core.page_cache.keys import make_key
from core.page_cache.pages import Page, make_page
from core.page_cache.requests import SharedRequest
from core.page_cache.versions import read_versions

View = Callable[..., Any]
Query = dict[str, str]
SPECULATION_RULES = "/speculation-rules.json"  # a file in static/root


@dataclass(frozen=True)
class Sharing:
    """What a view declares about its pages."""

    names: Callable[..., Iterable[str]]
    parameters: tuple[str, ...]
    clean: Callable[[Query], Query]
    rare: tuple[str, ...]

    def known_query(self, data: QueryDict) -> Query:
        """Return the declared parameters as the view understands them, without empty ones, in declared order."""
        values = {name: str(data[name]) for name in self.parameters if name in data} if data else {}
        cleaned = self.clean(values) if values else {}
        return {name: cleaned[name] for name in self.parameters if cleaned.get(name)}


@dataclass
class Lookup:
    """The result of looking for the page of a request. `versions` were read after it was requested."""

    key: str
    query: Query
    versions: dict[str, int]
    page: Page | None  # a stored page that is current


def look_up(sharing: Sharing, request: HttpRequest, language: str, arguments: Mapping[str, Any]) -> Lookup:
    """Look for the page of this request with one query for the versions."""
    query = sharing.known_query(request.GET)
    key = make_key(request, query, language)
    page = storage.get(key)
    names = page.versions if page else sharing.names(SharedRequest(request, query), **arguments)
    versions = read_versions(names)
    if page and page.is_current(versions):
        return Lookup(key, query, versions, page)
    if page := storage.get_from_server(key):
        versions |= (those_of_page := read_versions(page.versions))
        if page.is_current(those_of_page):
            storage.keep(page)
            return Lookup(key, query, versions, page)
    return Lookup(key, query, versions, None)


def look_up_for_view(request: HttpRequest, view: View, arguments: Mapping[str, Any]) -> None:
    """Look for the page before the view does, which uses what was found. So all versions are read in one query."""
    sharing: Sharing | None = getattr(view, "sharing", None)
    if sharing and not hasattr(request, "page_lookup") and request.method in ("GET", "HEAD"):
        language = translation.get_language() or ""
        request.page_lookup = look_up(sharing, request, language, arguments)  # type: ignore[attr-defined]


def shared_page(
    *,
    names: Callable[..., Iterable[str]],
    parameters: tuple[str, ...] = (),
    clean: Callable[[Query], Query] = lambda query: query,
    rare: tuple[str, ...] = (),
) -> Callable[[View], View]:
    """Share the pages of a view between visitors.

    `names` returns the names of the versions that the page depends on, from the request and the arguments of the URL.
    The page depends on no other query parameters than `parameters`, which `clean` brings into one spelling. Pages with
    a parameter in `rare` are stored when they are requested a second time.
    """
    sharing = Sharing(names, parameters, clean, rare)

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(request: HttpRequest, **arguments: Any) -> HttpResponse:
            if request.method not in ("GET", "HEAD"):
                return view(request, **arguments)
            if request.GET:
                request.GET = QueryDict(urlencode(sharing.known_query(request.GET)))
            page = None if _has_messages(request) else _find_or_make(sharing, view, request, arguments)
            response = _send(page, request) if page else None
            return response or _render_for_visitor(view, request, arguments)

        wrapper.sharing = sharing  # type: ignore[attr-defined]
        return wrapper

    return decorate


def depend_on(request: HttpRequest, *names: str, versions: Mapping[str, int] | None = None) -> None:
    """Let the page depend on further names. Call this before reading the rows that they cover.

    `versions` are versions that were read together with an earlier row, so that they need no query.
    """
    if isinstance(request, SharedRequest):
        request.depend_on(names, versions)


def expires_at(request: HttpRequest, moment: datetime) -> None:
    """Do not serve the page from this moment on."""
    if isinstance(request, SharedRequest):
        request.expires = min(moment, request.expires or moment)


def _find_or_make(sharing: Sharing, view: View, request: HttpRequest, arguments: dict[str, Any]) -> Page | None:
    """Return a page for this request, or None if it has to be rendered for the visitor."""
    if not settings.PAGE_CACHE or getattr(request, "is_unshared", False):
        return None
    found: Lookup | None = getattr(request, "page_lookup", None)  # the middleware has looked for it already
    found = found or look_up(sharing, request, translation.get_language() or "", arguments)
    if found.page or (set(sharing.rare) & set(found.query) and not storage.is_second_request(found.key)):
        return found.page
    shared = SharedRequest(request, found.query)
    shared.start(sharing.names(shared, **arguments), found.versions)
    return make_page(found.key, shared, _render(view(shared, **arguments)))


def _send(page: Page, request: HttpRequest) -> HttpResponse | None:
    """Return the page for the visitor, or None if filling it in has added a message, which the page must show."""
    texts = placeholders.fill_for_session(request, page.placeholders, page.texts)
    if _has_messages(request):
        return None
    return SharedResponse(FilledPage(page, texts), page.view_headers)


def _render_for_visitor(view: View, request: HttpRequest, arguments: dict[str, Any]) -> HttpResponse:
    """Render the page with everything that belongs to the visitor."""
    response = view(request, **arguments)
    if response.status_code == 200:
        response = _render(response)
        response.shared_content = RenderedPage(response.content)  # type: ignore[attr-defined]
    return response


def _render(response: HttpResponse) -> HttpResponse:
    """Render a template response, and set the headers of shared pages."""
    if hasattr(response, "render"):
        response.render()
    patch_vary_headers(response, ["Cookie", "Accept-Encoding"])
    response.headers.setdefault("Cache-Control", "no-cache")
    response.headers["Speculation-Rules"] = f'"{SPECULATION_RULES}"'
    return response


def _has_messages(request: HttpRequest) -> bool:
    return len(get_messages(request)) > 0
