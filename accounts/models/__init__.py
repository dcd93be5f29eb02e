"""Users, roles of staff, how users sign in, guest email addresses, account emails, and limits on what strangers try."""

from accounts.models.guests import GUEST_SESSION_KEY, GuestEmail
from accounts.models.mails import AccountMail, AccountMailQuerySet
from accounts.models.roles import Role
from accounts.models.second_factor import RecoveryCode, SecondFactor
from accounts.models.sign_ins import SignIn
from accounts.models.tries import DAY, HOUR, PasswordTry, PasswordTryQuerySet, TakenSignup, TakenSignupQuerySet
from accounts.models.users import EarlierEmail, User

__all__ = [
    "DAY", "GUEST_SESSION_KEY", "HOUR", "AccountMail", "AccountMailQuerySet", "EarlierEmail", "GuestEmail",
    "PasswordTry", "PasswordTryQuerySet", "RecoveryCode", "Role", "SecondFactor", "SignIn", "TakenSignup",
    "TakenSignupQuerySet", "User",
]  # fmt: skip
