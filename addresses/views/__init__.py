"""Pages of the addresses app."""

from addresses.views.checkout import address_check, address_update

__all__ = ["address_check", "address_update"]
