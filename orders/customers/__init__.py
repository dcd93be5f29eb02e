"""Customers as staff see them: each account, and each email address under which guests placed orders."""
