"""WSGI entry point, for gunicorn: `gunicorn -k gthread --threads 8 ecommerce.wsgi`."""

import os
import re
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
CHARSET = re.compile(r";\s*charset\s*=[^;]*", re.IGNORECASE)

django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The shop. Requests are read as UTF-8, which all browsers send, whatever encoding they name.

    Django would read the address in the named one, Python knows some that are none of text (rot13, zlib), and the
    error would come before any middleware.
    """
    environ["CONTENT_TYPE"] = CHARSET.sub("", environ.get("CONTENT_TYPE", ""))
    return django(environ, start_response)
