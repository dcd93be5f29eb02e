"""Management command that creates missing image renditions and deletes stray image files."""

from typing import Any

from django.core.management.base import BaseCommand

from products.images.stray_files import delete_stray_files
from products.models import Picture, Product


class Command(BaseCommand):
    """Creates missing renditions, for example after their widths have changed or files were lost.

    It also deletes files that a process has left that was killed during an upload.
    """

    help = (
        "Create the missing smaller versions of product pictures, and delete picture files older than a day that no "
        "product uses. It is safe to run this again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        made = 0
        for model in (Product, Picture):
            for row in model.objects.exclude(image="").iterator():
                try:
                    made += row.image.create_renditions()
                except Exception as error:  # Pillow raises errors of many types. One picture must not stop the others.
                    self.stderr.write(f"{row}: {row.image.name} cannot be read ({error})")
        deleted = delete_stray_files()
        if made or options["verbosity"] > 1:
            self.stdout.write(f"{made} smaller pictures created.")
        if deleted or options["verbosity"] > 1:
            self.stdout.write(f"{deleted} unused files deleted.")
