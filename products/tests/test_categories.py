"""Tests of nested categories: their products, breadcrumbs and rejected cycles."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from products.models import Category
from products.models.category import MAX_DEPTH, CategoryTree
from tests.makers import make_category, make_product, make_user
from tests.markup import parse_html

pytestmark = pytest.mark.django_db


@pytest.fixture
def kitchen() -> Category:
    """Create Kitchen > Mugs > Small mugs and Kitchen > Bowls. Return Kitchen."""
    kitchen = make_category("Kitchen")
    mugs = Category.objects.create(title="Mugs", parent=kitchen)
    Category.objects.create(title="Small mugs", parent=mugs)
    Category.objects.create(title="Bowls", parent=kitchen)
    return kitchen


def titles(client: Client, slug: str) -> list[str]:
    return sorted(product.title for product in client.get(f"/products/?category={slug}").context["products"])


def test_category_shows_its_own_products_and_those_of_its_descendants(client: Client, kitchen: Category) -> None:
    for category in Category.objects.all():
        make_product(title=f"Of {category}", category=category)
    make_product(title="Of none")
    assert titles(client, "kitchen") == ["Of Bowls", "Of Kitchen", "Of Mugs", "Of Small mugs"]
    assert titles(client, "mugs") == ["Of Mugs", "Of Small mugs"]
    assert titles(client, "small-mugs") == ["Of Small mugs"]


def test_list_shows_breadcrumbs_and_child_categories(client: Client, kitchen: Category) -> None:
    make_product(category=Category.objects.get(slug="small-mugs"))
    page = client.get("/products/?category=mugs").text
    crumbs, rest = page.split("</ol>", 1)
    assert crumbs.index('href="/">Home') < crumbs.index('href="/products/?category=kitchen">Kitchen</a>')
    assert 'aria-current="page">Mugs</li>' in crumbs
    assert '<a href="/products/?category=small-mugs">Small mugs</a>' in rest
    assert 'category=kitchen" aria-current="true"' in rest


def test_detail_shows_breadcrumbs(client: Client, kitchen: Category) -> None:
    product = make_product(title="Teal mug", category=Category.objects.get(slug="mugs"))
    crumbs = client.get(product.get_absolute_url()).text.split("</ol>", 1)[0]
    assert crumbs.index(">Home<") < crumbs.index(">Kitchen<") < crumbs.index(">Mugs<") < crumbs.index(">Teal mug</li>")


@pytest.mark.parametrize("parent", ["kitchen", "mugs", "small-mugs"])
def test_category_inside_itself_is_rejected_with_a_message(client: Client, kitchen: Category, parent: str) -> None:
    client.force_login(make_user("staff@example.org", is_staff=True, is_superuser=True))
    data = {"title": "Kitchen", "parent": Category.objects.get(slug=parent).pk}
    response = client.post(reverse("admin:products_category_change", args=[kitchen.pk]), data)
    assert "A category cannot be inside itself: Kitchen" in response.text
    assert Category.objects.get(pk=kitchen.pk).parent is None


def test_validation_error_names_the_cycle(kitchen: Category) -> None:
    kitchen.parent = Category.objects.get(slug="small-mugs")
    with pytest.raises(ValidationError, match="Kitchen > Mugs > Small mugs"):
        kitchen.full_clean()


def test_category_can_move_to_the_top_level(kitchen: Category) -> None:
    mugs = Category.objects.get(slug="mugs")
    mugs.parent = None
    mugs.full_clean()
    mugs.save()
    assert [category.title for category in Category.objects.tree().children(None)] == ["Kitchen", "Mugs"]


def test_category_as_its_own_parent_is_rejected_by_the_database(kitchen: Category) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Category.objects.filter(pk=kitchen.pk).update(parent=kitchen)


def test_cycle_from_concurrent_changes_does_not_hang_the_list(client: Client, kitchen: Category) -> None:
    make_product(title="Mug", category=Category.objects.get(slug="small-mugs"))
    Category.objects.filter(pk=kitchen.pk).update(parent=Category.objects.get(slug="small-mugs"))
    assert titles(client, "kitchen") == ["Mug"]
    tree = CategoryTree(Category.objects.all())
    assert [category.title for category in tree.path_to(tree.find("kitchen"))] == ["Mugs", "Small mugs", "Kitchen"]


@pytest.mark.parametrize(
    ("slug", "inner"),
    [("", []), ("kitchen", ["Bowls", "Mugs"]), ("mugs", ["Small mugs"]), ("bowls", ["Bowls", "Mugs"])],
)
def test_list_offers_the_categories_within_the_current_one_or_beside_it(
    client: Client, kitchen: Category, slug: str, inner: list[str]
) -> None:
    for category in Category.objects.exclude(title="Kitchen"):
        make_product(category=category)
    page = client.get(f"/products/?category={slug}")
    assert [category.title for category in page.context["categories"]] == ["Kitchen"]
    assert [category.title for category in page.context["subcategories"]] == inner


def test_category_without_others_inside_is_marked_among_its_neighbors(client: Client, kitchen: Category) -> None:
    make_product(category=Category.objects.get(slug="bowls"))
    page = parse_html(client.get("/products/?category=bowls").text)
    inner = page.one("ul", class_="category-links category-links-inner")
    assert inner.attrs["aria-label"] == "Within Kitchen"
    assert inner.one("a", href="/products/?category=bowls").attrs["aria-current"] == "page"


@pytest.mark.parametrize("slug", ["mugs", "small-mugs"])
def test_filters_keep_the_category(client: Client, kitchen: Category, slug: str) -> None:
    page = parse_html(client.get(f"/products/?category={slug}").text)
    assert page.one("details", class_="filters").one("input", name="category").attrs["value"] == slug


def test_menu_omits_categories_without_products_on_sale(client: Client, kitchen: Category) -> None:
    make_category("Garden")
    make_product(category=Category.objects.get(slug="small-mugs"))
    make_product(category=Category.objects.get(slug="bowls"), active=False)
    page = client.get("/products/?category=kitchen")
    assert [category.title for category in page.context["categories"]] == ["Kitchen"]
    assert [category.title for category in page.context["subcategories"]] == ["Mugs"]


def test_list_of_an_empty_category_is_not_indexed(client: Client, kitchen: Category) -> None:
    assert '<meta name="robots" content="noindex">' in client.get("/products/?category=mugs").text


def test_footer_lists_the_top_level_categories_with_products(client: Client, kitchen: Category) -> None:
    make_category("Garden")
    make_product(category=Category.objects.get(slug="small-mugs"))
    footer = parse_html(client.get("/contact/").text).one("footer")
    links = [link.attrs["href"] for link in footer.all("a") if link.attrs["href"].startswith("/products/")]
    assert links == ["/products/?category=kitchen", "/products/"]


def test_menu_shows_a_category_immediately_if_its_first_product_goes_on_sale(kitchen: Category) -> None:
    product = make_product(category=kitchen, active=False)
    assert list(Category.objects.tree().without_empty()) == []
    product.active = True
    product.save()
    assert list(Category.objects.tree().without_empty()) == [kitchen]
    product.delete()
    assert list(Category.objects.tree().without_empty()) == []


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=8))
def test_category_is_offered_exactly_if_a_product_below_it_is_on_sale(rows: list[tuple[int, bool]]) -> None:
    categories = []
    for pk, (parent, sells) in enumerate(rows, start=1):  # The parents can form cycles.
        categories.append(Category(pk=pk, parent_id=parent if 0 < parent <= len(rows) else None))
        categories[-1].sells_products = sells
    tree = CategoryTree(categories)
    expected = {c.pk for c in categories if any(rows[pk - 1][1] for pk in tree.subtree_ids(c))}
    assert {category.pk for category in tree.without_empty()} == expected


def test_crumbs_start_at_the_top_level_category() -> None:
    kitchen = make_category("Kitchen")
    mugs = Category.objects.create(title="Mugs", parent=kitchen)
    assert mugs.breadcrumbs() == [kitchen, mugs]
    assert kitchen.breadcrumbs() == [kitchen]


def test_crumbs_terminate_for_categories_in_a_cycle() -> None:
    kitchen = make_category("Kitchen")
    mugs = Category.objects.create(title="Mugs", parent=kitchen)
    kitchen.parent = mugs
    kitchen.save()
    assert mugs.breadcrumbs() == [kitchen, mugs]


# Depth and number


def make_chain(length: int, parent: Category | None = None, title: str = "Level") -> list[Category]:
    """Create categories inside each other with bulk writes, as an import does. Return them from the top down."""
    first = (Category.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1
    chain = [
        Category(
            pk=first + number,
            title=f"{title} {number}",
            slug=f"{title.lower()}-{number}",
            parent_id=first + number - 1 if number else parent and parent.pk,
        )
        for number in range(length)
    ]
    return Category.objects.bulk_create(chain)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("staff@example.org", is_staff=True, is_superuser=True))
    return client


def too_deep(level: int) -> str:
    return f"Categories can have at most 6 levels. The deepest category would be on level {level}."


def test_new_category_below_the_last_level_is_rejected_with_a_message(staff: Client) -> None:
    chain = make_chain(MAX_DEPTH)
    page = staff.post(reverse("admin:products_category_add"), {"title": "Deep", "parent": chain[-1].pk})
    assert too_deep(7) in page.text
    assert Category.objects.count() == MAX_DEPTH
    staff.post(reverse("admin:products_category_add"), {"title": "Fits", "parent": chain[-2].pk})
    assert Category.objects.get(title="Fits").parent == chain[-2]


@pytest.mark.parametrize(("height", "level", "is_allowed"), [(3, 4, False), (3, 3, True), (1, 5, True), (6, 1, False)])
def test_branch_moves_only_if_its_deepest_category_fits(
    staff: Client, height: int, level: int, is_allowed: bool
) -> None:
    chain, branch = make_chain(MAX_DEPTH), make_chain(height, title="Branch")
    url = reverse("admin:products_category_change", args=[branch[0].pk])
    page = staff.post(url, {"title": "Branch", "parent": chain[level - 1].pk})
    assert (too_deep(level + height) in (page.text if page.status_code == 200 else "")) != is_allowed
    assert Category.objects.get(pk=branch[0].pk).parent == (chain[level - 1] if is_allowed else None)


def test_imported_category_that_is_too_deep_can_be_renamed_and_moved_up(staff: Client) -> None:
    chain = make_chain(9)
    for number, parent in ((7, 6), (8, 0)):
        url = reverse("admin:products_category_change", args=[chain[number].pk])
        staff.post(url, {"title": "Renamed", "parent": chain[parent].pk})
    assert [row.parent for row in Category.objects.filter(title="Renamed").order_by("pk")] == [chain[6], chain[0]]


def test_pages_show_a_thousand_imported_levels(client: Client, staff: Client) -> None:
    chain = make_chain(1100)
    product = make_product(category=chain[-1])
    paths = ["/", "/products/", "/products/?category=level-1099", "/products/?category=level-0", "/products/?q=level"]
    for path in [*paths, product.get_absolute_url(), reverse("admin:products_category_changelist"), "/sitemap.xml"]:
        assert client.get(path).status_code == 200, path
    assert titles(client, "level-0") == [product.title]
    url = reverse("admin:products_category_change", args=[chain[-1].pk])
    assert staff.post(url, {"title": "Top", "parent": ""}).status_code == 302


def test_category_too_many_is_rejected_with_a_message(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("products.models.category.MAX_CATEGORIES", 2)
    for number in range(3):
        page = staff.post(reverse("admin:products_category_add"), {"title": f"Mugs {number}", "parent": ""})
    assert "There can be at most 2 categories." in page.text
    first = Category.objects.get(title="Mugs 0")
    staff.post(reverse("admin:products_category_change", args=[first.pk]), {"title": "Cups", "parent": ""})
    assert sorted(Category.objects.values_list("title", flat=True)) == ["Cups", "Mugs 1"]
