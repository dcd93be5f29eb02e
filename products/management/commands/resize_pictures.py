"""Management command that creates missing image renditions."""

from typing import Any

from django.core.management.base import BaseCommand

from products.models import Picture, Product


class Command(BaseCommand):
    """Creates missing renditions, for example after their widths have changed or files were lost."""

    help = "Create the missing smaller versions of product pictures. It is safe to run this again."

    def handle(self, *args: Any, **options: Any) -> None:
        made = 0
        for model in (Product, Picture):
            for row in model.objects.exclude(image="").iterator():
                try:
                    made += row.image.create_renditions()
                except OSError as error:
                    self.stderr.write(f"{row}: {row.image.name} cannot be read ({error})")
        if made or options["verbosity"] > 1:
            self.stdout.write(f"{made} smaller pictures created.")
