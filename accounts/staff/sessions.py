"""The sessions of staff, which end 12 hours after the sign-in. Only this module knows their session keys.

The admin is open only to a session that a member of staff has begun. Somebody who becomes one later logs in again.
"""

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts.devices import known_device
from accounts.models import AccountMail, SecondFactor, User

LIFETIME = timedelta(hours=12)
KEY, SET_UP_KEY = "staff_session", "new_second_factor"
PASSWORD, CODE, NO_CODE = "password", "code", "no code"


def is_code_needed(user: User) -> bool:
    """Check whether this user enters a code after the password."""
    return settings.STAFF_SECOND_FACTOR != "off" and user.is_staff and SecondFactor.objects.is_on(user)


def start(request: HttpRequest, user: User) -> None:
    """Begin the session of a member of staff who has just signed in, and tell them if the browser is new.

    A session that began without the code of an account that has a second factor does not open the admin.
    """
    has_entered_code = vars(request).pop("has_entered_code", False)
    without_code = NO_CODE if SecondFactor.objects.is_on(user) else PASSWORD
    request.session[KEY] = CODE if has_entered_code else without_code
    request.session.set_expiry(timezone.now() + LIFETIME)
    if not known_device(request, user.email):
        AccountMail.objects.notify(AccountMail.Kind.SIGN_IN, user.email, user)


def record_code(request: HttpRequest) -> None:
    """Record that a right code was entered, for the sign-in that follows in this request."""
    vars(request)["has_entered_code"] = True


def begin_set_up(request: HttpRequest, factor: SecondFactor) -> None:
    """Let this session show the key of a new second factor."""
    request.session[SET_UP_KEY] = factor.key_id


def is_setting_up(request: HttpRequest, factor: SecondFactor | None) -> bool:
    """Check whether this session began to set up this second factor. Others do not show its key."""
    return factor is not None and request.session.get(SET_UP_KEY) == factor.key_id


def record_new_factor(request: HttpRequest) -> None:
    """Record that the second factor was set up in this session."""
    request.session[KEY] = CODE
    request.session.pop(SET_UP_KEY, None)


def record_no_factor(request: HttpRequest) -> None:
    """Record that the second factor was turned off in this session."""
    request.session[KEY] = PASSWORD


def is_valid(request: HttpRequest) -> bool:
    """Check whether this session may open the admin, if its user may."""
    how = request.session.get(KEY)
    return how in (PASSWORD, CODE) or (how == NO_CODE and settings.STAFF_SECOND_FACTOR == "off")


def has_to_set_up_factor(request: HttpRequest) -> bool:
    """Check whether the shop requires a second factor and this session began without one."""
    return settings.STAFF_SECOND_FACTOR == "required" and request.session.get(KEY) != CODE
