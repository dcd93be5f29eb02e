"""Tests for the stylesheet that is built from Bootstrap and the shop's own rules."""

import re
from pathlib import Path

import brotli
import crispy_bootstrap5
import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from ecommerce.stylesheet import bootstrap, building

MAX_SIZE = 20_000  # bytes with brotli


@pytest.fixture(scope="module")
def css() -> str:
    return Path(building.built_folder(), building.NAME).read_text(encoding="utf-8")


def classes_of(css: str) -> set[str]:
    return set(re.findall(r"\.(-?[A-Za-z_][\w-]*)", re.sub(r"url\([^)]*\)|\d\.\d", "", css)))


def classes_in(html: str) -> set[str]:
    plain = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", " ", html, flags=re.DOTALL)
    return {name for text in re.findall(r'class="([^"]*)"', plain) for name in text.split()}


def shop_templates() -> list[Path]:
    folder = Path(settings.BASE_DIR) / "templates"
    return [path for path in folder.rglob("*.html") if not {"admin", "emails"} & set(path.parts)]


def bootstrap_css() -> str:
    return Path(settings.BOOTSTRAP_DIR, "css", "bootstrap.min.css").read_text(encoding="utf-8")


def test_stylesheet_takes_at_most_20_kilobytes(css: str) -> None:
    assert len(brotli.compress(css.encode())) <= MAX_SIZE


@pytest.mark.parametrize("path", shop_templates(), ids=lambda path: "/".join(path.parts[-2:]))
def test_every_class_of_bootstrap_in_a_template_is_kept(path: Path) -> None:
    used = classes_in(path.read_text(encoding="utf-8")) & classes_of(bootstrap_css())
    assert used - bootstrap.KEPT - classes_of("".join(own_files())) == set()


def own_files() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in building.SOURCES.glob("*.css")]


def test_every_kept_class_is_used() -> None:
    folder = Path(settings.BASE_DIR)
    apps = ("accounts", "addresses", "billing", "carts", "core", "orders", "products", "ecommerce")
    sources = [path.read_text(encoding="utf-8") for path in shop_templates()]
    sources += [path.read_text(encoding="utf-8") for app in apps for path in (folder / app).rglob("*.py")]
    sources += [path.read_text(encoding="utf-8") for path in Path(crispy_bootstrap5.__file__).parent.rglob("*.html")]
    sources = [text for text in sources if "KEPT = frozenset" not in text]
    text = " ".join(sources)
    assert {name for name in bootstrap.KEPT if not re.search(rf"\b{name}\b", text)} == set()


def test_files_of_the_folder_are_all_in_the_stylesheet() -> None:
    assert {path.stem for path in building.SOURCES.glob("*.css")} == set(building.FILES)


def test_rules_of_other_components_are_left_out(css: str) -> None:
    assert {"accordion", "modal", "carousel", "navbar-expand-lg"} & classes_of(css) == set()


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (".btn{color:red}", ".btn{color:red}"),
        (".modal{color:red}", ""),
        (".btn,.modal{color:red}", ".btn{color:red}"),
        (".btn:not(.modal){color:red}", ".btn:not(.modal){color:red}"),
        ("@media (min-width:1px){.modal{color:red}}", ""),
        ("@media (min-width:1px){.btn{color:red}}", "@media (min-width:1px){.btn{color:red}}"),
        ("[data-bs-theme=dark] .btn{color:red}", ""),
        ("a:is(.btn,.modal){color:red}", ""),
        (":root{--bs-a:1;--bs-b:2}a{width:var(--bs-b)}", ":root{--bs-b:2}a{width:var(--bs-b)}"),
    ],
)
def test_used_rules_are_kept(rule: str, kept: str) -> None:
    assert bootstrap.used_rules(rule, "") == kept


def test_variable_that_only_the_shop_reads_is_kept() -> None:
    assert bootstrap.used_rules(":root{--bs-a:1}", "a{width:var(--bs-a)}") == ":root{--bs-a:1}"


def test_finder_serves_the_built_file() -> None:
    assert finders.find("css/shop.css") == str(building.built_folder() / building.NAME)


def test_finder_knows_no_other_file() -> None:
    assert finders.find("css/bootstrap.min.css") is None


def test_fonts_take_at_most_70_kilobytes() -> None:
    assert sum(path.stat().st_size for path in (Path(settings.BASE_DIR) / "static" / "fonts").iterdir()) <= 70_000


def test_changed_source_gives_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings) -> None:
    settings.VAR_DIR = tmp_path
    before = building.built_folder()
    monkeypatch.setattr(building, "_source", lambda name: ".new { color: red }")
    assert building.built_folder() != before
