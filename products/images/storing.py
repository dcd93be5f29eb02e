"""Storage of image files: files that belong together are stored completely, or not at all."""

import logging
import weakref
from collections.abc import Iterable

from django.core.files.base import File
from django.core.files.storage import Storage
from django.db import transaction

logger = logging.getLogger(__name__)


class PictureNotStoredError(Exception):
    """An image or one of its renditions could not be stored. No file of it is left.

    The attribute `content` is the file that should have been stored.
    """

    def __init__(self, content: File) -> None:
        super().__init__("The picture could not be stored.")
        self.content = content


def store_files(storage: Storage, files: Iterable[tuple[str, File]]) -> None:
    """Store the files under these names, which must be new.

    If one fails, delete those that are stored already, also if only a part is. Delete all of them if the current
    transaction is rolled back.
    """
    names: list[str] = []
    try:
        for name, content in files:
            names.append(name)
            saved = storage.save(name, content)
            if saved != name:  # Another process has just stored it.
                storage.delete(saved)
    except BaseException:
        delete_files(storage, names)
        raise
    _delete_on_rollback(storage, names)


def delete_files(storage: Storage, names: Iterable[str]) -> None:
    """Delete the files that exist. Log the failures; `delete_stray_files` finds what is left."""
    for name in names:
        try:
            storage.delete(name)
        except Exception:  # Storages raise errors of many types.
            logger.exception("The file %s could not be deleted.", name)


class _CommitGuard:
    """A commit hook that deletes files when it is discarded without being called, which a rollback does."""

    def __init__(self, storage: Storage, names: list[str]) -> None:
        self._delete = weakref.finalize(self, delete_files, storage, names)

    def __call__(self) -> None:
        self._delete.detach()


def _delete_on_rollback(storage: Storage, names: list[str]) -> None:
    """Delete the files if the current transaction or savepoint is rolled back. Keep them if there is none."""
    transaction.on_commit(_CommitGuard(storage, names))
    # The guard must be called first: if another hook fails, Django discards those after it.
    hooks = transaction.get_connection().run_on_commit
    hooks[:0] = [hooks.pop()] if hooks else []
