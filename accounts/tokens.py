"""Signed tokens for the links in account emails.

Each token is bound to one email, one user and one email address, and works once. Password reset links use Django's own
tokens, see accounts.views.passwords.
"""

from datetime import timedelta

from django.core import signing

from accounts.models import AccountMail, User

TOKEN_LIFETIMES = {AccountMail.Kind.VERIFY: timedelta(days=3), AccountMail.Kind.CLAIM: timedelta(days=1)}


def make_token(mail: AccountMail, user: User) -> str:
    """Return the token for the link in this email. It is created when the email is sent and is never stored."""
    return signing.dumps([mail.pk, user.pk, user.email], salt=_salt(mail.kind))


def get_email_for_token(token: str, kind: AccountMail.Kind, user: User) -> AccountMail | None:
    """Return the email whose link has this token.

    Return None if the token is invalid, expired or used, or belongs to another user or to a former email address.
    """
    try:
        pk, user_pk, email = signing.loads(token, salt=_salt(kind), max_age=TOKEN_LIFETIMES[kind])
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if (user_pk, email) != (user.pk, user.email):
        return None
    return AccountMail.objects.filter(pk=pk, kind=kind, user=user, used=None).first()


def _salt(kind: str) -> str:
    return f"accounts.{kind}"
