"""Carts, and what staff decide about their sums: shipping methods, tax rates, discount codes."""

from carts.models.cart import Cart, CartItem
from carts.models.rates import Discount, ShippingMethod, TaxRate

__all__ = ["Cart", "CartItem", "Discount", "ShippingMethod", "TaxRate"]
