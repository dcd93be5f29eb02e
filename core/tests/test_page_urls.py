"""Tests for URLs of pages that are made without `reverse`."""

from collections.abc import Iterator

import pytest
from django.urls import NoReverseMatch, path, reverse, set_script_prefix, set_urlconf
from django.views.defaults import page_not_found

from core.rendering.page_urls import page_url, slug_url


class OtherUrls:
    """Another URL configuration, in which the pages have other URLs."""

    urlpatterns = [path("x/", page_not_found, name="home"), path("x/<slug:slug>/y/", page_not_found, name="thing")]


@pytest.fixture
def other_urls() -> Iterator[None]:
    """Use other URLs under a script prefix, until the end of the test."""
    set_urlconf(OtherUrls)
    set_script_prefix("/stand-in/")
    yield
    set_urlconf(None)
    set_script_prefix("/")


def test_urls_are_those_of_reverse() -> None:
    assert (page_url("home"), page_url("products:list")) == (reverse("home"), reverse("products:list"))
    assert slug_url("products:detail", "Mug-2_b") == reverse("products:detail", args=["Mug-2_b"])


def test_urls_follow_the_script_prefix_and_the_url_configuration(request: pytest.FixtureRequest) -> None:
    assert page_url("home") == "/"
    request.getfixturevalue("other_urls")
    assert (page_url("home"), slug_url("thing", "mug")) == ("/stand-in/x/", "/stand-in/x/mug/y/")


@pytest.mark.parametrize("slug", ["", "a/b", "müg", "mug\n"])
def test_text_that_is_no_slug_has_no_url(slug: str) -> None:
    with pytest.raises(NoReverseMatch):
        slug_url("products:detail", slug)
