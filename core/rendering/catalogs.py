"""The catalogs of translations, in which Django looks for each text."""

from typing import Any

from django.conf import settings
from django.utils.translation import trans_real


def drop_empty_catalogs() -> None:
    """Remove the catalogs without texts in which Django looks last for a text that has no translation.

    Texts in English have none. Each app brings an empty English catalog, so looking in all of them took five times as
    long as in the ones that have texts.
    """
    for code, _name in settings.LANGUAGES:
        catalog: Any = trans_real.translation(code)
        while catalog is not None:
            catalog._fallback = _first_with_texts(catalog._fallback)
            catalog = catalog._fallback


def _first_with_texts(catalog: Any) -> Any:
    while catalog is not None and not any(text for text, _translation in catalog._catalog.items()):
        catalog = catalog._fallback
    return catalog
