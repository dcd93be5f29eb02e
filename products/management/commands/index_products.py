"""Management command that makes the words for the search again."""

from typing import Any

from django.core.management.base import BaseCommand

from core.page_cache.versions import SITE, collect_touches
from products.models import Product, Spelling
from products.models.listing import refresh_all


class Command(BaseCommand):
    """Corrects the words of products that SQL changed, or that were made by other rules or another Python version."""

    help = (
        "Make the words under which the search finds products again, and what lists show of groups. Needed after "
        "changes by SQL and after upgrades."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        Spelling.objects.all().delete()  # `store_words` learns the words of the titles that exist.
        changed = Product.objects.all().store_words()
        self.stdout.write(f"The words of {changed} products changed.")
        with collect_touches() as touches:
            touches.names.add(SITE)
            listed = refresh_all(Product)
        if listed:
            self.stdout.write(f"Lists show {listed} products in another way.")
