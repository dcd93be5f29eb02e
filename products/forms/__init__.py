"""Admin forms for products, their pictures, copies and stock."""

from products.forms.copies import CopyForm
from products.forms.pictures import PictureForm
from products.forms.product import ProductForm
from products.forms.stock import ReasonForm, StockRowForm

__all__ = ["CopyForm", "PictureForm", "ProductForm", "ReasonForm", "StockRowForm"]
