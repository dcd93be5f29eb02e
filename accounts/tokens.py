"""The signed links in mails about accounts: bound to one mail, one user and one address, each good for one use.

The link that resets a password is Django's own, see accounts.passwords.
"""

from datetime import timedelta

from django.core import signing

from accounts.models import AccountMail, User

GOOD_FOR = {AccountMail.Kind.VERIFY: timedelta(days=3), AccountMail.Kind.CLAIM: timedelta(days=1)}


def make_token(mail: AccountMail, user: User) -> str:
    """What the link in this mail carries; made when the mail is sent, never stored."""
    return signing.dumps([mail.pk, user.pk, user.email], salt=_salt(mail.kind))


def mail_of_token(token: str, kind: AccountMail.Kind, user: User) -> AccountMail | None:
    """The mail whose link this is, if it was made for this user at the present address and was not used yet."""
    try:
        pk, user_pk, email = signing.loads(token, salt=_salt(kind), max_age=GOOD_FOR[kind])
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if (user_pk, email) != (user.pk, user.email):
        return None
    return AccountMail.objects.filter(pk=pk, kind=kind, user=user, used=None).first()


def _salt(kind: str) -> str:
    return f"accounts.{kind}"
