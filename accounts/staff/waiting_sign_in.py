"""A sign-in that waits for the code of the second factor. Only this module knows its session key.

Until the code is entered, nobody is signed in: the session only knows whose password was right, for ten minutes.
"""

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import User
from accounts.throttle import forget_try

LIFETIME = timedelta(minutes=10)
KEY = "waiting_sign_in"


def begin(request: HttpRequest, user: User, target: str) -> None:
    """Remember that the password of this user was right, and where to go after the code."""
    forget_try(request)
    request.session.cycle_key()
    request.session[KEY] = [user.pk, user.get_session_auth_hash(), timezone.now().timestamp(), target]


def find(request: HttpRequest) -> tuple[User, str] | None:
    """Return the user who has to enter a code, and the path to go to.

    Return None after ten minutes, or if the password, the email address or the account has changed since.
    """
    stored = request.session.get(KEY)
    if not stored:
        return None
    pk, auth_hash, began, target = stored
    user = User.objects.filter(pk=pk, is_active=True).first()
    is_current = timezone.now().timestamp() < began + LIFETIME.total_seconds()
    if user is None or not is_current or not constant_time_compare(auth_hash, user.get_session_auth_hash()):
        end(request)
        return None
    return user, target


def end(request: HttpRequest) -> None:
    """Forget it."""
    request.session.pop(KEY, None)
