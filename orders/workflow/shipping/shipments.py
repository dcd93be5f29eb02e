"""Storing a shipment of a paid order, with all its consequences."""

from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.emails import queue
from orders.models import Carrier, Mail, Order, OrderEvent, OrderWords, Shipment
from orders.models.shipping.carrier import MAX_TRACKING, validate_tracking
from orders.models.units import Units, units_text
from orders.workflow.corrections.rules import fingerprint
from orders.workflow.shipping.completion import update_shipped


class ShipmentRejected(Exception):
    """Raised if a shipment is not possible, with a message for staff. Nothing was changed."""


@dataclass(frozen=True)
class ShipmentRequest:
    """A shipment as staff packed it. `units` are the packed units by order line id.

    `shown` are all units that were left to ship when staff packed, as `units_text` writes them. Of two simultaneous
    requests, or of two clicks, only one is accepted. `address` is the `fingerprint` of the postal address then. Empty
    texts are not compared.
    """

    by: str
    units: Units = field(default_factory=dict)
    carrier: Carrier | None = None
    tracking: str = ""
    shown: str = ""
    address: str = ""


def ship(order: Order, requested: ShipmentRequest) -> Shipment:
    """Store a shipment, queue its email message, and mark the order as shipped if no unit is left to ship.

    The units are stored, because a refund of shipped units must not change what was shipped. Raise ShipmentRejected
    and change nothing if the order is not paid, if nothing is left of its total after refunds and lost disputes, if
    staff have to assign the items of a withdrawal first, if the units that are left or the postal address are not those
    that were shown, or if more units are requested than are left.
    """
    with transaction.atomic():
        # This update locks the order: no refund is requested, and no withdrawal matched, until the shipment is stored.
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())
        order.refresh_from_db()
        if obstacle := shipping_obstacle(order) or _problem(order, requested):
            raise ShipmentRejected(obstacle % {"order": order, "status": order.get_status_display()})
        shipment = Shipment.objects.create(
            order=order,
            number=order.shipments.count() + 1,
            units={str(line): units for line, units in requested.units.items() if units},
            carrier=requested.carrier,
            tracking=requested.tracking,
            by=requested.by[:254],
        )
        if not update_shipped(order, requested.by, shipment.carrier_text):
            order.record(OrderEvent.Kind.PART_SHIPPED, by=requested.by, text=shipment.carrier_text)
        OrderWords.objects.store(Order.objects.filter(pk=order.pk))
        queue.queue(order, Mail.Kind.SHIPPED, about=str(shipment.pk))
    order.refresh_from_db()
    return shipment


def shipping_obstacle(order: Order) -> str:
    """Return why no unit of the order can be shipped, with placeholders for the order and its status, or ""."""
    if order.status == Order.Status.SHIPPED:
        return _("%(order)s was already shipped. Nothing was changed.")
    if order.status != Order.Status.PAID:
        return _("%(order)s cannot be shipped: %(status)s.")
    if not order.refundable:
        lost = _("%(order)s cannot be shipped: nothing is left of its payment after a lost dispute.")
        return lost if order.amount_lost else _("%(order)s cannot be shipped: it is being refunded in full.")
    if order.withdrawals.awaiting_assignment().exists():
        return _("%(order)s cannot be shipped: assign the items of its withdrawal first.")
    return "" if order.has_units_to_ship() else _("%(order)s cannot be shipped: no units are left to ship.")


def _problem(order: Order, requested: ShipmentRequest) -> str:
    """Return why these units of an order cannot be shipped, or ""."""
    left = order.units_to_ship()
    if requested.shown and requested.shown != units_text(order.stored_units_to_ship()):
        return _("%(order)s was not shipped: its units to ship have changed. Check what you have packed.")
    if requested.address and requested.address != fingerprint(order.shipping_address_text):
        return _("%(order)s was not shipped: its postal address has changed. Check the address on the parcel.")
    if not any(requested.units.values()):
        return _("%(order)s was not shipped: enter at least one unit.")
    if not all(0 <= units <= left.get(line, 0) for line, units in requested.units.items()):
        return _("%(order)s was not shipped: you cannot ship more units than are left.")
    try:
        validate_tracking(requested.tracking)
    except ValidationError as error:
        return str(error.messages[0]).replace("%", "%%")
    return "" if len(requested.tracking) <= MAX_TRACKING else _("The tracking number is too long.")
