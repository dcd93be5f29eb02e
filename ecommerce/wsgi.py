"""WSGI entry point. gunicorn.conf.py names it, so `gunicorn` alone starts the shop."""

import gc
import os
import re
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

from core.database.sqlite_files import keep_files

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
os.environ.setdefault("PAGE_CACHE_DEFAULT", "on")
CHARSET = re.compile(r";\s*charset\s*=[^;]*", re.IGNORECASE)

# Almost nothing that the start creates is garbage, so do not look for it, neither now nor in later collections.
gc.disable()
django = get_wsgi_application()
keep_files()
gc.freeze()
gc.enable()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Run the Django application with the charset removed from Content-Type, so that requests are read as UTF-8.

    All browsers send UTF-8. Django would decode the URL with the given charset. Python has codecs that are not text
    encodings (rot13, zlib), and their error would be raised before any middleware runs.
    """
    environ["CONTENT_TYPE"] = CHARSET.sub("", environ.get("CONTENT_TYPE", ""))
    return django(environ, start_response)
