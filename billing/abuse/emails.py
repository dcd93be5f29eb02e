"""The emails about cards, built when they are sent."""

from email.utils import make_msgid

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from billing.abuse.confirmation import make_token
from billing.models import CardAttempt, CardMail
from core.emails.messages import build_email, message_id_domain
from core.shop.current import current_shop

Kind = CardMail.Kind
PREVIEW_PATH = "/link-only-for-the-recipient/"


def send_due_emails() -> int:
    """Send the emails about cards that are due. Return the number of emails sent."""
    return CardMail.objects.send(lambda mail: mail.deliver(build_message))


def build_message(mail: CardMail) -> EmailMultiAlternatives | None:
    """Build the email message in the language of the request, or of the shop if it is for staff.

    Return None if its link would no longer work, or if the recipient was erased.
    """
    if mail.kind == Kind.ALERT:
        return _compose(mail, settings.SITE_URL + reverse("admin:billing_cardattempt_changelist"))
    profile = mail.billing_profile
    is_late = mail.timestamp + CardMail.LINK_VALID_FOR < timezone.now()
    if profile is None or profile.email != mail.to or mail.used or is_late:
        return None
    return _compose(mail, settings.SITE_URL + reverse("billing:card_link_open", args=[make_token(mail)]))


def build_preview(mail: CardMail) -> EmailMultiAlternatives:
    """Build the email message for the staff preview, with a placeholder link."""
    return _compose(mail, settings.SITE_URL + PREVIEW_PATH)


def build_sample_preview(kind: str) -> EmailMultiAlternatives:
    """Build an email preview of this kind for a fictitious recipient."""
    return build_preview(CardMail(kind=kind, to=f"shopper@{message_id_domain()}"))


def _compose(mail: CardMail, url: str) -> EmailMultiAlternatives:
    with translation.override(mail.language or settings.LANGUAGE_CODE):
        subjects = {
            Kind.LINK: _("Continue your order at %(shop)s"),
            Kind.ALERT: _("Many cards are declined at %(shop)s"),
        }
        recent = CardAttempt.objects.recent()
        context = {"url": url, "hours": int(CardMail.LINK_VALID_FOR.total_seconds() // 3600)}
        if mail.kind == Kind.ALERT:
            context |= {"declined": recent.filter(ok=False).count(), "accepted": recent.filter(ok=True).count()}
        subject = subjects[Kind(mail.kind)] % {"shop": current_shop().name}
        message_id = make_msgid(domain=message_id_domain())
        return build_email(f"billing/emails/{mail.kind}", subject, mail.to, message_id, context)
