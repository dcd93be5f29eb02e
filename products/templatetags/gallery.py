"""The tags for the pictures of a product page: {% load gallery %}{% gallery_pictures pictures %}."""

from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from django import template
from django.utils.safestring import SafeString, mark_safe

from core.rendering.patterns import fill_pattern
from products.models import Picture, Product

register = template.Library()


MIN_RATIO = 0.85  # of the sides of a picture that fills its place


class Kind(NamedTuple):
    """What decides which parts a picture has."""

    is_first: bool
    is_whole: bool


@register.simple_tag
def gallery_pictures(pictures: Sequence[Product | Picture]) -> SafeString:
    """Render the pictures, which link to their largest rendition.

    The browser loads all except the first one when they come into view.
    """
    return _render("products/snippets/gallery_picture.html", pictures, _picture_values)


@register.simple_tag
def gallery_thumbs(pictures: Sequence[Product | Picture]) -> SafeString:
    """Render the thumbnails, which link to the pictures on this page."""
    return _render("products/snippets/gallery_thumb.html", pictures, _thumb_values)


@register.filter
def gallery_key(pictures: Sequence[Product | Picture]) -> tuple[object, ...] | None:
    """Return what decides the HTML of the pictures, for {% fragment %}. Return None if their URLs can expire."""
    if not all(picture.image.has_lasting_urls for picture in pictures):
        return None
    return tuple([_facts(picture) for picture in pictures])


def _facts(picture: Product | Picture) -> tuple[object, ...]:
    image = picture.image
    return image.base_url, image.name, picture.image_width, picture.image_height, picture.alt


def _render(
    template_name: str,
    pictures: Sequence[Product | Picture],
    values_of: Callable[[Product | Picture], dict[str, str]],
) -> SafeString:
    found = [
        fill_pattern(
            template_name, Kind(number == 1, _is_long(picture)), values_of(picture) | {"number": str(number)}
        ).strip()
        for number, picture in enumerate(pictures, start=1)
    ]
    return mark_safe("".join(found))  # noqa: S308 - the values are escaped


def _is_long(picture: Product | Picture) -> bool:
    """Return whether too much of the picture would be missing if it filled a square."""
    width, height = picture.image_width or 1, picture.image_height or 1
    return not MIN_RATIO <= width / height <= 1 / MIN_RATIO


def _picture_values(picture: Product | Picture) -> dict[str, str]:
    widest, medium, srcset = picture.image.page_sources()
    return {
        "url": escape(widest),
        "src": escape(medium),
        "srcset": escape(srcset),
        "alt": escape(picture.alt),
        "width": str(picture.image_width),
        "height": str(picture.image_height),
    }


def _thumb_values(picture: Product | Picture) -> dict[str, str]:
    return {"src": escape(picture.image.small_url), "words": escape(picture.alt)}
