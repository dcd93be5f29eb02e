"""What staff correct about an order, and their notes about it."""

from orders.models.corrections.correction import Correction
from orders.models.corrections.note import OrderNote

__all__ = ["Correction", "OrderNote"]
