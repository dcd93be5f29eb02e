"""Account emails.

Requests only queue a row, for any email address and without looking up a user. `manage.py reconcile` finds the user and
sends the email.
"""

from collections.abc import Callable
from datetime import timedelta
from email.utils import make_msgid

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from accounts.email_addresses import canonical_email
from accounts.models import AccountMail, User
from accounts.tokens import make_token
from core.emails.messages import build_email, message_id_domain
from core.http import client_key
from core.shop.current import current_shop
from core.times import format_datetime

Kind = AccountMail.Kind
OF_FACTOR = (Kind.FACTOR_ON, Kind.FACTOR_OFF, Kind.RESET_FACTOR, Kind.CODES)
# They go to the address that the row has, whatever has changed since, and their button leads to a new password.
NOTICES = (Kind.CHANGED, Kind.PASSWORD, Kind.SIGN_IN, *OF_FACTOR)
# Older emails are not sent: users who still need a link after a day have requested another one.
MAX_AGE = timedelta(days=1)
PREVIEW_PATH = "/link-only-for-the-recipient/"


def queue_email(request: HttpRequest, kind: AccountMail.Kind, to: str, user: User | None = None) -> None:
    """Queue an email unless a limit is reached.

    No user is looked up, so the request takes the same time for any email address.
    """
    AccountMail.objects.queue(kind, to, client_key(request), user)


def send_due_emails(has_earlier_orders: Callable[[User], bool]) -> int:
    """Send the emails that are due. Return the number of emails sent.

    `has_earlier_orders` checks whether a user can claim guest orders. It is passed in because accounts do not import
    orders. An email about earlier orders is sent only if there are any.
    """

    def build(mail: AccountMail) -> EmailMultiAlternatives | None:
        return _build_message(mail, has_earlier_orders)

    return AccountMail.objects.send(lambda mail: mail.deliver(build))


def _build_message(mail: AccountMail, has_earlier_orders: Callable[[User], bool]) -> EmailMultiAlternatives | None:
    """Build the email message in the language of the request.

    Return None if there is no recipient or if the email is older than a day.

    The message goes to the address stored in the account and never to the one that was typed, because two addresses
    that look alike are not the same. Only notices of a change go to the address that the account had before it.
    """
    user = _recipient(mail, has_earlier_orders)
    if user is None or mail.timestamp + MAX_AGE < timezone.now():
        return None
    to = mail.to if mail.kind in NOTICES else user.email
    return _compose(mail, to, settings.SITE_URL + _link_path(mail, user), user.language)


def _compose(mail: AccountMail, to: str, url: str, language: str = "") -> EmailMultiAlternatives:
    name, message_id = f"accounts/emails/{mail.kind}", make_msgid(domain=message_id_domain())
    with translation.override(mail.language or language or settings.LANGUAGE_CODE):
        context = {"url": url, "email": to, "account": mail.user.email if mail.user else to}
        context["time"] = format_datetime(mail.timestamp) if mail.timestamp else ""
        return build_email(name, _subject(mail), to, message_id, context)


def build_preview(mail: AccountMail) -> EmailMessage:
    """Build the email message for the staff preview, with a placeholder link.

    The real link is created only for the recipient, when the email is sent.
    """
    return _compose(mail, mail.to, settings.SITE_URL + PREVIEW_PATH)


def build_sample_preview(kind: str) -> EmailMessage:
    """Build an email preview of this kind for a fictitious recipient."""
    return build_preview(AccountMail(kind=kind, to=f"shopper@{message_id_domain()}"))


def _recipient(mail: AccountMail, has_earlier_orders: Callable[[User], bool]) -> User | None:
    """Return the user whose account the email is about. Return None if it must not be sent."""
    if mail.kind in (Kind.RESET, Kind.GUESSING):
        found = next(iter(PasswordResetForm().get_users(mail.to)), None)
        return found if isinstance(found, User) else None
    user = mail.user
    if mail.kind in NOTICES:
        return user
    if user is None or not user.is_active or canonical_email(user.email) != mail.to:
        return None
    wanted = has_earlier_orders(user) if mail.kind == Kind.CLAIM else not user.has_verified_email
    return user if wanted else None


def _link_path(mail: AccountMail, user: User) -> str:
    if mail.kind in (*NOTICES, Kind.GUESSING):
        return reverse("accounts:password_reset")
    if mail.kind == Kind.RESET:
        uidb64 = urlsafe_base64_encode(force_bytes(user.pk))
        return reverse("accounts:password_reset_confirm", args=[uidb64, default_token_generator.make_token(user)])
    return reverse(f"accounts:{mail.kind}", args=[make_token(mail, user)])


def _subject(mail: AccountMail) -> str:
    subjects = {
        Kind.RESET: _("Reset your password at %(shop)s"),
        Kind.VERIFY: _("Verify your email at %(shop)s"),
        Kind.CLAIM: _("Your earlier orders at %(shop)s"),
        Kind.CHANGED: _("Your email at %(shop)s was changed"),
        Kind.PASSWORD: _("Your password at %(shop)s was changed"),
        Kind.GUESSING: _("Someone is trying passwords at %(shop)s"),
        Kind.SIGN_IN: _("New sign-in to your staff account at %(shop)s"),
        Kind.FACTOR_ON: _("Your second factor at %(shop)s is on"),
        Kind.FACTOR_OFF: _("Your second factor at %(shop)s is off"),
        Kind.RESET_FACTOR: _("A second factor at %(shop)s was reset"),
        Kind.CODES: _("Someone is trying codes at %(shop)s"),
    }
    return subjects[Kind(mail.kind)] % {"shop": current_shop().name}
