"""The `proxy_files` command, which writes the files that deploy/nginx.conf includes."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

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
            proxy_files.write(folder, server or SERVERS)
        except OSError as error:
            raise CommandError(f"Cannot write {error.filename}: {error.strerror}.") from error
        except (LookupError, ValueError) as error:
            raise CommandError(f"Run `manage.py collectstatic` first. {error}") from error
        self.stdout.write(f"Wrote {folder}. Test and reload the proxy: nginx -t && nginx -s reload")
