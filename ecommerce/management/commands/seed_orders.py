"""The `seed_orders` command, which `seed --orders N --customers N` calls."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecommerce.management.sample_orders import create
from orders.bookkeeping.ranking import count_bought
from stripe_simulator.store import Store


class Command(BaseCommand):
    """Adds sample customers and orders, with their payments in the state of the Stripe simulator."""

    help = "Add sample customers and orders until there are so many. Only for shops that use the Stripe simulator."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--orders", type=int, default=0, metavar="N")
        parser.add_argument("--customers", type=int, default=0, metavar="N")

    def handle(self, *args: Any, orders: int, customers: int, **options: Any) -> None:
        customers = customers or max(1, orders // 5)
        self._check()
        Path(settings.STRIPE_SIMULATOR_STATE).parent.mkdir(parents=True, exist_ok=True)
        store = Store(str(settings.STRIPE_SIMULATOR_STATE))
        try:
            people = create.create_customers(customers, store)
            added = create.create_orders(orders, customers, store)
        finally:
            store.close()
        count_bought()
        self.stdout.write(f"{people} customers and {added} orders added.")

    def _check(self) -> None:
        """Raise CommandError if sample orders could mix with real ones."""
        if settings.STRIPE_IS_REAL:
            raise CommandError("This shop uses Stripe itself. Sample orders have payments that only the simulator has.")
        if not settings.STRIPE_SIMULATOR_STATE:
            raise CommandError("The simulator keeps its state in memory. Set STRIPE_SIMULATOR_STATE to a file.")
        if not settings.DEBUG and (count := create.real_orders()):
            raise CommandError(f"This shop has {count} orders that are not samples. Sample orders would mix with them.")
        if not create.has_products():
            raise CommandError("There is nothing to order. Add products first: manage.py seed")
