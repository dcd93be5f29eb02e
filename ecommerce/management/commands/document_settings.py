"""The `document_settings` command: makes docs/settings.md and .env.example from the declared variables."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ecommerce.operations import settings_documents


class Command(BaseCommand):
    """Write the documents. A test fails while they differ from the declarations."""

    help = "Make docs/settings.md and .env.example from ecommerce/variables.py."

    def handle(self, *args: Any, **options: Any) -> None:
        settings_documents.write(settings.BASE_DIR)
