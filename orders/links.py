"""Signed links in email that open one order.

A link is valid for 90 days. Raising Order.link_version revokes all earlier links.
"""

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import F

from orders.models import Order, OrderEvent

SALT = "order-link"
DAYS = 90


def order_url(order: Order) -> str:
    """Return the order's URL for an email message. It contains a key for guests, because they cannot log in."""
    path = order.get_absolute_url()
    if order.billing_profile.is_guest:
        path += f"?key={signing.dumps([order.order_id, order.link_version], salt=SALT)}"
    return settings.SITE_URL + path


def read_key(order_id: str, key: str) -> int | None:
    """Return the link version in a key. Return None if the key is invalid, expired or for another order."""
    try:
        number, version = signing.loads(key, salt=SALT, max_age=DAYS * 86_400)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return version if number == order_id and isinstance(version, int) else None


@transaction.atomic
def revoke(order: Order, by: str, version: int | None = None) -> bool:
    """Revoke all links emailed so far and the access that they gave. Links in later email messages work.

    With `version`, return False and change nothing if links of this version were revoked before.
    """
    rows = Order.objects.filter(pk=order.pk)
    rows = rows if version is None else rows.filter(link_version=version)
    if not rows.update(link_version=F("link_version") + 1):
        return False
    order.record(OrderEvent.Kind.LINKS_REVOKED, by=by)
    return True
