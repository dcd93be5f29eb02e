"""New cards while the limit for the whole shop is exceeded: who may still enter one, and what staff are told.

A user needs a verified email address. A guest follows a link that is sent to the email address of the order. The row of
the link's email (CardMail.used) is the confirmation: it counts for the guest's profile, which belongs to one session,
and only as long as the profile has this email address.
"""

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.email_addresses import canonical_email
from accounts.models import User
from billing.abuse.rejections import Step, TooManyEmails, TooManyRequests
from billing.models import BillingProfile, CardAttempt, CardMail, Rate, RateCounter
from billing.models.attempt import fingerprint
from core.emails.outbox import queued
from core.http import client_key

SALT = "billing.card-link"
HOUR = 3600
EMAILS_PER_SESSION, EMAILS_PER_RECIPIENT, EMAILS_PER_ADDRESS = 3, 5, 20  # an hour
Kind = CardMail.Kind


class ConfirmationNeeded(TooManyRequests):
    """A new card while too many cards are declined in the shop. The visitor can confirm their email address."""

    @property
    def message(self) -> str:
        """The message for the shopper."""
        return _("To protect cardholders, new cards need a confirmed email address at the moment. Nothing was charged.")


def require(request: HttpRequest, profile: BillingProfile, order_number: str, back: str) -> None:
    """Raise ConfirmationNeeded, with the next step, unless the email address of the visitor is confirmed."""
    if is_confirmed(request, profile):
        return
    if not request.user.is_authenticated and not order_number:
        step = Step(reverse("carts:checkout"), _("Go to checkout"))
    else:
        step = Step(f"{reverse('billing:card_link')}?order={order_number}", _("Confirm your email address"))
    raise ConfirmationNeeded("the shop limit is exceeded", HOUR, back, step)


def is_confirmed(request: HttpRequest, profile: BillingProfile) -> bool:
    """Return whether the visitor has proved to receive email at their email address."""
    user = request.user
    if isinstance(user, User) and user.has_verified_email:
        return True
    return profile.is_guest and CardMail.objects.confirms(profile)


def queue_link(request: HttpRequest, profile: BillingProfile, order_number: str) -> None:
    """Queue an email to the guest of this profile, with the link that lets them pay this order with a new card.

    Raise TooManyEmails if the session, the IP address or the recipient has too many.
    """
    rates = {
        f"card-mail-session:{fingerprint(request.session.session_key or '')}": Rate(EMAILS_PER_SESSION, HOUR),
        f"card-mail-to:{fingerprint(canonical_email(profile.email))}": Rate(EMAILS_PER_RECIPIENT, HOUR),
        f"card-mail-ip:{client_key(request)}": Rate(EMAILS_PER_ADDRESS, HOUR),
    }
    if exceeded := RateCounter.objects.take(rates):
        raise TooManyEmails(exceeded[0].partition(":")[0], HOUR)
    CardMail.objects.create(
        kind=Kind.LINK, to=profile.email, billing_profile=profile, order_number=order_number,
        language=get_language() or "",
    )  # fmt: skip
    queued.send(CardMail)


def make_token(mail: CardMail) -> str:
    """Return the token for the link in this email. It is created when the email is sent and is never stored."""
    return signing.dumps([mail.pk, mail.billing_profile_id, mail.order_number, mail.to], salt=SALT)


def read_token(token: str) -> CardMail | None:
    """Return the email whose link has this token.

    Return None if the token is invalid or expired, or if the guest has changed the email address.
    """
    try:
        pk, profile, number, to = signing.loads(token, salt=SALT, max_age=CardMail.LINK_VALID_FOR)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    mails = CardMail.objects.filter(pk=pk, kind=Kind.LINK, order_number=number, to=to)
    mail: CardMail | None = mails.filter(billing_profile=profile, billing_profile__email=to).first()
    return mail


def confirm(mail: CardMail) -> None:
    """Record that the recipient of this email followed its link."""
    CardMail.objects.filter(pk=mail.pk, used=None).update(used=timezone.now())


def alert_staff() -> None:
    """Queue an email to staff that too many cards are declined, unless one was queued within the last hour."""
    now = timezone.now()
    alerts = CardMail.objects.filter(kind=Kind.ALERT)
    if not settings.STAFF_EMAIL or alerts.filter(timestamp__gt=now - CardAttempt.COUNTED_FOR).exists():
        return
    try:
        with transaction.atomic():
            alerts.create(kind=Kind.ALERT, to=settings.STAFF_EMAIL, about=f"{now:%Y-%m-%d %H}")
            queued.send(CardMail)
    except IntegrityError:
        pass  # Another request has just queued it.
