"""The sections of the sample shop's home page."""

import json
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.base import ContentFile

from core.page_cache.versions import collect_touches
from products.models import Category, HomeSection

STEP = 10  # between the positions of two sections, so that others fit between them
PICTURES = ("image", "tall_picture")


@collect_touches()
def add_sample_home(catalog: Path) -> int:
    """Add the sections of home.json with the pictures of this folder, unless the home page has sections.

    Return how many were added.
    """
    if HomeSection.objects.exists():
        return 0
    rows = json.loads((catalog / "home.json").read_text(encoding="utf-8"))
    for number, row in enumerate(rows, start=1):
        values = {name: _value(name, value, catalog / "images") for name, value in row.items()}
        HomeSection.objects.create(position=STEP * number, **values)
    return len(rows)


def _value(name: str, value: str, pictures: Path) -> Any:
    if name in PICTURES:
        return _picture(pictures / value)
    return Category.objects.filter(title=value).first() if name == "category" else value


def _picture(path: Path) -> File:
    return ContentFile(path.read_bytes(), path.name)
