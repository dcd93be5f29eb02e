"""WSGI entry point. gunicorn.conf.py names it, so `gunicorn` alone starts the shop."""

import gc
import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

from core.database.sqlite_files import keep_files

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
os.environ.setdefault("PAGE_CACHE_DEFAULT", "on")
CHARSET = re.compile(r";\s*charset\s*=[^;]*", re.IGNORECASE)
FRAME_SLOTS = 9_000  # of 8 bytes each; CPython takes a block of 128 KB for such a frame
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

# Almost nothing that the start creates is garbage, so do not look for it, neither now nor in later collections.
gc.disable()
gc.set_threshold(
    5_000
)  # Requests leave little garbage, so look for it once in a few requests, not several times in each.
django = get_wsgi_application()
from core.rendering.catalogs import drop_empty_catalogs, use_thread_local  # noqa: E402 - it needs the settings
from ecommerce.shared_pages.ready_answers import ReadyAnswers  # noqa: E402 - it needs the apps

use_thread_local()
drop_empty_catalogs()
answers = ReadyAnswers(django)
keep_files()
gc.freeze()
gc.enable()


def with_room_for_calls(function: Application) -> Application:
    """Give the function a large frame, so that the calls below it find room in the same block of memory. Return it.

    CPython stores frames in blocks of 16 KB, or more for a large frame, and gives a block back to the system as soon as
    its first frame ends. Calls that happen to start at the end of a block would map and unmap memory each time. That
    took up to a fifth of the time of a page.
    """
    function.__code__ = function.__code__.replace(co_stacksize=FRAME_SLOTS)
    return function


@with_room_for_calls
def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Run the Django application with the charset removed from Content-Type, so that requests are read as UTF-8.

    All browsers send UTF-8. Django would decode the URL with the given charset. Python has codecs that are not text
    encodings (rot13, zlib), and their error would be raised before any middleware runs.
    """
    environ["CONTENT_TYPE"] = CHARSET.sub("", environ.get("CONTENT_TYPE", ""))
    return answers(environ, start_response)
