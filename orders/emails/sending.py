"""Sending emails about orders, outside any transaction."""

from orders.emails.messages import build
from orders.models import Mail, OrderEvent


def send(mail: Mail | None) -> bool:
    """Send the email message unless another process is sending it. Return False if it was not sent now."""
    is_sent = mail is not None and mail.deliver(build)
    if mail and is_sent and mail.kind == Mail.Kind.CONFIRMATION:
        mail.order.record(OrderEvent.Kind.MAILED)
    return is_sent


def send_waiting() -> int:
    """Send all email messages that are due. Return how many were sent."""
    return Mail.objects.send(send)
