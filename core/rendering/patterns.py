"""HTML for lists of many similar rows: rendered once for each kind of row, then only filled with the values of a row.

This is about ten times as fast as rendering a template for each row. See docs/decisions/patterns.md.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from django.template import Context, Template
from django.template.loader import get_template

from core.rendering.page_urls import surroundings

MARK = "\ue000"  # a character for private use, which no template contains


def fill_pattern(template_name: str, kind: NamedTuple, values: Mapping[str, str]) -> str:
    """Return the HTML of a row: the template with the flags of `kind` and these values, which must be HTML.

    Only the flags may decide which parts the row has, because the template does not see the values.
    """
    template = get_template(template_name).template  # type: ignore[attr-defined]
    return _pattern(template, kind, tuple(values), surroundings()) % values


@lru_cache(maxsize=256)
def _pattern(template: Template, kind: Any, names: tuple[str, ...], _surroundings: object) -> str:
    """Return the HTML of this kind of row with `%(name)s` for each value.

    The surroundings are the current ones. A template that was changed is another object, so it is rendered again.
    """
    stand_ins = {name: f"{MARK}{name}{MARK}" for name in names}
    html = template.render(Context(kind._asdict() | stand_ins))
    return re.sub(f"{MARK}([a-z_]+){MARK}", r"%(\1)s", html.replace("%", "%%"))
