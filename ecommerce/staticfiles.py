"""Bootstrap's minified stylesheet, taken from the package that carries it unchanged."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

# Nothing in the shop needs Bootstrap's script: menus and notices work without any.
FILES = ("css/bootstrap.min.css", "css/bootstrap.min.css.map")


class BootstrapFinder(BaseFinder):
    """Finds `bootstrap/...` for FILES alone: the whole package would make collectstatic eight times slower."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.storage = FileSystemStorage(location=settings.BOOTSTRAP_DIR)
        self.storage.prefix = "bootstrap"  # type: ignore[attr-defined]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> str | list[str]:  # type: ignore[override]
        """The file's place on the disk, for the development server."""
        name = path.removeprefix("bootstrap/")
        if name not in FILES or name == path:
            return []
        found = self.storage.path(name)
        return [found] if find_all else found

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        """What collectstatic takes."""
        return ((name, self.storage) for name in FILES)
