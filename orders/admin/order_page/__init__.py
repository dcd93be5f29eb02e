"""The page of an order."""
