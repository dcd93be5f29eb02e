"""Mails about accounts: written down for any address alike, sent by `manage.py reconcile`, which looks who is meant."""

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

from accounts.claims import has_earlier_orders
from accounts.models import AccountMail, TakenSignup, User, plain_email
from accounts.tokens import make_token
from ecommerce.http import client_key
from ecommerce.letters import letter

Kind = AccountMail.Kind
WANTED_FOR = timedelta(days=1)  # whoever still wants the link later has asked again
KEPT_FOR = timedelta(days=30)
NO_LINK = "/a-link-for-the-receiver-alone/"


def queue(request: HttpRequest, kind: AccountMail.Kind, to: str, user: User | None = None) -> None:
    """Write the mail down within the limits. Nobody is looked up, so any address takes the same time."""
    AccountMail.objects.queue(kind, to, client_key(request), user)


def send_waiting() -> int:
    """Send the mails whose turn it is, and forget the rows of a month ago; how many mails went out."""
    old = timezone.now() - KEPT_FOR
    AccountMail.objects.filter(timestamp__lt=old).delete()
    TakenSignup.objects.filter(timestamp__lt=old).delete()
    return AccountMail.objects.send(lambda mail: mail.deliver(_message))


def _message(mail: AccountMail) -> EmailMultiAlternatives | None:
    """The mail in the language it was asked for in; None if there is nobody to write to.

    It goes to the account's own address, never to the one that was typed: two that look alike are not the same.
    Only that the address was changed is told to the former one.
    """
    user = _receiver(mail)
    if user is None or mail.timestamp + WANTED_FOR < timezone.now():
        return None
    to = mail.to if mail.kind == Kind.CHANGED else user.email
    return _compose(mail, to, settings.SITE_URL + _path(mail, user))


def _compose(mail: AccountMail, to: str, url: str) -> EmailMultiAlternatives:
    name, message_id = f"accounts/mails/{mail.kind}", make_msgid(domain=settings.SITE_HOST or None)
    with translation.override(mail.language or settings.LANGUAGE_CODE):
        return letter(name, _subject(mail), to, message_id, {"url": url, "email": to})


def preview(mail: AccountMail) -> EmailMessage:
    """The mail for staff to look at. Its link is none: the true one is made when it is sent, for its receiver."""
    return _compose(mail, mail.to, settings.SITE_URL + NO_LINK)


def sample(kind: str) -> EmailMessage:
    """A mail of this kind to nobody."""
    return preview(AccountMail(kind=kind, to=f"shopper@{settings.SITE_HOST or 'localhost'}"))


def _receiver(mail: AccountMail) -> User | None:
    """Whose account the mail is about, if it may be sent now."""
    if mail.kind == Kind.RESET:
        found = next(iter(PasswordResetForm().get_users(mail.to)), None)
        return found if isinstance(found, User) else None
    user = mail.user
    if mail.kind == Kind.CHANGED:
        return user
    if user is None or not user.is_active or plain_email(user.email) != mail.to:
        return None
    wanted = has_earlier_orders(user) if mail.kind == Kind.CLAIM else not user.has_verified_email
    return user if wanted else None


def _path(mail: AccountMail, user: User) -> str:
    if mail.kind == Kind.CHANGED:
        return reverse("accounts:profile")
    if mail.kind == Kind.RESET:
        uidb64 = urlsafe_base64_encode(force_bytes(user.pk))
        return reverse("accounts:password_reset_confirm", args=[uidb64, default_token_generator.make_token(user)])
    return reverse(f"accounts:{mail.kind}", args=[make_token(mail, user)])


def _subject(mail: AccountMail) -> str:
    words = {
        Kind.RESET: _("Reset your password at %(shop)s"),
        Kind.VERIFY: _("Verify your email at %(shop)s"),
        Kind.CLAIM: _("Your earlier orders at %(shop)s"),
        Kind.CHANGED: _("Your email at %(shop)s was changed"),
    }
    return words[Kind(mail.kind)] % {"shop": settings.SITE_NAME}
