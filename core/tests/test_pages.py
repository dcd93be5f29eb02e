"""Tests for the pages that staff write: versions, languages, rendering and the footer."""

from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse

from core.pages.current import legal_texts, page_of
from core.pages.models import Page, PageText
from core.pages.publishing import publish, unpublish
from tests.moved_versions import moved_versions
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db


def make_page(kind: str = "terms", language: str = "en-gb", **fields: Any) -> Page:
    """Create a published page."""
    values = {
        "slug": f"{kind}-{language[:2]}",
        "title": f"{kind} {language[:2]}",
        "draft": "Text.",
        "column": "help",
    } | fields
    page: Page = Page.objects.create(kind=kind, language=language, **values)
    publish(page)
    return page


def test_page_shows_its_newest_version_and_no_draft(client: Client) -> None:
    page = make_page(draft="First text.")
    assert "First text." in client.get("/pages/terms-en/").text
    Page.objects.filter(pk=page.pk).update(draft="Second text.", title="Other")
    assert "First text." in client.get("/pages/terms-en/").text
    page.refresh_from_db()
    publish(page)
    assert "Second text." in client.get("/pages/terms-en/").text
    assert [text.number for text in page.texts.order_by("pk")] == [1, 2]


def test_publishing_an_unchanged_draft_adds_no_version() -> None:
    page = make_page()
    assert publish(page) == page.latest_text()
    assert page.texts.count() == 1


def test_page_that_is_not_published_is_not_found(client: Client) -> None:
    page = make_page()
    assert unpublish(page)
    assert client.get("/pages/terms-en/").status_code == 404
    assert client.get("/pages/never-written/").status_code == 404
    publish(page)
    assert client.get("/pages/terms-en/").status_code == 200
    assert page.texts.count() == 1


def test_published_version_never_changes() -> None:
    text = make_page().latest_text()
    assert text
    text.text = "Other."
    text.save()
    assert PageText.objects.get(pk=text.pk).text == "Text."
    with pytest.raises(ProtectedError):
        text.page.delete()


def test_each_language_has_one_page_of_a_kind() -> None:
    make_page()
    make_page("plain")
    make_page("plain", slug="other")
    with pytest.raises(IntegrityError):
        make_page(slug="other-terms")


def test_old_version_stays_at_its_url_and_links_to_the_current_one(client: Client) -> None:
    page = make_page(draft="Old.")
    old = page.latest_text()
    page.draft = "New."
    page.save()
    publish(page)
    assert old
    shown = client.get(old.get_absolute_url())
    assert "Old." in shown.text
    assert 'href="/pages/terms-en/"' in shown.text.split("<main")[1].split("</main")[0]
    assert '<meta name="robots" content="noindex">' in shown.text
    assert client.get("/pages/versions/999/").status_code == 404
    assert client.get(f"/pages/versions/{2**70}/").status_code == 404


# Languages


@pytest.mark.parametrize(
    ("languages", "expected"), [(("en-gb", "de"), "de"), (("en-gb",), "en"), (("fr", "en-gb"), "en")]
)
def test_page_is_in_the_visitors_language_or_in_that_of_the_shop(languages: Any, expected: str, client: Client) -> None:
    for language in languages:
        make_page(language=language)
    home = client.get("/", headers={"Accept-Language": "de"}).text
    footer = home.split('class="site-footer"')[1]
    assert f'href="/pages/terms-{expected}/"' in footer
    assert ('lang="en-gb" hreflang="en-gb">terms en' in footer) == (expected == "en")
    assert legal_texts("de")["terms"].title == f"terms {expected}"


def test_content_in_another_language_is_marked(client: Client) -> None:
    make_page(language="de", draft="Hallo.")
    page = client.get("/pages/terms-de/").text
    assert '<html lang="en-gb">' in page
    assert '<article class="page-text" lang="de">' in page
    page = client.get("/pages/terms-de/", headers={"Accept-Language": "de"}).text
    assert '<article class="page-text">' in page


def test_page_names_its_canonical_url_and_its_translations(client: Client) -> None:
    make_page()
    assert "hreflang" not in client.get("/pages/terms-en/").text.split("</head>")[0]
    make_page(language="de")
    head = client.get("/pages/terms-en/").text.split("</head>")[0]
    assert 'rel="canonical" href="http://' in head
    assert 'hreflang="de" href="http://' in head
    assert '/pages/terms-de/"' in head
    assert "noindex" not in head


def test_published_pages_are_in_the_sitemap(client: Client) -> None:
    make_page()
    unpublish(make_page("privacy"))
    urls = client.get(reverse("sitemap_pages")).text
    assert "/pages/terms-en/" in urls
    assert "/contact/" in urls
    assert "/pages/privacy-en/" not in urls


# Stored pages


def test_warm_page_takes_one_query_for_the_versions(client: Client) -> None:
    make_page()
    client.get("/pages/terms-en/")
    with count_queries() as queries:
        client.get("/pages/terms-en/")
    assert len(queries) <= 1


def test_pages_move_the_version_of_the_whole_site_when_visitors_see_a_change() -> None:
    page = make_page()
    with moved_versions() as moved:
        page.draft = page.title = "New."
        page.save(update_fields=["draft", "title"])
    assert moved == set()
    with moved_versions() as moved:
        publish(page)
    assert "site" in moved
    with moved_versions() as moved:
        unpublish(page)
    assert "site" in moved


def test_current_page_is_none_without_a_published_page() -> None:
    assert page_of("terms") is None
    assert legal_texts("en-gb") == {}
