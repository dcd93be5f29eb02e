"""A static files finder for the stylesheet, which is built from Bootstrap and the shop's own rules."""

from collections.abc import Iterator
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

from ecommerce.stylesheet.building import NAME, built_folder


class StylesheetFinder(BaseFinder):
    """A finder for the one stylesheet of the shop. The shop does not use Bootstrap's script."""

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> str | list[str]:  # type: ignore[override]
        """Return the path of the file on disk, or an empty list if it is another file."""
        if path != NAME:
            return []
        found = str(built_folder() / NAME)
        return [found] if find_all else found

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        """Yield the file that collectstatic copies."""
        yield NAME, FileSystemStorage(location=built_folder())
