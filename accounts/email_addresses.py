"""Comparison of email addresses, and placeholders for the email addresses of erased users."""

from django.db.models import Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils.crypto import salted_hmac

MAX_EMAIL_LENGTH = 254
# A database that compares in uppercase treats a long s as an s and a dotless i as an i.
UPPERCASE_LOOKALIKES = str.maketrans("\u017f\u0131", "si")


def canonical_email(email: str) -> str:
    """Return one canonical spelling for all spellings of an email address that match the same account."""
    return email.strip().lower().translate(UPPERCASE_LOOKALIKES)


def same_email(field: str, email: str) -> Exact:
    """Return a condition for `filter()`: the column `field` holds this email address, in any case.

    Do not use iexact for email addresses: PostgreSQL compares it in uppercase, where a dotless i equals an I, so an
    email address of another domain would match.
    """
    return Exact(Lower(field), Lower(Value(email)))


def erased_email(email: str) -> str:
    """Return a placeholder for the email address of an erased user.

    The same email address always gives the same placeholder, which does not reveal it.
    """
    return f"{salted_hmac('accounts.forgotten', email, algorithm='sha256').hexdigest()[:40]}@forgotten.invalid"
