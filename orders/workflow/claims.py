"""Claims: adding earlier guest orders with the same email address to an account."""

from django.db import transaction

from accounts.models import AccountMail, User
from orders.models import Order


def has_earlier_orders(user: User) -> bool:
    """Check whether the user can claim any earlier guest orders."""
    return Order.objects.claimable(user).exists()


def claim_orders(user: User, mail: AccountMail) -> int:
    """Use the link of `mail` to add the earlier guest orders to the user's account.

    Return the number of orders, or 0 if the link was used already.
    """
    with transaction.atomic():
        return Order.objects.claim(user) if mail.mark_used() else 0
