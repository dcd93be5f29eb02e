"""Files for a proxy in front of the shop, so that nothing is configured twice: hosts, headers and error pages.

deploy/nginx.conf includes them. They are in the form that nginx reads.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext as _

from billing.checks import is_loopback
from core.shop.models import Shop
from ecommerce.views import MEDIA_HEADERS

SAMPLE = "css/shop.css"
# They depend on the file or the request, so nginx sets them.
OF_FILE = {"Cache-Control", "Content-Encoding", "Content-Length", "Content-Type", "Etag", "Last-Modified", "Vary"}
OF_REQUEST = {"X-Request-Id"}


@contextmanager
def acting_as_owner_of(folder: Path) -> Iterator[None]:
    """Let root act as the owner of a folder of the shop, as whom PostgreSQL and SQLite know the shop."""
    if os.geteuid() != 0:
        yield
        return
    owner = folder.stat()
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def write(folder: Path, servers: Iterable[str], shop: Shop) -> None:
    """Write all files into the folder. `servers` are the addresses of gunicorn, such as 127.0.0.1:8001."""
    (folder / "pages").mkdir(parents=True, exist_ok=True)
    headers = static_file_headers()
    _write(folder / "servers.conf", [*_upstream(servers), *_languages()])
    _write(folder / "hosts.conf", [f"server_name {' '.join(settings.ALLOWED_HOSTS)};"])
    _write(folder / "headers.conf", _add_headers(headers))
    _write(folder / "media_headers.conf", _add_headers(headers | MEDIA_HEADERS))
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for status, (title, text) in error_texts().items():
                _write(folder / "pages" / f"{status}.{language}.html", [_page(shop, title, text)])


def static_file_headers() -> dict[str, str]:
    """Return the headers that the shop sends with every static file.

    Raise LookupError if the static files are not collected.
    """
    host = settings.ALLOWED_HOSTS[0].removeprefix(".")
    response = Client(headers={"Host": host}).get(static(SAMPLE), secure=True)
    response.close()
    if response.status_code != HttpResponse.status_code:
        raise LookupError(f"The shop returned {response.status_code} for {static(SAMPLE)}.")
    return {name: value for name, value in response.headers.items() if name.title() not in OF_FILE | OF_REQUEST}


def error_texts() -> dict[int, tuple[str, str]]:
    """Return the title and the text of each page that the proxy sends without the shop, by status."""
    return {
        413: (_("Too large"), _("What you sent is larger than we accept. Nothing was changed.")),
        429: (
            _("Please try again later"),
            _("Too many requests came from your network in a short time. Please wait a few seconds."),
        ),
        503: (
            _("The shop does not answer at the moment"),
            _("Please try again in a minute. Your cart is kept. If you were paying, look at your order first."),
        ),
    }


def _page(shop: Shop, title: str, text: str) -> str:
    context = {"shop": shop, "site_name": shop.name, "support_email": shop.email, "title": title, "text": text}
    return render_to_string("proxy_error.html", context)


def _upstream(servers: Iterable[str]) -> list[str]:
    """Return the servers. nginx never counts one on this machine as down.

    systemd keeps its port open while it restarts. If two servers restarted at the same time, nginx would otherwise ask
    none of them for ten seconds.
    """
    lines = []
    for server in servers:
        is_here = is_loopback(server.split()[0].rpartition(":")[0].strip("[]")) and "max_fails" not in server
        lines.append(f"    server {server}{' max_fails=0' if is_here else ''};")
    return ["upstream shop {", *lines, "}"]


def _languages() -> list[str]:
    """Return a map from the visitor's first language to one of the shop."""
    codes = [code for code, _name in settings.LANGUAGES]
    rules = [f"    ~*^{code.partition('-')[0]}\\b {code};" for code in codes]
    return ["map $http_accept_language $shop_language {", f"    default {settings.LANGUAGE_CODE};", *rules, "}"]


def _add_headers(headers: dict[str, str]) -> list[str]:
    return [f'add_header {name} "{value}" always;' for name, value in sorted(headers.items())]


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o644)  # the proxy reads it as another user
