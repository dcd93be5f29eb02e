"""Admin for orders."""

from orders.admin.customers import CustomerAdmin, CustomerNoteAdmin
from orders.admin.dispute import DisputeAdmin
from orders.admin.email import MailAdmin
from orders.admin.order import OrderAdmin
from orders.admin.refund import RefundAdmin
from orders.admin.shipment import CarrierAdmin, ShipmentAdmin
from orders.admin.withdrawal import OrderLinkMailAdmin, WithdrawalAdmin, WithdrawalMailAdmin

__all__ = [
    "CarrierAdmin", "CustomerAdmin", "CustomerNoteAdmin", "DisputeAdmin", "MailAdmin", "OrderAdmin",
    "OrderLinkMailAdmin", "RefundAdmin", "ShipmentAdmin", "WithdrawalAdmin", "WithdrawalMailAdmin",
]  # fmt: skip
