"""The device of a request: a name for it, and whether somebody has signed in to an account on it before.

A cookie proves the latter. It is signed and contains a random key of the device and, for each account, a keyed hash of
the user's password hash. So it proves nothing any more after a change of the password, and the shop stores nothing.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare, get_random_string, salted_hmac

from accounts.models import User

COOKIE_AGE = timedelta(days=365)
MAX_ACCOUNTS = 5  # in one cookie
SALT = "accounts.devices"
# By what the User-Agent contains. Browsers also name those that they resemble, so the order matters.
BROWSERS = {
    "Edg": "Edge", "OPR/": "Opera", "SamsungBrowser/": "Samsung Internet", "FxiOS/": "Firefox", "Firefox/": "Firefox",
    "CriOS/": "Chrome", "Chrome/": "Chrome", "Safari/": "Safari",
}  # fmt: skip
SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "CrOS": "ChromeOS", "Windows": "Windows",
    "Mac OS X": "macOS", "Linux": "Linux",
}  # fmt: skip
Known = tuple[str, dict[str, str]]  # the key of the device, and a hash for each account by the id of its user


def describe(request: HttpRequest) -> dict[str, str]:
    """Return the browser and the operating system of this request, without versions. Unknown ones are empty."""
    agent = request.headers.get("User-Agent", "")
    return {"browser": _first(BROWSERS, agent), "system": _first(SYSTEMS, agent)}


def remember(request: HttpRequest, user: User) -> None:
    """Let the response mark this device as one of `user`, who has just proved to own the account."""
    vars(request)["device_of"] = user


def set_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set the cookie if `remember` was called in this request."""
    user = vars(request).get("device_of")
    if user is None:
        return
    key, accounts = _read(request) or (get_random_string(22), {})
    others = {pk: value for pk, value in accounts.items() if pk != str(user.pk)}
    newest = list(others.items())[1 - MAX_ACCOUNTS :]
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps([key, dict([*newest, (str(user.pk), _fingerprint(user))])], salt=SALT),
        max_age=COOKIE_AGE, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax",
    )  # fmt: skip


def known_device(request: HttpRequest, email: str) -> str:
    """Return a keyed hash of this device if it is known to the account with this email address, else an empty text."""
    known: dict[str, str] = vars(request).setdefault("known_device", {})
    if email not in known:
        known[email] = _find_device(request, email)
    return known[email]


def _find_device(request: HttpRequest, email: str) -> str:
    known = _read(request)
    if known is None:
        return ""
    try:
        user = User.objects.get_by_natural_key(email)
    except User.DoesNotExist:
        return ""
    key, accounts = known
    stored = accounts.get(str(user.pk), "")
    is_known = any(constant_time_compare(stored, fingerprint) for fingerprint in _fingerprints(user))
    return salted_hmac(SALT, key, algorithm="sha256").hexdigest() if is_known else ""


def _read(request: HttpRequest) -> Known | None:
    """Return the content of the cookie, or None if there is no valid one."""
    cookie = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    try:
        content: Any = signing.loads(cookie, salt=SALT, max_age=COOKIE_AGE) if cookie else None
    except signing.BadSignature:
        return None
    return (content[0], content[1]) if content else None


def _fingerprint(user: User, key: str | None = None) -> str:
    return salted_hmac(SALT, f"{user.pk}:{user.password}", secret=key, algorithm="sha256").hexdigest()


def _fingerprints(user: User) -> list[str]:
    """Return the fingerprints of the user under the current key and its predecessors."""
    return [_fingerprint(user, key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _first(names: dict[str, str], agent: str) -> str:
    return next((name for part, name in names.items() if part in agent), "")
