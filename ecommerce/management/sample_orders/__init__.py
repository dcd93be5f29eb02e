"""Sample customers and orders of the past year, for load tests and for staff who try the admin.

What a customer or an order is depends only on its number, so a shop can grow later and stays the same.
"""
