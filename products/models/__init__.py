"""The catalog: categories, products, additional pictures and stock movements."""

from products.models.category import Category
from products.models.picture import Picture
from products.models.product import Product, ProductQuerySet
from products.models.stock import StockMovement

__all__ = ["Category", "Picture", "Product", "ProductQuerySet", "StockMovement"]
