"""Admin forms for products, their pictures, copies and stock, and for the home page."""

from products.forms.copies import CopyForm
from products.forms.home_section import HomeSectionForm
from products.forms.pictures import PictureForm
from products.forms.product import ProductForm
from products.forms.stock import ReasonForm, StockRowForm

__all__ = ["CopyForm", "HomeSectionForm", "PictureForm", "ProductForm", "ReasonForm", "StockRowForm"]
