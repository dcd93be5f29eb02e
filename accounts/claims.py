"""Taking over what a guest ordered with the same e-mail; spans accounts and orders, so it stands beside the views."""

from django.db import transaction

from accounts.models import AccountMail, User
from orders.models import Order


def has_earlier_orders(user: User) -> bool:
    """Whether there is anything to take over."""
    return Order.objects.claimable(user).exists()


def claim(user: User, mail: AccountMail) -> int:
    """Use the mail's link: the earlier orders are this user's to see. How many; 0 if the link was used already."""
    with transaction.atomic():
        return Order.objects.claim(user) if mail.use() else 0
