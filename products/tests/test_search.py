"""What a search finds, in which order, and what it makes of typing errors and of hostile texts."""

import pytest
from django.test import Client

from ecommerce.tests.makers import make_category, make_product
from products import search
from products.models import Product

pytestmark = pytest.mark.django_db


def found(text: str, **filters: object) -> list[str]:
    """The titles that a search finds, in its order."""
    ids = search.find(Product.objects.active().filter(**filters), text)
    titles = dict(Product.objects.values_list("pk", "title"))
    return [titles[pk] for pk in ids]


def test_search_finds_words_of_title_description_and_sku() -> None:
    make_product(title="Teal mug")
    make_product(title="Jug", description="Holds as much as a mug.")
    make_product(title="Saucer", sku="MUG-7")
    make_product(title="Bowl")
    assert set(found("mug")) == {"Teal mug", "Jug", "Saucer"}


def test_search_wants_all_words_wherever_they_are() -> None:
    make_product(title="Teal mug", description="Stoneware.")
    make_product(title="Teal bowl", description="Porcelain.")
    assert found("stoneware TEAL") == ["Teal mug"]


@pytest.mark.parametrize("text", ["mug", "mugs", "Mu", "café", "CAFE", "cafe\u0301", "  mugs   cafe  "])
def test_search_knows_endings_beginnings_and_accents(text: str) -> None:
    make_product(title="Mugs for the café")
    assert found(text) == ["Mugs for the café"]


def test_search_takes_only_the_last_word_for_a_beginning() -> None:
    make_product(title="Stoneware mug")
    assert (found("stone mug"), found("mug stone")) == ([], ["Stoneware mug"])


def test_search_puts_the_title_before_the_description() -> None:
    make_product(title="Lamp")
    make_product(title="Bulb", description="For the lamp, a lamp that wants a lamp's light.")
    make_product(title="Vase", description="A vase.")
    assert found("lamp") == ["Lamp", "Bulb"]


def test_search_puts_the_very_number_first() -> None:
    make_product(title="The one", sku="AB-1")
    make_product(title="AB-1 AB-1 AB-1")
    assert found("ab-1") == found("AB-1") == ["The one", "AB-1 AB-1 AB-1"]


def test_search_keeps_the_order_and_the_filters_of_the_list() -> None:
    for title, price in {"Dear mug": 30, "Cheap mug": 10, "Mug": 20, "Free mug": 0}.items():
        make_product(title=title, price=price)
    ids = search.find(Product.objects.active().priced(5, None).cheapest_first(), "mug")
    assert list(Product.objects.in_bulk(ids)) == sorted(ids)
    assert [Product.objects.get(pk=pk).title for pk in ids] == ["Cheap mug", "Mug", "Dear mug"]


def test_search_finds_what_was_changed_and_no_more_what_was_deleted() -> None:
    product = make_product(title="Mug")
    gone = make_product(title="Old mug")
    Product.objects.filter(pk=product.pk).update(title="Beaker", stock=3)
    gone.delete()
    assert (found("mug"), found("beaker")) == ([], ["Beaker"])


def test_search_finds_what_was_added_in_bulk() -> None:
    Product.objects.bulk_create(Product(sku=f"B-{n}", slug=f"b-{n}", title=f"Bulk {n}", price=1) for n in range(3))
    assert len(found("bulk")) == 3


def test_search_of_a_common_word_ranks_and_shows_so_many(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST", 3)
    for number in range(5):
        make_product(title=f"Mug {number}")
    assert found("mug") == ["Mug 4", "Mug 3", "Mug 2"]
    assert "Only 3 of the matching products are shown" in client.get("/products/?q=mug").text


HOSTILE = [
    "%", "_", "'", '"', "\\", ";--", "' OR 1=1 --", '" OR "', "mug' AND", "a OR b", "NOT mug", "NEAR(a b)", "title:mug",
    "{title}: mug", "mug*", "*", "^mug", "(mug", "mug)", "!mug", "mug & !bowl", "a <-> b", "mug:*A", ":*", "-", "--",
    "x" * 10_000, "mug " * 2_500, "\u202emug", "\ud7ff\uffff", "²", "ﷺ" * 200, "the", "a", "🍵", "a\tb\nc", "\u0301",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_search_of_any_text_is_a_page(client: Client, text: str) -> None:
    make_product(title="Teal mug", description="50 % off_")
    assert client.get("/products/", {"q": text}).status_code == 200
    assert len(search.find(Product.objects.active().cheapest_first(), text)) <= 1


def test_search_with_a_nul_byte_finds_nothing_even_where_it_is_not_refused() -> None:
    make_product(title="Mug")
    assert found("mug\x00") == ["Mug"]
    assert found("\x00") == []


def test_search_of_signs_alone_does_not_find_everything() -> None:
    make_product(title="Mug")
    assert [found(text) for text in ("%", "*", "_", "--", "''")] == [[]] * 5


# Nothing found


@pytest.mark.parametrize(("text", "better"), [("stonware", "stoneware"), ("stonware vasse", "stoneware vase")])
def test_nothing_found_suggests_words_of_titles(client: Client, text: str, better: str) -> None:
    make_product(title="Stoneware vase")
    page = client.get("/products/", {"q": text}).text
    assert "We found nothing for" in page
    assert f"?q={better.replace(' ', '%20')}" in page
    assert client.get("/products/", {"q": better}).context["products"]


def test_nothing_found_suggests_single_words_where_no_product_has_both() -> None:
    make_product(title="Stoneware vase")
    make_product(title="Walnut board")
    assert search.suggest("stonware walnutt") == ["stoneware", "walnut"]


def test_nothing_found_suggests_nothing_far_fetched() -> None:
    make_product(title="Stoneware vase")
    assert search.suggest("xyzzy") == []


def test_nothing_found_suggests_no_titles_that_are_not_on_sale() -> None:
    make_product(title="Stoneware vase", active=False)
    assert search.suggest("stonware") == []


def test_suggestions_are_made_without_the_extension_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_has_trigrams", lambda: False)
    make_product(title="Stoneware vase")
    assert search.suggest("stonware") == ["stoneware"]


def test_search_keeps_its_words_in_the_field_and_escapes_them(client: Client) -> None:
    page = client.get("/products/", {"q": '"><b>mug'}).text
    assert "<b>mug" not in page
    assert 'value="&quot;&gt;&lt;b&gt;mug"' in page


@pytest.mark.parametrize("address", ["/", "/products/", "/cart/", "/accounts/login/", "/nothing/"])
def test_every_page_has_the_search(client: Client, address: str) -> None:
    page = client.get(address).text
    assert page.count('role="search"') == 1
    assert '<form class="site-search" action="/products/" method="get" role="search">' in page


def test_search_within_a_category_says_where(client: Client) -> None:
    make_product(title="Teal mug", category=make_category("Mugs"))
    make_product(title="Teal bowl", category=make_category("Bowls"))
    page = client.get("/products/?q=teal&category=mugs")
    assert [product.title for product in page.context["products"]] == ["Teal mug"]
    assert page.text.index('href="/products/?category=mugs">Mugs</a></li>') < page.text.index("<h1>")
