"""The signed link that opens one order to whoever reads its mail: 90 days, revoked by raising Order.link_version."""

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import F

from orders.models import Order, OrderEvent

SALT = "order-link"
DAYS = 90


def order_url(order: Order) -> str:
    """The order's address for a mail; a guest, who cannot log in, gets the key with it."""
    path = order.get_absolute_url()
    if order.billing_profile.is_guest:
        path += f"?key={signing.dumps([order.order_id, order.link_version], salt=SALT)}"
    return settings.SITE_URL + path


def read_key(order_id: str, key: str) -> int | None:
    """The link version a key opens this order with; None if we did not make it for this order, or too long ago."""
    try:
        number, version = signing.loads(key, salt=SALT, max_age=DAYS * 86_400)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return version if number == order_id and isinstance(version, int) else None


@transaction.atomic
def revoke(order: Order, by: str) -> None:
    """Close the order to every link mailed so far, and to those whom one let in; links of later mails are good."""
    Order.objects.filter(pk=order.pk).update(link_version=F("link_version") + 1)
    order.record(OrderEvent.Kind.LINKS_REVOKED, by=by)
