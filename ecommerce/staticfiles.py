"""A static files finder for Bootstrap's minified stylesheet, from the package that ships it unmodified."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

# The shop does not use Bootstrap's script. Menus and messages work without JavaScript.
FILES = ("css/bootstrap.min.css", "css/bootstrap.min.css.map")


class BootstrapFinder(BaseFinder):
    """A finder for the FILES in `bootstrap/`. The whole package would make collectstatic eight times slower."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.storage = FileSystemStorage(location=settings.BOOTSTRAP_DIR)
        self.storage.prefix = "bootstrap"  # type: ignore[attr-defined]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> str | list[str]:  # type: ignore[override]
        """Return the path of the file on disk, or an empty list if it is not one of FILES."""
        name = path.removeprefix("bootstrap/")
        if name not in FILES or name == path:
            return []
        found = self.storage.path(name)
        return [found] if find_all else found

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        """Yield the files that collectstatic copies."""
        return ((name, self.storage) for name in FILES)
