"""Models for carts and for pricing rules: shipping methods, tax rates and discount codes."""

from carts.models.cart import Cart
from carts.models.item import CartItem
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.models.wrong_code import WrongCode

__all__ = ["Cart", "CartItem", "Discount", "ShippingMethod", "TaxRate", "WrongCode"]
