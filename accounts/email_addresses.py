"""Validation and comparison of email addresses, and placeholders for the email addresses of erased users."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils.crypto import salted_hmac
from django.utils.encoding import punycode
from django.utils.translation import gettext as _

MAX_EMAIL_LENGTH = 254
MAX_LOCAL_LENGTH = 64  # characters before the @
ERASED_DOMAIN = "@forgotten.invalid"  # of the placeholders for the email addresses of erased people
# A database that compares in uppercase treats a long s as an s and a dotless i as an i.
UPPERCASE_LOOKALIKES = str.maketrans("\u017f\u0131", "si")


def validate_customer_email(value: str) -> None:
    """Raise ValidationError if email cannot be delivered to this address, or if Stripe would reject it.

    Django also accepts localhost, IP addresses, quoted names, some letters outside ASCII, and characters that do not
    print.
    """
    name, _at, domain = value.rpartition("@")
    if not domain.isascii():
        _reject_foreign_domain(value, domain)
    validate_email(value)  # ignores the case, so a long s or a Kelvin sign in the name counts as a letter from A to Z
    is_name = name.isascii() and '"' not in name and len(name) <= MAX_LOCAL_LENGTH
    is_host = "." in domain and ".-" not in domain and domain.replace(".", "").replace("-", "").isalnum()
    is_placeholder = value.lower().endswith(ERASED_DOMAIN)  # the account would count as erased already
    if not is_name or not is_host or is_placeholder or domain[-1].isdigit() or not value.isprintable():
        raise ValidationError(_("Enter a complete email address, for example name@example.org."), code="invalid")


def _reject_foreign_domain(value: str, domain: str) -> None:
    """Raise ValidationError for a domain that is not in ASCII. The message has the spelling to use, if there is one."""
    try:
        spelling = punycode(domain)
    except UnicodeError:
        spelling = ""
    validate_email(f"name@{spelling}")
    text = _("Please write the part after the @ with letters from A to Z: %(domain)s.")
    raise ValidationError(text % {"domain": spelling}, code="invalid")


class CustomerEmailField(forms.EmailField):
    """The email address of a person who becomes a customer or who gets email."""

    default_validators = [validate_customer_email]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": MAX_EMAIL_LENGTH} | kwargs)


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
    return f"{salted_hmac('accounts.forgotten', email, algorithm='sha256').hexdigest()[:40]}{ERASED_DOMAIN}"
