"""How long the body of a request can be.

A proxy in front of the shop has to let UPLOAD_BYTES through. Django limits the fields of a form, but not its files.
"""

from io import BytesIO

from django.core.exceptions import BadRequest
from django.http import HttpRequest

KILOBYTE = 1024
FORM_BYTES = 100 * KILOBYTE  # of a form without files, and of every body whose length is not declared
WEBHOOK_BYTES = 1_000_000  # of a delivery of Stripe
UPLOAD_BYTES = 12 * KILOBYTE**2  # of a form of staff with pictures
WEBHOOK_PATH = "/billing/webhook/"
UPLOAD_PATHS = (
    "/admin/products/product/", "/admin/products/homesection/", "/admin/core/shop/", "/admin/core/guaranteenotice/",
)  # fmt: skip


def exceeded_limit(request: HttpRequest) -> int | None:
    """Return the limit in bytes that the body of this request exceeds, or None. The body is not read.

    A chunked body declares no length, so it is read up to FORM_BYTES. Raise BadRequest if its chunks are invalid.
    """
    if _is_chunked(request):
        return None if _read_chunked(request) else FORM_BYTES
    length = _declared_length(request)
    if length <= FORM_BYTES:
        return None  # without a query for the user
    limit = _limit(request)
    return limit if length > limit else None


def _limit(request: HttpRequest) -> int:
    """Return the limit for a body of declared length. Only staff can upload."""
    if request.path_info == WEBHOOK_PATH:
        return WEBHOOK_BYTES
    is_upload = request.path_info.startswith(UPLOAD_PATHS) and request.user.is_active and request.user.is_staff
    return UPLOAD_BYTES if is_upload else FORM_BYTES


def _declared_length(request: HttpRequest) -> int:
    """Return the length that Django is going to read."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _is_chunked(request: HttpRequest) -> bool:
    """Return whether the server passes on a body without a declared length. Django would read nothing of it."""
    return bool(request.META.get("wsgi.input_terminated")) and not request.META.get("CONTENT_LENGTH")


def _read_chunked(request: HttpRequest) -> bool:
    """Read the body, so that Django finds it with its length. Return False if it is too long."""
    try:
        body = request.META["wsgi.input"].read(FORM_BYTES + 1)
    except Exception as error:  # The server raises errors of many types if chunks are invalid or the client is gone.
        raise BadRequest("The body of the request cannot be read.") from error
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = BytesIO(body)
    return len(body) <= FORM_BYTES
