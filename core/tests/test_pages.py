"""Tests for the pages that staff write: versions, languages, rendering and the footer."""

import re
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from core.pages.current import legal_texts, page_of
from core.pages.models import Page, PageText
from core.pages.publishing import publish, unpublish
from core.pages.rendering import render_html, render_text
from core.shop.models import Shop
from tests.makers import make_shop as make_bare_shop
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


def make_shop(**fields: Any) -> Shop:
    """Fill in the facts about the shop, and leave all others empty."""
    Shop.objects.all().delete()
    return make_bare_shop(**{"name": "Clay", "email": "shop@clay.example"} | fields)


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
    assert "/contact/" not in urls
    assert "/pages/privacy-en/" not in urls
    make_page("contact")
    assert client.get(reverse("sitemap_pages")).text.count("/contact/") == 1


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


# Facts about the shop


def test_facts_about_the_shop_are_filled_in_as_text() -> None:
    make_shop(legal_name="Clay *& Co*", street="1 High Street", city="Bath", postcode="BA1 1AA", country="GB")
    html = make_page(draft="{seller}\n\n- Phone: {phone}\n- Mail: {email}").latest_text().html  # type: ignore[union-attr]
    assert "Clay *&amp; Co*<br>\n1 High Street<br>\nBath BA1 1AA<br>\nUnited Kingdom" in html
    assert "Phone" not in html
    assert "Mail: shop@clay.example" in html


def test_country_is_named_in_the_language_of_the_page() -> None:
    make_shop(legal_name="Ton", country="DE")
    assert "Deutschland" in make_page(language="de", draft="{seller}").latest_text().html  # type: ignore[union-attr]


def test_new_facts_publish_new_versions_without_publishing_drafts() -> None:
    shop = make_shop(phone="1")
    page, other = make_page(draft="Call {phone}."), make_page("privacy", draft="No facts.")
    Page.objects.filter(pk=page.pk).update(draft="Secret draft.")
    shop.phone = "2"
    shop.save()
    assert [text.text for text in page.texts.order_by("number")] == ["Call 1.", "Call 2."]
    assert other.texts.count() == 1


@pytest.mark.parametrize("disputes", ["", "refuses", "takes_part", "not_required"])
def test_page_says_whether_the_shop_takes_part_in_dispute_resolution(disputes: str) -> None:
    make_shop(disputes=disputes, disputes_text="Board, 1 Court Road")
    text = make_page(draft="Before.\n\n{disputes}").latest_text()
    assert text
    assert ("We do not take part" in text.text) == (disputes == "refuses")
    assert ("Board, 1 Court Road" in text.plain_text) == (disputes == "takes_part")


# Rendering


HOSTILE = """# Title
<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(1)) [b](data:text/html,x)
![picture](https://evil.example/x.png) [ok](https://good.example/) [mail](mailto:a@b.example) {unknown}
<a href="https://x.example" onclick="x()">raw</a>

[ref]: javascript:alert(2)

[ref] <javascript:alert(3)>
"""


def test_rendered_html_contains_only_safe_elements() -> None:
    html = render_html(HOSTILE)
    elements = re.findall(r"<(/?\w+)([^>]*)>", html)
    assert {name.strip("/") for name, _attributes in elements} == {"h2", "p", "a"}
    assert {attributes for name, attributes in elements if name == "a"} == {
        ' href="https://evil.example/x.png"', ' href="https://good.example/"', ' href="mailto:a@b.example"',
    }  # fmt: skip


def test_headings_start_below_the_title_of_the_page() -> None:
    assert re.findall(r"<h(\d)", render_html("# One\n\n## Two\n\n###### Six")) == ["2", "3", "6"]
    assert re.findall(r"<h(\d)", render_html("### Three\n\n#### Four")) == ["2", "3"]
    assert re.findall(r"<h(\d)", render_html("## Two\n\n### Three", top=3)) == ["3", "4"]


def test_table_has_no_inline_styles() -> None:
    assert "style" not in render_html("| A | B |\n|--:|:-:|\n| 1 | 2 |")


def test_plain_text_keeps_the_structure() -> None:
    paragraphs = "# Head\n\nSome *text* [here](https://a.example)\\\nnext\n\n1. one\n2. two\n   - inner\n\n> Said.\n\n"
    markdown = f"{paragraphs}| A | B |\n|---|---|\n| 1 | 2 |"
    assert render_text(markdown).split("\n") == [
        "Head", "", "Some text here (https://a.example)", "next", "", "1. one", "2. two", "  - inner", "", "Said.", "",
        "A | B", "1 | 2",
    ]  # fmt: skip


@given(st.text(max_size=300))
def test_any_text_renders_as_safe_html_and_as_text(markdown: str) -> None:
    assert not re.search(
        r"<(?!/?(?:a|blockquote|br|code|em|h[2-6]|hr|li|ol|p|pre|strong|t\w+|ul)\b)", render_html(markdown)
    )
    render_text(markdown)


# Footer


def test_footer_shows_the_seller_and_the_pages_of_each_column(client: Client) -> None:
    make_shop(legal_name="Clay Ltd", street="1 High Street", phone="0123")
    make_page("imprint", column="company")
    make_page("plain", column="shop", slug="care", title="Care")
    make_page("plain", column="", slug="hidden", title="Hidden")
    make_page("plain", language="de", column="shop", slug="pflege", title="Pflege")
    footer = client.get("/accounts/login/").text.split('class="site-footer"')[1]
    for text in ("Clay Ltd", "1 High Street", "0123", "imprint en", "Care"):
        assert text in footer
    assert "Hidden" not in footer
    assert "Pflege" not in footer
    assert footer.index("Care") < footer.index("Contact") < footer.index("imprint en")
    assert 'href="/contact/"' in footer


def test_footer_links_to_the_contact_form_once(client: Client) -> None:
    make_page("contact", title="Write to us")
    footer = client.get("/").text.split('class="site-footer"')[1]
    assert footer.count('href="/contact/"') == 1
    assert ">Write to us</a>" in footer
    assert client.get("/pages/contact-en/").headers["Location"] == "/contact/"


def test_warm_footer_takes_one_query_for_the_versions(client: Client) -> None:
    make_page()
    client.get("/accounts/login/")
    with count_queries() as queries:
        client.get("/accounts/login/")
    assert len(queries) <= 1
