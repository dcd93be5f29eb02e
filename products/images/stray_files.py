"""Image files that no row refers to. A process that was killed can leave them."""

from datetime import datetime, timedelta
from pathlib import PurePath

from django.core.files.storage import Storage
from django.utils import timezone

from products.images.mixin import UPLOAD_FOLDER, ImageMixin
from products.images.storing import delete_files

KEEP_FOR = timedelta(days=1)  # The transaction that stored a file can still be running.


def delete_stray_files(older_than: timedelta = KEEP_FOR) -> int:
    """Delete the image files that no row refers to and that are older than this. Return their number."""
    storage = ImageMixin._meta.get_field("image").storage
    limit = timezone.now() - older_than
    # The files are listed before the rows are read, so that no row of a listed file is missed.
    names = _file_names(storage)
    used = _used_names()
    strays = [name for name in names if not _is_used(name, used) and _is_older(storage, name, limit)]
    delete_files(storage, strays)
    return len(strays)


def _file_names(storage: Storage) -> list[str]:
    try:
        return [f"{UPLOAD_FOLDER}/{name}" for name in storage.listdir(UPLOAD_FOLDER)[1]]
    except FileNotFoundError:
        return []


def _used_names() -> set[str]:
    """Return the names of all images, each also without its suffix, with which the names of its renditions begin."""
    names: set[str] = set()
    for model in ImageMixin.__subclasses__():
        names.update(model._base_manager.exclude(image="").values_list("image", flat=True).iterator())
    return names | {str(PurePath(name).with_suffix("")) for name in names}


def _is_used(name: str, used: set[str]) -> bool:
    stem, _dash, width = str(PurePath(name).with_suffix("")).rpartition("-")
    return name in used or (width.isdecimal() and stem in used)


def _is_older(storage: Storage, name: str, limit: datetime) -> bool:
    try:
        return storage.get_modified_time(name) < limit
    except OSError:  # Another process has just deleted it.
        return False
