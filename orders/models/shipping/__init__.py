"""Carriers, and the shipments of orders."""

from orders.models.shipping.carrier import Carrier
from orders.models.shipping.shipment import Shipment

__all__ = ["Carrier", "Shipment"]
