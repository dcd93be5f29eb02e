"""What the message about a removed product carries, so that its button can put the product back."""

from typing import NamedTuple

UNDO = "undo"


class Undo(NamedTuple):
    """A product that was removed from the cart, and the quantity that the cart had."""

    product_id: str
    quantity: str


def undo_tags(product_id: int, quantity: int) -> str:
    """Return the extra tags of the message."""
    return f"{UNDO} {product_id} {quantity}"


def read_undo(tags: str) -> Undo | None:
    """Return what the extra tags of a message offer to undo, or None."""
    parts = (tags or "").split()
    return Undo(*parts[1:]) if parts[:1] == [UNDO] else None
