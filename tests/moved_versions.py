"""A test helper that returns which versions of pages moved."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.models import PageVersion


@contextmanager
def moved_versions() -> Iterator[set[str]]:
    """Collect the names of the versions that move in the block."""
    before = dict(PageVersion.objects.values_list("name", "value"))
    moved: set[str] = set()
    yield moved
    after = dict(PageVersion.objects.values_list("name", "value"))
    moved.update(name for name, value in after.items() if before.get(name) != value)
