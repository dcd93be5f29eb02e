"""The `proxy_files` command, which writes the files that deploy/nginx.conf includes."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from core.shop.current import current_shop, shop_from_settings
from core.shop.models import Shop
from ecommerce.operations import proxy_files

SERVERS = ["127.0.0.1:8001", "127.0.0.1:8002"]  # of the two systemd units shop-web@1 and shop-web@2


class Command(BaseCommand):
    """Writes host names, headers, error pages and the addresses of the servers, as the settings have them."""

    help = "Write the files that deploy/nginx.conf includes: host names, headers, error pages and servers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="such as /etc/nginx/shop")
        parser.add_argument(
            "--server", action="append", metavar="HOST:PORT", help=f"repeat it for each; default: {' '.join(SERVERS)}"
        )

    def handle(self, *args: Any, folder: Path, server: list[str] | None, **options: Any) -> None:
        """Write the files. Raise CommandError if the folder cannot be written, or static files are not collected."""
        try:
            proxy_files.write(folder, server or SERVERS, self._shop())
        except OSError as error:
            raise CommandError(f"Cannot write {error.filename}: {error.strerror}.") from error
        except (LookupError, ValueError) as error:
            raise CommandError(f"Run `manage.py collectstatic` first. {error}") from error
        self.stdout.write(f"Wrote {folder}. Test and reload the proxy: nginx -t && nginx -s reload")

    def _shop(self) -> Shop:
        """Return the shop, or what the settings say about it, with a warning, if the database cannot be read."""
        try:
            with proxy_files.acting_as_owner_of(settings.VAR_DIR):
                return current_shop()
        except Error as error:
            self.stderr.write(f"The error pages have the name of the settings, and no logo. {error}".strip())
            return shop_from_settings()
