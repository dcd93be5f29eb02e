"""The documents about settings, made from `ecommerce.variables`: docs/settings.md and .env.example."""

from collections.abc import Callable
from pathlib import Path
from textwrap import wrap

from ecommerce.variables import GROUPS, Variable

WIDTH = 118
INTRODUCTION = """\
# Settings

All settings are environment variables, or lines of a file named `.env` next to `manage.py`. A blank value counts as not
set, unless the table says otherwise. `make settings` makes this page and `.env.example` from `ecommerce/variables.py`.

- **!** must be set in production: the shop does not start without it while `DEBUG` is off.
- **(!)** has a default that is only good for development. The shop does not start with it on a site that others can
  reach, or with a live Stripe key.

`WEB_BIND`, `WEB_CONCURRENCY` and `WEB_THREADS` are read by `gunicorn.conf.py`, only from the environment.

An invalid value stops the start with a sentence that names the variable. `python manage.py check --deploy` also warns
about defaults that suit one process on one machine. Each message has an id and a hint.
"""
EXAMPLE_INTRODUCTION = """\
# Copy to .env and set the values that differ from the defaults. docs/settings.md describes all variables as a table.
# (!) must be set in production.
"""


def settings_page() -> str:
    """Return the text of docs/settings.md."""
    return "\n".join([INTRODUCTION, *(_section(title, group) for title, group in GROUPS.items())])


def example_file() -> str:
    """Return the text of .env.example."""
    return "\n".join([EXAMPLE_INTRODUCTION, *(_example_section(title, group) for title, group in GROUPS.items())])


DOCUMENTS: dict[str, Callable[[], str]] = {"docs/settings.md": settings_page, ".env.example": example_file}


def write(folder: Path) -> None:
    """Write both documents into this folder, the root of the project."""
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text(), encoding="utf-8")


def _section(title: str, group: list[Variable]) -> str:
    rows = [f"| `{v.name}` {_mark(v)}| {_default(v)} | {_escape(v.help)} |" for v in group]
    return "\n".join([f"## {title}", "", "| variable | default | meaning |", "|---|---|---|", *rows, ""])


def _mark(variable: Variable) -> str:
    return "**!** " if variable.must_be_set else "**(!)** " if variable.for_production else ""


def _default(variable: Variable) -> str:
    return variable.otherwise or (f"`{variable.text}`" if variable.text else "–")


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")


def _example_section(title: str, group: list[Variable]) -> str:
    return "\n".join([f"# {title}", *(_example(variable) for variable in group), ""])


def _example(variable: Variable) -> str:
    """Return the line of a variable, and its meaning above it."""
    mark = "(!) " if variable.must_be_set or variable.for_production else ""
    default = f" Default: {variable.otherwise}." if variable.otherwise else ""
    comment = wrap(f"{mark}{variable.help}{default}", WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*(f"#   {line}" for line in comment), f"# {variable.name}={variable.text}"])
