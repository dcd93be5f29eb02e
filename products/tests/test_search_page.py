"""Tests of the search page: corrected and partial results, matching categories, and what search engines may index."""

import re
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from threading import Barrier
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from products.models import Category, Product, Spelling
from tests.makers import make_category, make_product
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> None:
    """Create bowls, mugs and a lamp, each in a category inside Home."""
    home = make_category("Home")
    for title, inner in (("Blue bowl", "Bowls"), ("Teal mug", "Mugs"), ("Steel lamp", "Lighting")):
        category = Category.objects.get_or_create(title=inner, parent=home)[0]
        make_product(title=title, category=category, price=20 if inner == "Mugs" else 10)


def get(client: Client, text: str, **query: Any) -> Any:
    return client.get("/products/", {"q": text, **query})


def titles(page: Any) -> list[str]:
    return [product.title for product in page.context["products"]]


def categories(page: Any) -> list[str]:
    return [label for label, _category in page.context["matching_categories"]]


def text_of(page: Any) -> str:
    """Return the main text of a page without tags, with single spaces."""
    main = page.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub("<[^>]+>", "", main).split())


# Corrected searches


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "corrected"),
    [("teel mgu", "teal mug"), ("TEAL, mgu!", "TEAL, mug!"), ("stel lapm", "steel lamp"), ("bluebowll", "")],
)
@pytest.mark.usefixtures("shop")
def test_misspelled_search_shows_the_corrected_results(client: Client, typed: str, corrected: str) -> None:
    page = get(client, typed)
    assert (page.context["results"].text if page.context["results"].is_corrected else "") == corrected
    if corrected:
        assert f"Showing results for “{corrected}”." in text_of(page)
        assert f"Search instead for “{typed}”" in text_of(page)


@pytest.mark.usefixtures("shop")
def test_search_instead_uses_the_words_as_typed_and_keeps_the_filters(client: Client) -> None:
    page = get(client, "teel mgu", sort="price", price_to=50)
    assert titles(page) == ["Teal mug"]
    link = re.findall(r'href="(\?[^"]*exact=1[^"]*)"', page.text)[0].replace("&amp;", "&")
    assert link == "?q=teel+mgu&price_to=50&sort=price&exact=1"
    exact = client.get(f"/products/{link}")
    assert titles(exact) == []
    assert "We found nothing for “teel mgu”" in text_of(exact)
    assert '<input type="hidden" name="exact" value="1">' in exact.text
    assert 'href="?q=teal+mug&amp;price_to=50&amp;sort=price"' in exact.text


@pytest.mark.usefixtures("shop")
def test_word_that_finds_products_is_not_corrected(client: Client) -> None:
    make_product(title="Teel", description="A word of its own.")
    assert titles(get(client, "teel")) == ["Teel"]
    assert not get(client, "teal mug", price_to=5).context["results"].is_corrected


@pytest.mark.usefixtures("shop")
def test_word_of_a_category_title_is_not_corrected(client: Client) -> None:
    make_product(title="Night stand")
    page = get(client, "light")
    assert (titles(page), categories(page)) == ([], ["Lighting"])


@pytest.mark.usefixtures("shop")
def test_correction_only_counts_if_its_words_are_found_together(client: Client) -> None:
    page = get(client, "blue mgu")
    assert not page.context["results"].is_corrected
    assert titles(page) == ["Blue bowl"]
    assert "Did you mean mug?" in text_of(page)


@pytest.mark.usefixtures("shop")
def test_correction_applies_within_the_filters(client: Client) -> None:
    assert titles(get(client, "mgu", price_to=15)) == []
    assert titles(get(client, "mgu", price_to=20)) == ["Teal mug"]
    assert titles(get(client, "mgu", category="bowls")) == []


@pytest.mark.slow
def test_corrected_search_has_pages_whose_links_keep_the_typed_words(client: Client) -> None:
    for number in range(30):
        make_product(title=f"Stoneware vase {number}", price=number + 1)
    page = get(client, "stonware", sort="price", page=2, price_from=2)
    assert titles(page) == [f"Stoneware vase {number}" for number in range(25, 30)]
    assert 'href="?q=stonware&amp;price_from=2&amp;sort=price"' in page.text


@pytest.mark.parametrize(
    ("title", "typed"),
    [
        ("Straßenlampe", "strassenlmape"),
        ("Çay bardağı", "cay bardagii"),
        ("Синяя кружка", "синяя кружкка"),
        ("Μπλε κούπα", "μπλε κουππα"),
        ("כוס כחולה", "כוס כחוללה"),
        ("كوب أزرق", "كوب ازررق"),
        ("नीला प्याला", "नीला प्यालाल"),
        ("파란 머그컵", "파란 머그캅"),
        ("青い茶碗", "青い茶椀"),
        ("แก้วสีฟ้า", "แก้วสีฟัา"),
        ("Կապույտ գավաթ", "Կապույտ գավթ"),
        ("ლურჯი ფინჯანი", "ლურჯი ფინჯანნი"),
    ],
)
def test_titles_of_all_writing_systems_are_corrected(client: Client, title: str, typed: str) -> None:
    make_product(title=title)
    assert titles(get(client, typed)) == [title]


def test_words_of_titles_are_learned_whatever_writes_them() -> None:
    product = make_product(title="Granite")
    product.title = "Marble"
    product.save()
    Product.objects.bulk_create([Product(sku="B", slug="b", title="Slate", price=1)])
    Product.objects.filter(sku="B").update(title="Basalt")
    product.title = "Quartz"
    Product.objects.bulk_update([product], ["title"])
    learned = set(Spelling.objects.values_list("word", flat=True))
    assert learned >= {"granite", "marble", "slate", "basalt", "quartz"}


def test_index_command_forgets_the_words_of_deleted_products() -> None:
    make_product(title="Granite").delete()
    make_product(title="Marble")
    call_command("index_products", stdout=StringIO())
    assert set(Spelling.objects.values_list("word", flat=True)) == {"marble"}


# Partial matches


@pytest.mark.usefixtures("shop")
def test_search_shows_partial_matches_and_says_so(client: Client) -> None:
    page = get(client, "blue mug")
    assert set(titles(page)) == {"Blue bowl", "Teal mug"}
    assert "Nothing matches all of “blue mug”; these match some of your words." in text_of(page)
    assert "Not found" not in text_of(page)


@pytest.mark.usefixtures("shop")
def test_partial_matches_name_the_words_that_were_not_found(client: Client) -> None:
    page = get(client, "xyzzy mug &!")
    assert titles(page) == ["Teal mug"]
    assert "these match some of your words. Not found: “xyzzy”." in text_of(page)


@pytest.mark.slow
@pytest.mark.usefixtures("shop")
def test_partial_matches_keep_the_filters_and_the_order(client: Client) -> None:
    assert titles(get(client, "blue mug", sort="price")) == ["Blue bowl", "Teal mug"]
    assert titles(get(client, "blue mug", sort="-price")) == ["Teal mug", "Blue bowl"]
    assert titles(get(client, "blue mug", price_to=15)) == ["Blue bowl"]
    assert titles(get(client, "blue mug", category="mugs")) == ["Teal mug"]


# Matching categories


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("light", ["Lighting"]),
        ("LIGHTS", ["Lighting"]),
        ("lihgting", ["Lighting"]),
        ("home mugs", ["Mugs"]),
        ("mugs home", ["Mugs"]),
        ("blue mug", ["Mugs"]),
        ("bow", ["Bowls"]),
        ("xyzzy", []),
    ],
)
@pytest.mark.usefixtures("shop")
def test_search_links_to_matching_categories(client: Client, text: str, expected: list[str]) -> None:
    page = get(client, text)
    assert categories(page) == expected
    assert page.text.count('class="matching-categories"') == bool(expected)


@pytest.mark.slow
def test_matching_categories_of_all_writing_systems_have_something_on_sale(client: Client) -> None:
    for title in ("Straßenlampen", "Çaydanlıklar", "ΚΟΎΠΕΣ", "茶碗と皿", "Кружки"):
        make_product(category=make_category(title))
    make_category("Straßen ohne Waren")
    found = [categories(get(client, text)) for text in ("STRASSEN", "caydanlik", "κουπες", "茶碗", "кружк")]
    assert found == [["Straßenlampen"], ["Çaydanlıklar"], ["ΚΟΎΠΕΣ"], ["茶碗と皿"], ["Кружки"]]


def test_matching_categories_with_equal_titles_are_labeled_with_their_parents(client: Client) -> None:
    for outer in ("Kitchen", "Garden"):
        make_product(category=Category.objects.create(title="Sale", parent=make_category(outer)))
    assert sorted(categories(get(client, "sale"))) == ["Garden > Sale", "Kitchen > Sale"]


# Nothing found, search engines and speed


@pytest.mark.parametrize("text", ["", "   ", "🍵", "—", "\u0301", "a", "﷽" * 50, "x" * 200, "mug " * 60, "teel " * 9])
def test_search_without_results_never_fails(client: Client, text: str) -> None:
    make_product(title="Teal bowl 🫖 ﷽")
    for query in ({"q": text}, {"q": text, "exact": "1"}, {"q": text, "exact": "?", "sort": "price"}):
        assert client.get("/products/", query).status_code == 200


@pytest.mark.parametrize("path", ["/products/?q=xyzzy", "/products/?category=empty", "/products/?price_from=9999"])
@pytest.mark.usefixtures("shop")
def test_list_without_products_shows_others(client: Client, path: str) -> None:
    make_category("Empty")
    assert "More from this shop Steel lamp" in text_of(client.get(path))


@pytest.mark.usefixtures("shop")
def test_stored_list_without_products_shows_a_changed_title_at_once(client: Client) -> None:
    make_category("Empty")
    client.get("/products/?category=empty")
    lamp = Product.objects.get(title="Steel lamp")
    lamp.title = "Brass lamp"
    lamp.save()
    assert "More from this shop Brass lamp" in text_of(client.get("/products/?category=empty"))


@pytest.mark.parametrize(
    ("query", "is_indexed"),
    [("teal mug", True), ("teel mgu", False), ("blue mug", False), ("light", False), ("teal mug!", False)],
)
@pytest.mark.usefixtures("shop")
def test_only_a_search_that_matches_all_words_as_typed_is_indexed(client: Client, query: str, is_indexed: bool) -> None:
    page = client.get(f"/products/?{urlencode({'q': query})}").text
    assert ('<meta name="robots" content="noindex">' not in page) == is_indexed


@pytest.mark.parametrize(("text", "most"), [("teal mug", 8), ("blue mug", 14), ("teel mgu", 17), ("xyzzy", 10)])
@pytest.mark.usefixtures("shop")
def test_search_runs_a_constant_number_of_queries(client: Client, text: str, most: int) -> None:
    client.get("/products/")  # fills the cached menu
    with count_queries() as queries:
        get(client, text)
    assert len(queries) <= most
    with count_queries() as queries:
        get(client, text)
    assert len(queries) <= 3


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_transactions_that_add_the_same_words_in_another_order_both_finish() -> None:
    both_wrote = Barrier(2, timeout=20)

    def learn(*words: str) -> None:
        try:
            with transaction.atomic():
                Spelling.objects.learn([words[0]])
                if connection.vendor == "postgresql":  # SQLite has one writer at a time.
                    both_wrote.wait()
                Spelling.objects.learn([words[1]])
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        list(pool.map(learn, ("alabaster", "basalt"), ("basalt", "alabaster")))
    assert set(Spelling.objects.values_list("word", flat=True)) == {"alabaster", "basalt"}
