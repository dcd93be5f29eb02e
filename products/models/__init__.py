"""The catalog: categories, products, additional pictures, stock movements, words of titles and the home page."""

from products.models.category import Category
from products.models.home_section import HomeSection
from products.models.picture import Picture
from products.models.product import Product, ProductQuerySet
from products.models.spelling import Spelling
from products.models.stock import StockMovement

__all__ = ["Category", "HomeSection", "Picture", "Product", "ProductQuerySet", "Spelling", "StockMovement"]
