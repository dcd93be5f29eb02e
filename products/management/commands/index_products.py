"""Management command that makes the words for the search again."""

from typing import Any

from django.core.management.base import BaseCommand

from products.models import Product, Spelling


class Command(BaseCommand):
    """Corrects the words of products that SQL changed, or that were made by other rules or another Python version."""

    help = "Make the words under which the search finds products again. Needed after changes by SQL and after upgrades."

    def handle(self, *args: Any, **options: Any) -> None:
        Spelling.objects.all().delete()  # `store_words` learns the words of the titles that exist.
        changed = Product.objects.all().store_words()
        self.stdout.write(f"The words of {changed} products changed.")
