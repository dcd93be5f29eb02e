"""Admin for products, categories and movements of stock, and for the home page."""

from products.admin.category import CategoryAdmin
from products.admin.home_section import HomeSectionAdmin
from products.admin.movements import StockMovementAdmin
from products.admin.product import ProductAdmin

__all__ = ["CategoryAdmin", "HomeSectionAdmin", "ProductAdmin", "StockMovementAdmin"]
