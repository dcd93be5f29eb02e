"""Placeholders of shared pages: what differs between visitors is filled in when a page is sent.

A value is computed by a function. A snippet is a template that gets the variables of the context processors and its own
arguments. `ecommerce/shared_pages/placeholders.py` registers them, because they read the cart, orders and the account.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.template import Context, Engine, RequestContext
from django.utils.html import escape
from django.utils.safestring import SafeString

from core.page_cache.bounded_cache import BoundedCache
from core.rendering.page_urls import surroundings_of

MAX_LENGTH = 500_000  # characters of all texts of snippets that a process keeps
Argument = str | int | None
Condition = Callable[..., bool]  # of a request and the arguments of the snippet


class Placeholder(NamedTuple):
    """A place in a stored page: the name of a value, or the path of a snippet with its arguments."""

    name: str
    arguments: tuple[tuple[str, Argument], ...] | None = None  # None for a value


@dataclass(frozen=True)
class Value:
    """A registered value. It depends on the session, or with `of_url` on the URL with all its parameters."""

    compute: Callable[[HttpRequest], object]
    of_url: bool = False


_values = {"full_path": Value(HttpRequest.get_full_path, of_url=True)}
_conditions: dict[str, Condition] = {}
_texts: BoundedCache[SafeString] = BoundedCache(MAX_LENGTH, weigh=len)


def register_value(name: str, compute: Callable[[HttpRequest], object]) -> None:
    """Register a value that depends on the session, for `{% value "name" %}`."""
    _values[name] = Value(compute)


def register_snippet(path: str, differs: Condition) -> None:
    """Say when a snippet can differ from that of a visitor without a session: `differs(request, **arguments)`.

    Otherwise, the stored text is used. A snippet that is not registered is rendered for every session.
    """
    _conditions[path] = differs


def compute_value(name: str, request: HttpRequest) -> SafeString:
    """Return a value, escaped for HTML."""
    return escape(_values[name].compute(request))


def render_snippet(path: str, context: Context, arguments: Iterable[tuple[str, Argument]]) -> SafeString:
    """Render a snippet as `{% include %}` does."""
    template = Engine.get_default().get_template(path)
    with context.push(**dict(arguments)):
        return template.render(context)


def render_part(path: str, context: Context, arguments: dict[str, Argument]) -> SafeString:
    """Render a snippet for the visitor of this page. A text that does not differ between visitors is kept."""
    request: Any = context.get("request")  # None on static error pages
    if not hasattr(request, "session") or not hasattr(request, "user") or _differs(request, path, arguments):
        return render_snippet(path, context, arguments.items())
    # The template is part of the key, so a template that has been changed is rendered again.
    template = Engine.get_default().get_template(path)
    key = (template, surroundings_of(context), *arguments.items())
    if (text := _texts.get(key)) is None:
        text = render_snippet(path, context, arguments.items())
        _texts.add(key, text)
    return text


def fill_for_new_visitor(request: HttpRequest, placeholders: Sequence[Placeholder]) -> list[bytes]:
    """Return the texts for a visitor without a session. `request` is the request of such a visitor."""
    with _context(request) as context:
        return [_fill(placeholder, request, context) for placeholder in placeholders]


def fill_url(request: HttpRequest, placeholders: Sequence[Placeholder], texts: Sequence[bytes]) -> list[bytes]:
    """Return the texts for a visitor without a session, with those that depend on the URL computed for this request."""
    return [
        compute_value(placeholder.name, request).encode() if _is_of_url(placeholder) else text
        for placeholder, text in zip(placeholders, texts, strict=True)
    ]


def fill_for_session(request: HttpRequest, placeholders: Sequence[Placeholder], texts: Sequence[bytes]) -> list[bytes]:
    """Return the texts for the visitor of this request. `texts` are those for a visitor without a session.

    A snippet is only rendered if it can differ, and the context processors only run if one is rendered.
    """
    filled = list(texts)
    snippets = []
    for number, placeholder in enumerate(placeholders):
        if placeholder.arguments is None:
            filled[number] = compute_value(placeholder.name, request).encode()
        elif _differs(request, placeholder.name, dict(placeholder.arguments)):
            snippets.append((number, placeholder))
    if snippets:
        with _context(request) as context:
            for number, placeholder in snippets:
                filled[number] = _fill(placeholder, request, context)
    return filled


def _differs(request: HttpRequest, path: str, arguments: dict[str, Argument]) -> bool:
    condition = _conditions.get(path)
    return condition is None or condition(request, **arguments)


def _is_of_url(placeholder: Placeholder) -> bool:
    return placeholder.arguments is None and _values[placeholder.name].of_url


def _fill(placeholder: Placeholder, request: HttpRequest, context: Context) -> bytes:
    if placeholder.arguments is None:
        return compute_value(placeholder.name, request).encode()
    return render_snippet(placeholder.name, context, placeholder.arguments).encode()


@contextmanager
def _context(request: HttpRequest) -> Iterator[Context]:
    """Return a context with the variables of the context processors, which all snippets of a page share."""
    context = RequestContext(request)
    with context.bind_template(Engine.get_default().from_string("")):
        yield context
