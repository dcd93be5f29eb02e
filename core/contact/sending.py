"""Sending messages of visitors to the shop. The answer of staff goes to the visitor."""

from email.utils import make_msgid

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import translation
from django.utils.translation import gettext as _

from core.contact.models import ContactMail
from core.emails.addresses import format_address
from core.emails.messages import build_email, message_id_domain


def build(mail: ContactMail) -> EmailMultiAlternatives | None:
    """Return the email message in the language of the shop, with the visitor's email address as Reply-To.

    Return None if the shop has no email address or the visitor's data was erased.
    """
    if not (mail.to and mail.sender):
        return None
    with translation.override(settings.LANGUAGE_CODE):
        subject = _("Message from %(name)s") % {"name": mail.name}
        message_id = make_msgid(domain=message_id_domain())
        message = build_email("contact/emails/message", subject, mail.to, message_id, {"mail": mail})
    message.reply_to = [format_address(mail.name, mail.sender)]
    return message


def send_due_emails() -> int:
    """Send the messages that are due. Return how many were sent."""
    return int(ContactMail.objects.send(lambda mail: mail.deliver(build)))
