"""The catalog: categories, products, additional pictures, stock movements and words of titles."""

from products.models.category import Category
from products.models.picture import Picture
from products.models.product import Product, ProductQuerySet
from products.models.spelling import Spelling
from products.models.stock import StockMovement

__all__ = ["Category", "Picture", "Product", "ProductQuerySet", "Spelling", "StockMovement"]
