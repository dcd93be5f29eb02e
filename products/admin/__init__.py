"""Admin for products, categories and movements of stock."""

from products.admin.category import CategoryAdmin
from products.admin.movements import StockMovementAdmin
from products.admin.product import ProductAdmin

__all__ = ["CategoryAdmin", "ProductAdmin", "StockMovementAdmin"]
