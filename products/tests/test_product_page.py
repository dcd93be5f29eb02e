"""Tests of the product page: its folds, its choices and its links to large pictures."""

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client

from core.models import Page
from core.page_cache.version_cache import VersionCache
from core.pages.publishing import publish, unpublish
from core.templatetags import fragments
from products.images.renditions import RenditionImageFile
from products.models import Category, Product
from products.related import get_variant_options, get_variants
from products.tests.test_uploads import make_image
from tests.makers import add_to_cart, make_category, make_product

pytestmark = pytest.mark.django_db


def publish_page(kind: str, text: str, language: str = "en-gb", slug: str = "") -> Page:
    page, _is_new = Page.objects.update_or_create(
        kind=kind, language=language, defaults={"title": f"{kind} {language}", "slug": slug or kind, "draft": text}
    )
    publish(page)
    return page


def test_sections_of_the_description_are_folded_and_escaped(client: Client) -> None:
    page = client.get(make_product(description="A mug.\n\nCare & <wash>:\nBy <hand>.").get_absolute_url()).text
    assert "<p>A mug.</p>" in page
    assert "<summary>Care &amp; &lt;wash&gt;</summary><p>By &lt;hand&gt;.</p>" in page


def test_delivery_and_withdrawal_are_folded_with_links_to_their_pages(client: Client) -> None:
    publish_page("delivery", "**A notice.**\n\n# Where\n\nTo *everywhere*.\n\n- a list\n\nFor free.\n\nThe third.")
    publish_page("withdrawal", "Within 14 days.")
    page = client.get(make_product().get_absolute_url()).text
    assert "<p>To <em>everywhere</em>.</p>\n<p>For free.</p>" in page
    assert not any(text in page for text in ("A notice", "Where", "a list", "The third"))
    assert '<a href="/pages/delivery/">Full text: delivery en-gb</a>' in page
    assert "<p>Within 14 days.</p>" in page


def test_there_is_no_fold_without_a_published_page(client: Client) -> None:
    product = make_product()
    page = publish_page("delivery", "To everywhere.")
    unpublish(page)
    assert "<summary>delivery" not in client.get(product.get_absolute_url()).text


@pytest.mark.usefixtures("page_cache")
def test_changed_page_is_in_the_fold_at_the_next_request(client: Client) -> None:
    product = make_product()
    publish_page("delivery", "To everywhere.")
    assert "To everywhere." in client.get(product.get_absolute_url()).text
    publish_page("delivery", "To Bath.")
    assert "To Bath." in client.get(product.get_absolute_url()).text


def test_fold_is_in_the_language_of_the_visitor_or_marked(client: Client) -> None:
    product = make_product()
    publish_page("delivery", "To everywhere.")
    german = {"Accept-Language": "de"}
    assert '<details lang="en-gb">' in client.get(product.get_absolute_url(), headers=german).text
    publish_page("delivery", "Überallhin.", "de", "versand")
    page = client.get(product.get_absolute_url(), headers=german).text
    assert "<p>Überallhin.</p>" in page
    assert '<details lang="en-gb">' not in page


def test_product_without_right_of_withdrawal_has_no_fold_about_it(client: Client) -> None:
    publish_page("withdrawal", "Within 14 days.")
    product = make_product(withdrawal_days=0, withdrawal_exclusion="Made to your wishes")
    page = client.get(product.get_absolute_url()).text
    assert "Within 14 days." not in page
    assert "Made to your wishes" in page


def make_variants(*sizes: tuple[int, int] | None) -> list[Product]:
    """Create variants with pictures of these sizes, or without one."""
    return [
        make_product(
            title=f"Mug {number}",
            group="mugs",
            option="Colour",
            choice=f"Colour {number}",
            **({"image": ContentFile(make_image("WEBP", size), "mug.webp")} if size else {}),
        )
        for number, size in enumerate(sizes)
    ]


def test_choices_have_pictures_if_each_variant_has_its_own(client: Client) -> None:
    first, second = make_variants((200, 200), (200, 200))
    page = client.get(first.get_absolute_url()).text
    assert f'<img src="{second.image.small_url}" alt="" width="80" height="80">Colour 1</a>' in page
    assert f'href="{first.get_absolute_url()}" aria-current="true"><img' in page


def test_choices_are_words_if_a_variant_has_no_picture_or_that_of_another(client: Client) -> None:
    first, second = make_variants((200, 200), None)
    assert 'width="80"' not in client.get(first.get_absolute_url()).text
    Product.objects.filter(pk=second.pk).update(image=first.image.name, image_width=200, image_height=200)
    [option] = get_variant_options(first, get_variants(first))
    assert not option.has_pictures


def test_pictures_link_to_their_largest_rendition(client: Client) -> None:
    product = make_product(image=ContentFile(make_image("WEBP", (1600, 1600)), "mug.webp"))
    page = client.get(product.get_absolute_url()).text
    assert f'<a id="picture-1" href="{product.image.url}" data-zoom><img' in page
    assert f"{product.image.url} 1600w" in page


@pytest.mark.parametrize(("size", "is_whole"), [((100, 100), False), ((100, 110), False), ((100, 200), True)])
def test_long_picture_is_shown_whole(client: Client, size: tuple[int, int], is_whole: bool) -> None:
    product = make_product(image=ContentFile(make_image(size=size), "mug.png"))
    assert ('class="is-whole"' in client.get(product.get_absolute_url()).text) == is_whole


def test_form_can_open_the_panel_only_while_it_adds(client: Client) -> None:
    product = make_product(category=make_category())
    assert " data-add>" in client.get(product.get_absolute_url()).text
    add_to_cart(client, product)
    assert " data-add>" not in client.get(product.get_absolute_url()).text


@pytest.mark.parametrize("path", ["/", "/products/"])
def test_script_of_the_product_page_is_on_no_other_page(client: Client, path: str) -> None:
    product = make_product()
    assert "js/product.js" in client.get(product.get_absolute_url()).text
    assert "js/product.js" not in client.get(path).text


def test_script_of_the_product_page_is_small(settings: Any) -> None:
    assert (settings.BASE_DIR / "static" / "js" / "product.js").stat().st_size <= 2048


def test_product_without_pictures_has_no_gallery(client: Client) -> None:
    page = client.get(make_product().get_absolute_url()).text
    assert 'class="gallery' not in page
    assert "<dialog" not in page


@pytest.mark.parametrize("step", range(10))
def test_parts_that_are_kept_show_a_change_at_the_next_request(client: Client, step: int) -> None:
    top = Category.objects.create(title="Kitchen")
    category = Category.objects.create(title="Mugs", parent=top)
    first = make_product(
        title="First", category=category, description="Text.\n\nFacts:\nOne.\nTwo.", image="products/first.webp"
    )
    first.pictures.create(image="products/side.webp", image_alt="Side")
    Product.objects.filter(pk=first.pk).update(group="mugs", option="Glaze", choice="Teal")
    other = make_product(title="Other", category=category, group="mugs", option="Glaze", choice="Oat")
    related = make_product(title="Related", category=category)
    row, value = [
        (top, {"title": "Changed"}),
        (category, {"title": "Changed"}),
        (first, {"title": "Changed"}),
        (first, {"description": "Text.\n\nFacts:\nChanged.\nTwo."}),
        (first, {"image_alt": "Changed"}),
        (first, {"image": "products/Changed.webp"}),
        (first.pictures.get(), {"image_alt": "Changed"}),
        (first.pictures.get(), {"image": "products/Changed.webp"}),
        (other, {"choice": "Changed"}),
        (related, {"title": "Changed"}),
    ][step]
    assert "Changed" not in client.get(first.get_absolute_url()).text
    for name, text in value.items():
        setattr(row, name, text)
    row.save()
    page = client.get(first.get_absolute_url()).text
    VersionCache.clear_all()
    fragments.STORE.clear()
    assert "Changed" in page
    assert page == client.get(first.get_absolute_url()).text


def test_urls_of_pictures_that_can_expire_are_not_kept(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    product = make_product(image="products/mug.webp", image_width=2000, image_height=2000)
    signatures = iter(range(1000))
    # Not for the whole class: static files have the same, and their URLs are kept.
    monkeypatch.setattr(storages["default"], "url", lambda name: f"/{name}?signature={next(signatures)}")
    monkeypatch.setattr(RenditionImageFile, "has_lasting_urls", False)
    first, second = [client.get(product.get_absolute_url()).text.split("gallery-strip")[1] for _ in range(2)]
    assert "?signature=" in first
    assert first != second
