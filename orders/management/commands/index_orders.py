"""Management command that makes the words for the search of orders again."""

from typing import Any

from django.core.management.base import BaseCommand

from orders.models import Order, OrderWords


class Command(BaseCommand):
    """Corrects the words of orders that SQL changed, or that were made by other rules or another Python version."""

    help = "Make the words under which staff find orders again. Needed after changes by SQL and after upgrades."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"The words of {OrderWords.objects.store(Order.objects.placed())} orders are stored.")
