"""Building the stylesheet that pages link to, `css/shop.css`."""

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from ecommerce.stylesheet import bootstrap

SOURCES = Path(__file__).parent / "css"
NAME = "css/shop.css"
# The order matters: later rules win over earlier ones of the same weight.
FILES = (
    "fonts", "tokens", "base", "header", "forms", "messages", "text", "cards", "home", "product", "browsing", "cart",
    "account", "print",
)  # fmt: skip


def built_folder() -> Path:
    """Return a folder with the present stylesheet. Build it if its sources have changed.

    The name of the folder is a hash of the sources, so processes with different code never disturb each other.
    """
    own = _without_comments("".join(_source(name) for name in FILES))
    css = _bootstrap_source()
    code = Path(bootstrap.__file__).read_bytes()
    digest = hashlib.sha256(css.encode() + own.encode() + code).hexdigest()[:16]
    folder: Path = settings.VAR_DIR / "stylesheets" / digest
    if not (folder / NAME).exists():
        _write(folder / NAME, bootstrap.used_rules(css, own) + own)
    return folder


def _source(name: str) -> str:
    return (SOURCES / f"{name}.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _bootstrap_source() -> str:
    return Path(settings.BOOTSTRAP_DIR, "css", "bootstrap.min.css").read_text(encoding="utf-8")


def _without_comments(css: str) -> str:
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    return re.sub(r"\n\s*", "\n", css).lstrip()


def _write(path: Path, text: str) -> None:
    """Write a file at once, so that another process never reads a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
