"""What staff can do with an order: one module for each page or kind of action."""
