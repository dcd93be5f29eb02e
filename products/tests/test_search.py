"""Tests of the search: matches, their order, typing errors and hostile texts."""

import pytest
from django.test import Client

from products import search
from products.models import Category, Product, ProductQuerySet
from products.search import engine, partial, sample
from tests.makers import make_category, make_product
from tests.writing_systems import WRITING_SYSTEMS, characters_of, prefixes_of, visible_words

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
    assert sorted(Product.objects.in_bulk(ids)) == sorted(ids)
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


@pytest.mark.slow
def test_exact_title_comes_first_even_if_many_products_share_its_words() -> None:
    titles = ["Blue mug", "Blue mug ☕", "Mug, blue and blue", "Blue mugs"]
    rows = [Product(sku=f"B-{n}", slug=f"b-{n}", title=f"Blue mug {n}", price=1) for n in range(600)]
    Product.objects.bulk_create(
        [Product(sku=title, slug=f"t-{title}", title=title, price=1) for title in titles] + rows
    )
    for text in (*titles, "blue  MUG", "Blue mug 0"):
        [first, *_others] = search.find_ids(Product.objects.all(), text)
        assert Product.objects.get(pk=first).title.lower() == " ".join(text.lower().split())


def test_same_letters_come_before_further_words() -> None:
    make_product(title="Lamp", sku="MC-101")
    make_product(title="mc101 holder")
    assert find_titles("mc101") == ["Lamp", "mc101 holder"]


@pytest.mark.slow
def test_whole_words_come_before_beginnings_of_words() -> None:
    make_product(title="Teal mug")
    make_product(title="Tea light")
    make_product(title="Tealight holder")
    assert find_titles("teal") == ["Teal mug", "Tealight holder", "Tea light"]


@pytest.mark.slow
def test_title_finds_its_product_in_every_writing_system() -> None:
    made = []
    for system in WRITING_SYSTEMS:
        characters = characters_of(system)
        words = ["".join(characters[first::7][:5]) for first in range(3)]
        title = f"{words[0]} {words[1]}™ {words[2]}-T"
        made.append(make_product(title=title, sku=f"№ {characters[0]}-{system}"[:40]))
    texts = [(row, text) for row in made for text in (*visible_words(row.title), *prefixes_of(row.title))]
    assert [text for row, text in texts if row.pk not in search.find_ids(Product.objects.all(), text)] == []
    names = [(row, text) for row in made for text in (row.title, row.sku)]
    assert [text for row, text in names if row.pk not in search.find_ids(Product.objects.all(), text)[:24]] == []


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


def test_common_words_also_have_to_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "SIZE", 8)  # so that two products make a word common on PostgreSQL
    for title in ("Teal mug", "Blue mug", "Blue bowl", "Teal plate"):
        make_product(title=title)
    searches = {text: find_titles(text) for text in ("blue bowl", "bowl blu", "teal bowl", "blue mug")}
    assert searches == {
        "blue bowl": ["Blue bowl"],
        "bowl blu": ["Blue bowl"],
        "teal bowl": [],
        "blue mug": ["Blue mug"],
    }


# Products with some of the words


def find_partial_titles(text: str, products: ProductQuerySet | None = None) -> list[str]:
    ids = search.find_partial_ids(Product.objects.active() if products is None else products, text)
    titles = dict(Product.objects.values_list("pk", "title"))
    return [titles[pk] for pk in ids]


def test_partial_search_shows_most_and_rarest_words_first() -> None:
    for title in ("Blue mug", "Blue bowl", "Blue plate", "Mug", "Walnut board", "Teal plate"):
        make_product(title=title)
    assert find_partial_titles("blue mug xyzzy walnut") == [
        "Blue mug",
        "Walnut board",
        "Mug",
        "Blue plate",
        "Blue bowl",
    ]
    assert find_partial_titles("xyzzy") == find_partial_titles("") == find_partial_titles("\0") == []


def test_partial_search_shows_the_title_above_the_description() -> None:
    make_product(title="Mug")
    make_product(title="Bowl", description="Like a mug.")
    assert find_partial_titles("mug xyzzy") == ["Mug", "Bowl"]


def test_partial_search_uses_rare_words_and_two_common_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "MAX_RESULTS", 3)  # so that three products make a word common
    for title in ("Blue mug oak", "Blue mug", "Mug oak", "Blue oak", "Oak teal", "Blue jug", "Mug jar"):
        make_product(title=title)
    found = find_partial_titles("blue mug oak teal xyzzy")
    assert found[:3] == ["Blue mug", "Blue mug oak", "Oak teal"]
    assert found[3:] == ["Blue jug", "Blue oak", "Mug jar", "Mug oak"]


def test_partial_search_uses_other_words_if_the_list_has_none_of_the_rarest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "MAX_RESULTS", 3)  # so that three products make a word common
    living = make_category("Living")
    for number in range(3):
        make_product(title=f"Mug {number}")
        make_product(title=f"Kettle {number}")
        make_product(title=f"Linen and wool {number}", category=living)
    make_product(title="Linen sheet", category=living)
    in_living = Product.objects.active().filter(category=living)
    assert find_partial_titles("mug kettle wool linen", in_living)[-1] == "Linen sheet"


def test_partial_search_keeps_the_order_and_the_filters_of_the_list() -> None:
    for title, price in {"Dear mug": 30, "Blue mug": 10, "Free mug": 0}.items():
        make_product(title=title, price=price)
    by_price = Product.objects.active().priced_between(5, None).most_expensive_first()
    assert find_partial_titles("blue mug xyzzy", by_price) == ["Dear mug", "Blue mug"]


@pytest.mark.sampled(9)
@pytest.mark.parametrize("text", HOSTILE)
def test_partial_search_of_any_text_returns_products(text: str) -> None:
    make_product(title="Teal mug", description="50 % off_")
    assert len(search.find_partial_ids(Product.objects.active(), text)) <= 1


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
    assert '<form class="site-search" action="/products/" method="get" role="search"' in page


def test_search_in_a_category_shows_the_category(client: Client) -> None:
    make_product(title="Teal mug", category=make_category("Mugs"))
    make_product(title="Teal bowl", category=make_category("Bowls"))
    page = client.get("/products/?q=teal&category=mugs")
    assert [product.title for product in page.context["products"]] == ["Teal mug"]
    assert page.text.index('href="/products/?category=mugs">Mugs</a></li>') < page.text.index("<h1>")
