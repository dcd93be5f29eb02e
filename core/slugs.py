"""Unique, readable slugs."""

from collections.abc import Callable

from django.db import IntegrityError, models, transaction
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


def save_with_unique_slug(instance: models.Model, save: Callable[[], None], field: str = "slug") -> None:
    """Call `save`, which sets the slug if it is empty.

    If another transaction has just taken that slug, call `save` again with an empty slug, so that it sets the next one.
    """
    if getattr(instance, field):
        save()
        return
    while True:
        try:
            with transaction.atomic():
                save()
        except IntegrityError:
            others = type(instance)._default_manager.exclude(pk=instance.pk)
            if not others.filter(**{field: getattr(instance, field)}).exists():
                raise
            setattr(instance, field, "")
        else:
            return
