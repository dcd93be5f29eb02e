"""Recording that a shipment was delivered. The withdrawal period depends on it."""

from django.db import transaction
from django.utils import timezone

from orders.models import OrderEvent, Shipment


@transaction.atomic
def mark_delivered(shipment: Shipment, by: str) -> bool:
    """Record that the shipment was delivered now. Return False if that was recorded before."""
    waiting = Shipment.objects.filter(pk=shipment.pk, delivered_at=None)
    if not waiting.update(delivered_at=timezone.now()):
        return False
    shipment.order.record(OrderEvent.Kind.DELIVERED, by=by, text=shipment.carrier_text)
    return True
