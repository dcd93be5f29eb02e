"""Unique, readable slugs."""

from django.db import models
from django.utils.text import slugify


def unique_slug(instance: models.Model, text: str, field: str = "slug") -> str:
    """Return a slug of `text` that no other row of the model uses: title, title-2, title-3, ..."""
    length = getattr(instance._meta.get_field(field), "max_length", None) or 50
    stem = slugify(text)[: length - 8].strip("-") or instance._meta.model_name or "row"
    others = type(instance)._default_manager.exclude(pk=instance.pk).filter(**{f"{field}__startswith": stem})
    taken = set(others.values_list(field, flat=True))
    slug, number = stem, 1
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug
