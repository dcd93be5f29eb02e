"""The search for placed orders."""
