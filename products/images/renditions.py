"""Model field that stores an image with renditions: smaller copies for lists, phones and carts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from posixpath import splitext
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage
from django.db import models, transaction
from django.db.models.fields.files import ImageFieldFile
from PIL import Image

from products.images.reading import read_picture, upright_size
from products.images.storing import PictureNotStoredError, delete_files, store_files

# The widths of the renditions in pixels. No rendition is wider than the image itself. 400 fills half the width of a
# phone, on which most lists are read. Run `manage.py resize_pictures` after a change.
WIDTHS = (160, 400, 640, 1280)
MEDIUM = 640
OWN_WIDTH = 1600  # A WebP image of up to this width is offered as it is, for zooming. No file is made for that.
FORMER_WIDTHS = (320,)  # The widths of earlier versions. Their files are deleted with the image.
QUALITY = 78
EFFORT = 4  # of encoding WebP
MAX_HEIGHT = 16_383  # pixels of a WebP file


class PreparedPicture(File):
    """An image file with renditions by width that were made before. Commands that add many pictures use it."""

    renditions: Mapping[int, File]


class RenditionImageFile(ImageFieldFile):
    """A stored image and its renditions, WebP files named after it. The row stores the image's own width and height."""

    def save(self, name: str, content: File, save: bool = True) -> None:
        """Store the image and its renditions. Raise PictureNotStoredError and leave no file if that fails."""
        before = self.name
        self.name = self.field.generate_filename(self.instance, name)
        with transaction.atomic(savepoint=False):  # An error deletes the files with the transaction.
            try:
                self._set_size(*upright_size(content))
                prepared = content.renditions if isinstance(content, PreparedPicture) else {}
                renditions = [(self.rendition_name(width), file) for width, file in prepared.items()]
                store_files(self.storage, [(self.name, content), *renditions])
                self.create_renditions()
            except Exception as error:
                self.name = before
                raise PictureNotStoredError(content) from error
            setattr(self.instance, self.field.attname, self.name)
            self._committed = True
            if save:
                self.instance.save()

    def create_renditions(self) -> int:
        """Create and store the missing renditions. Return their number.

        Raise OSError if the image file is missing, and errors of other types if it cannot be read.
        """
        missing = [width for width in self.widths if not self.storage.exists(self.rendition_name(width))]
        if missing:
            with self.storage.open(str(self.name)) as file:
                store_files(self.storage, self._renditions(file, missing))
        return len(missing)

    def _renditions(self, file: File, widths: list[int]) -> Iterator[tuple[str, File]]:
        """Yield the name and the content of these renditions."""
        picture, _kind = read_picture(file)
        for width, rendition in make_renditions(picture, widths):
            yield self.rendition_name(width), rendition

    def delete(self, save: bool = True) -> None:
        """Delete the image and its renditions from the storage."""
        delete_files(self.storage, [self.rendition_name(width) for width in (*self.widths, *FORMER_WIDTHS)])
        super().delete(save)

    @property
    def widths(self) -> list[int]:
        """The widths of the renditions, in ascending order.

        The last is the image's own width, up to 1280 pixels, or up to 1600 if it is a WebP image. A very tall image has
        only renditions that are narrow enough for the format.
        """
        return list(rendition_widths(self._own_width, self._own_height, splitext(self.name or "")[1] == ".webp"))

    def rendition_name(self, width: int) -> str:
        """Return the name of the rendition of this width. A WebP image of exactly this width is its own rendition."""
        stem, suffix = splitext(self.name or "")
        return stem + suffix if width == self._own_width and suffix == ".webp" else f"{stem}-{width}.webp"

    def rendition_url(self, min_width: int) -> str:
        """Return the URL of the smallest rendition of at least this width, or of the widest one.

        Return "" if there is no image, and the URL of the image itself if its size is unknown.
        """
        if not self:
            return ""
        if self.has_lasting_urls:
            return _wide_url(self.base_url, str(self.name), self._own_width, self._own_height, min_width) or self.url
        width = _wide_enough(self.widths, min_width)
        return self._urls([width])[0] if width else self.url

    @property
    def small_url(self) -> str:
        return self.rendition_url(160)

    @property
    def medium_url(self) -> str:
        return self.rendition_url(MEDIUM)

    @property
    def large_url(self) -> str:
        return self.rendition_url(1280)

    @property
    def srcset(self) -> str:
        """The renditions as a `srcset` attribute, from which the browser chooses."""
        return self.page_sources()[2]

    def card_sources(self) -> tuple[str, str]:
        """Return `medium_url`, and a `srcset` of at most three renditions. Cards are wider than the smallest one."""
        widths = self.widths
        _widest, medium, srcset = self._sources([w for w in widths if WIDTHS[0] < w <= WIDTHS[-1]] or widths)
        return medium, srcset

    def page_sources(self) -> tuple[str, str, str]:
        """Return the URL of the widest rendition, `medium_url` and `srcset`, for the page of a product."""
        return self._sources(self.widths)

    def _sources(self, widths: list[int]) -> tuple[str, str, str]:
        if not widths:
            return self.rendition_url(0), self.rendition_url(0), ""
        urls = self._urls(widths)
        pairs = list(zip(widths, urls, strict=True))
        medium = next((url for width, url in pairs if width >= MEDIUM), urls[-1])
        return urls[-1], medium, ", ".join([f"{url} {width}w" for width, url in pairs])

    @property
    def has_lasting_urls(self) -> bool:
        """Whether the URLs only depend on the name and on `base_url`. Those of other storages can expire."""
        return self.storage.__class__.url is FileSystemStorage.url or hasattr(self.storage, "has_lasting_urls")

    @property
    def base_url(self) -> str:
        """The beginning of the URLs of a storage with lasting URLs."""
        return str(self.storage.base_url)  # type: ignore[attr-defined]

    def _urls(self, widths: Iterable[int]) -> list[str]:
        """Return the URLs of these renditions.

        Lasting URLs are computed once. Another storage is always asked, because its URLs can be signed and expire.
        """
        if not self.has_lasting_urls:
            return [str(self.storage.url(self.rendition_name(width))) for width in widths]
        url_of = _file_urls(self.base_url, self.name or "", self._own_width, self._own_height)
        return [url_of[width] for width in widths]

    @property
    def _own_width(self) -> int:
        return getattr(self.instance, f"{self.field.name}_width") or 0

    @property
    def _own_height(self) -> int:
        return getattr(self.instance, f"{self.field.name}_height") or 0

    def _set_size(self, width: int | None, height: int | None) -> None:
        setattr(self.instance, f"{self.field.name}_width", width)
        setattr(self.instance, f"{self.field.name}_height", height)


@lru_cache(maxsize=1024)
def rendition_widths(own: int, height: int, is_webp: bool) -> tuple[int, ...]:
    """Return the widths of the renditions of an image of this size, in ascending order."""
    widest = min(own, WIDTHS[-1], MAX_HEIGHT * own // height if height else own)
    smaller = [width for width in WIDTHS if width < widest]
    itself = own if is_webp and own <= OWN_WIDTH else widest
    return tuple(sorted({*smaller, widest, itself} - {0}))


def make_renditions(
    picture: Image.Image, widths: Iterable[int], effort: int = EFFORT
) -> Iterator[tuple[int, ContentFile]]:
    """Yield each width with its rendition, the widest first. Each is scaled from the one before.

    `effort` is from 0, the fastest, to 6, the smallest files.
    """
    ratio = picture.height / picture.width
    for width in sorted(widths, reverse=True):
        height = min(max(round(width * ratio), 1), MAX_HEIGHT)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)
        yield width, _as_webp(picture, effort)


@lru_cache(maxsize=2048)
def _file_urls(base_url: str, name: str, own: int, height: int) -> dict[int, str]:
    """Return the URLs of the renditions of an image of this size in a file system storage with this base URL."""
    stem, suffix = splitext(name)
    start, own_width = str(FileSystemStorage(base_url=base_url).url(stem)), own if suffix == ".webp" else 0
    widths = rendition_widths(own, height, suffix == ".webp")
    return {width: start + (suffix if width == own_width else f"-{width}.webp") for width in widths}


@lru_cache(maxsize=4096)
def _wide_url(base_url: str, name: str, own: int, height: int, min_width: int) -> str:
    """Return the URL of the smallest rendition of at least this width, or of the widest one. Return "" without any."""
    urls = _file_urls(base_url, name, own, height)
    return urls.get(_wide_enough(sorted(urls), min_width), "")


def _wide_enough(widths: Sequence[int], min_width: int) -> int:
    return next((width for width in widths if width >= min_width), widths[-1] if widths else 0)


class RenditionImageField(models.ImageField):
    """An ImageField that stores the size of its image in the columns `<name>_width` and `<name>_height`.

    Pages can show the size without opening the file. Django's own `width_field` would read the file of every row whose
    size is unknown when the row is loaded.
    """

    attr_class = RenditionImageFile

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Store a new image with its renditions. Clear the size if the image was removed."""
        file = super().pre_save(model_instance, add)
        if not file:
            file._set_size(None, None)
        return file


def _as_webp(picture: Image.Image, effort: int) -> ContentFile:
    content = BytesIO()
    picture.save(content, "WEBP", quality=QUALITY, method=effort)
    return ContentFile(content.getvalue())
