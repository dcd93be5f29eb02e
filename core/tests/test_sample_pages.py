"""Tests for the sample texts of pages."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from core.pages.facts import unknown_placeholders
from core.pages.models import Page
from core.pages.sample_pages import FIRST_LINES, FOLDER, add_sample_pages, is_sample
from core.shop.models import Shop

FILES = sorted(FOLDER.glob("*/*.md"))
KINDS = set(Page.Kind.values) - {"plain"}


def test_each_language_has_a_sample_of_each_kind() -> None:
    assert {(path.parent.name, path.stem) for path in FILES} == {(code, kind) for code in FIRST_LINES for kind in KINDS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_sample_says_at_the_top_that_it_must_be_replaced(path: Path) -> None:
    title, _empty, first, *lines = path.read_text().splitlines()
    assert title.startswith("# ")
    assert first == f"**{FIRST_LINES[path.parent.name]}**"
    assert 8 <= len(lines) <= 60
    assert unknown_placeholders(path.read_text()) == []
    assert "ec.europa.eu" not in path.read_text()
    assert is_sample(path.read_text())


@pytest.mark.django_db
def test_samples_show_the_seller_and_no_empty_facts(client: Client) -> None:
    Shop.objects.all().delete()
    Shop.objects.create(name="Clay", email="shop@clay.example", legal_name="Clay Ltd", city="Bath")
    assert add_sample_pages() == 14
    for page in Page.objects.exclude(kind="contact"):
        shown = client.get(page.get_absolute_url()).text.split("<article")[1].split("</article")[0]
        assert (
            not re.search(r"[{}]|<li>\s*</li>|:\s*</li>", shown.partition('id="form"')[0]) or page.kind == "withdrawal"
        )
        assert "Phone" not in shown
        assert "Telefon:" not in shown
    form = client.get("/pages/widerruf/").text
    assert "Muster-Widerrufsformular" in form
    assert "Clay Ltd" in form.split("Muster-Widerrufsformular")[1].split("</article")[0]


@pytest.mark.django_db
def test_adding_samples_again_keeps_the_changes_of_staff() -> None:
    add_sample_pages()
    Page.objects.filter(slug="terms").update(draft="Mine.", is_published=False)
    Page.objects.filter(slug="agb").update(slug="bedingungen")
    assert add_sample_pages() == 0
    page = Page.objects.get(slug="terms")
    assert (page.draft, page.is_published) == ("Mine.", False)


@pytest.mark.django_db
@pytest.mark.slow
def test_seed_adds_the_sample_pages() -> None:
    call_command("seed", verbosity=0)
    assert Page.objects.filter(is_published=True).count() == 14
