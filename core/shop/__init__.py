"""The shop itself: who sells, what it is called and whether it is open. One row, which staff edit."""

NEUTRAL_NAME = "Shop"  # of a shop that nobody has named
