"""Shipping of paid orders, in one or several shipments, each with an event in the history and an email message."""

from orders.workflow.shipping.completion import update_shipped
from orders.workflow.shipping.delivery import mark_delivered
from orders.workflow.shipping.next_order import next_to_ship
from orders.workflow.shipping.shipments import ShipmentRejected, ShipmentRequest, ship

__all__ = ["ShipmentRejected", "ShipmentRequest", "mark_delivered", "next_to_ship", "ship", "update_shipped"]
