"""Corrections of the carrier and the tracking number of a shipment."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.models import Carrier, Correction, Order, OrderWords, Shipment
from orders.workflow.corrections.rules import CorrectionRejected, check_shown, record


def correct_tracking(shipment: Shipment, carrier: Carrier | None, tracking: str, shown: str, by: str) -> None:
    """Replace the carrier and the tracking number. `shown` is the fingerprint of what the page has shown of both.

    This is possible at any time until an erasure. Raise CorrectionRejected and change nothing if it is not.
    """
    order = shipment.order
    with transaction.atomic():
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())  # This locks the order and its shipments.
        order.refresh_from_db()
        shipment.refresh_from_db()
        if not order.email:
            raise CorrectionRejected(_("The personal data of this order was erased."))
        old = shipment.carrier_text
        check_shown(old, shown)
        Shipment.objects.filter(pk=shipment.pk).update(carrier=carrier, tracking=tracking)
        shipment.refresh_from_db()
        if shipment.carrier_text == old:
            raise CorrectionRejected(_("This is the tracking number that the shipment has already."))
        record(order, Correction.Kind.TRACKING, old, shipment.carrier_text, by)
        OrderWords.objects.store(Order.objects.filter(pk=order.pk))
