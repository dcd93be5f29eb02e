"""Tests of the search: matches, their order, typing errors and hostile texts."""

import pytest
from django.test import Client

from products import search
from products.models import Category, Product
from products.search import engine
from tests.makers import make_category, make_product

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


def find_titles(text: str, **filters: object) -> list[str]:
    """Return the titles that a search finds, in its order."""
    ids = search.find_ids(Product.objects.active().filter(**filters), text)
    titles = dict(Product.objects.values_list("pk", "title"))
    return [titles[pk] for pk in ids]


def test_search_finds_words_of_title_description_and_sku() -> None:
    make_product(title="Teal mug")
    make_product(title="Jug", description="Holds as much as a mug.")
    make_product(title="Saucer", sku="MUG-7")
    make_product(title="Bowl")
    assert set(find_titles("mug")) == {"Teal mug", "Jug", "Saucer"}


def test_search_requires_all_words_in_any_field() -> None:
    make_product(title="Teal mug", description="Stoneware.")
    make_product(title="Teal bowl", description="Porcelain.")
    assert find_titles("stoneware TEAL") == ["Teal mug"]


@pytest.mark.parametrize("text", ["mug", "mugs", "Mu", "café", "CAFE", "cafe\u0301", "  mugs   cafe  "])
def test_search_ignores_endings_and_accents_and_matches_prefixes(text: str) -> None:
    make_product(title="Mugs for the café")
    assert find_titles(text) == ["Mugs for the café"]


def test_search_matches_only_the_last_word_as_a_prefix() -> None:
    make_product(title="Stoneware mug")
    assert (find_titles("stone mug"), find_titles("mug stone")) == ([], ["Stoneware mug"])


def test_search_ranks_the_title_above_the_description() -> None:
    make_product(title="Lamp")
    make_product(title="Bulb", description="For the lamp, a lamp that wants a lamp's light.")
    make_product(title="Vase", description="A vase.")
    assert find_titles("lamp") == ["Lamp", "Bulb"]


def test_search_ranks_an_exact_sku_first() -> None:
    make_product(title="The one", sku="AB-1")
    make_product(title="AB-1 AB-1 AB-1")
    assert find_titles("ab-1") == find_titles("AB-1") == ["The one", "AB-1 AB-1 AB-1"]


def test_search_keeps_the_order_and_the_filters_of_the_list() -> None:
    for title, price in {"Dear mug": 30, "Cheap mug": 10, "Mug": 20, "Free mug": 0}.items():
        make_product(title=title, price=price)
    ids = search.find_ids(Product.objects.active().priced_between(5, None).cheapest_first(), "mug")
    assert list(Product.objects.in_bulk(ids)) == sorted(ids)
    assert [Product.objects.get(pk=pk).title for pk in ids] == ["Cheap mug", "Mug", "Dear mug"]


def test_search_reflects_updated_and_deleted_products() -> None:
    product = make_product(title="Mug")
    gone = make_product(title="Old mug")
    Product.objects.filter(pk=product.pk).update(title="Beaker", stock=3)
    gone.delete()
    assert (find_titles("mug"), find_titles("beaker")) == ([], ["Beaker"])


def test_search_finds_products_created_in_bulk() -> None:
    Product.objects.bulk_create(Product(sku=f"B-{n}", slug=f"b-{n}", title=f"Bulk {n}", price=1) for n in range(3))
    assert len(find_titles("bulk")) == 3


def test_search_of_a_common_word_shows_a_limited_number(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (engine, search):
        monkeypatch.setattr(module, "MAX_RESULTS", 3)
    for number in range(5):
        make_product(title=f"Mug {number}")
    assert find_titles("mug") == ["Mug 4", "Mug 3", "Mug 2"]
    assert "Only 3 of the matching products are shown" in client.get("/products/?q=mug").text


HOSTILE = [
    "%", "_", "'", '"', "\\", ";--", "' OR 1=1 --", '" OR "', "mug' AND", "a OR b", "NOT mug", "NEAR(a b)", "title:mug",
    "{title}: mug", "mug*", "*", "^mug", "(mug", "mug)", "!mug", "mug & !bowl", "a <-> b", "mug:*A", ":*", "-", "--",
    "x" * 10_000, "mug " * 2_500, "\u202emug", "\ud7ff\uffff", "²", "ﷺ" * 200, "the", "a", "🍵", "a\tb\nc", "\u0301",
]  # fmt: skip


@pytest.mark.sampled(9)
@pytest.mark.parametrize("text", HOSTILE)
def test_search_of_any_text_returns_a_page(client: Client, text: str) -> None:
    make_product(title="Teal mug", description="50 % off_")
    assert client.get("/products/", {"q": text}).status_code == 200
    assert len(search.find_ids(Product.objects.active().cheapest_first(), text)) <= 1


def test_search_ignores_nul_characters() -> None:
    make_product(title="Mug")
    assert find_titles("mug\x00") == ["Mug"]
    assert find_titles("\x00") == []


def test_search_of_punctuation_finds_nothing() -> None:
    make_product(title="Mug")
    assert [find_titles(text) for text in ("%", "*", "_", "--", "''")] == [[]] * 5


# Searches without results


def suggest(text: str) -> tuple[str, ...]:
    categories = Category.objects.tree().without_empty()
    return search.find(Product.objects.active().order_by(), text, categories, correct=False).suggestions


@pytest.mark.parametrize(("text", "better"), [("stonware", "stoneware"), ("stonware vasse", "stoneware vase")])
def test_search_for_the_words_as_typed_suggests_corrected_words(client: Client, text: str, better: str) -> None:
    make_product(title="Stoneware vase")
    page = client.get("/products/", {"q": text, "exact": "1"}).text
    assert "We found nothing for" in page
    assert f"?q={better.replace(' ', '+')}" in page
    assert client.get("/products/", {"q": better}).context["products"]


def test_suggestions_are_single_words_if_no_product_has_both() -> None:
    make_product(title="Stoneware vase")
    make_product(title="Walnut board")
    assert suggest("stonware wallnut") == ("stoneware", "walnut")


def test_suggestions_are_empty_without_similar_words() -> None:
    make_product(title="Stoneware vase")
    assert suggest("xyzzy") == ()


def test_suggestions_omit_products_that_are_not_on_sale() -> None:
    make_product(title="Stoneware vase", active=False)
    assert suggest("stonware") == ()


def test_search_field_keeps_the_text_and_escapes_it(client: Client) -> None:
    page = client.get("/products/", {"q": '"><b>mug'}).text
    assert "<b>mug" not in page
    assert 'value="&quot;&gt;&lt;b&gt;mug"' in page


@pytest.mark.parametrize("url", ["/", "/products/", "/cart/", "/accounts/login/", "/nothing/"])
def test_every_page_has_the_search_form(client: Client, url: str) -> None:
    page = client.get(url).text
    assert page.count('role="search"') == 1
    assert '<form class="site-search" action="/products/" method="get" role="search">' in page


def test_search_in_a_category_shows_the_category(client: Client) -> None:
    make_product(title="Teal mug", category=make_category("Mugs"))
    make_product(title="Teal bowl", category=make_category("Bowls"))
    page = client.get("/products/?q=teal&category=mugs")
    assert [product.title for product in page.context["products"]] == ["Teal mug"]
    assert page.text.index('href="/products/?category=mugs">Mugs</a></li>') < page.text.index("<h1>")
