"""Categories within categories: what a shelf shows, the way to it, and rings, which are refused."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from ecommerce.tests.makers import make_category, make_product, make_user
from products.models import Category
from products.tree import Tree

pytestmark = pytest.mark.django_db


@pytest.fixture
def kitchen() -> Category:
    """Kitchen > Mugs > Small mugs, and Bowls beside Mugs."""
    kitchen = make_category("Kitchen")
    mugs = Category.objects.create(title="Mugs", parent=kitchen)
    Category.objects.create(title="Small mugs", parent=mugs)
    Category.objects.create(title="Bowls", parent=kitchen)
    return kitchen


def titles(client: Client, slug: str) -> list[str]:
    return sorted(product.title for product in client.get(f"/products/?category={slug}").context["products"])


def test_category_shows_its_own_products_and_those_of_all_within_it(client: Client, kitchen: Category) -> None:
    for category in Category.objects.all():
        make_product(title=f"Of {category}", category=category)
    make_product(title="Of none")
    assert titles(client, "kitchen") == ["Of Bowls", "Of Kitchen", "Of Mugs", "Of Small mugs"]
    assert titles(client, "mugs") == ["Of Mugs", "Of Small mugs"]
    assert titles(client, "small-mugs") == ["Of Small mugs"]


def test_list_shows_the_way_to_the_category_and_what_lies_within(client: Client, kitchen: Category) -> None:
    page = client.get("/products/?category=mugs").text
    crumbs, rest = page.split("</ol>", 1)
    assert crumbs.index('href="/">Home') < crumbs.index('href="/products/?category=kitchen">Kitchen</a>')
    assert 'aria-current="page">Mugs</li>' in crumbs
    assert '<a href="/products/?category=small-mugs">Small mugs</a>' in rest
    assert 'category=kitchen" aria-current="true"' in rest


def test_detail_shows_the_way_to_the_product(client: Client, kitchen: Category) -> None:
    product = make_product(title="Teal mug", category=Category.objects.get(slug="mugs"))
    crumbs = client.get(product.get_absolute_url()).text.split("</ol>", 1)[0]
    assert crumbs.index(">Home<") < crumbs.index(">Kitchen<") < crumbs.index(">Mugs<") < crumbs.index(">Teal mug</li>")


@pytest.mark.parametrize("parent", ["kitchen", "mugs", "small-mugs"])
def test_category_within_itself_is_refused_with_words(client: Client, kitchen: Category, parent: str) -> None:
    client.force_login(make_user("staff@example.org", is_staff=True, is_superuser=True))
    data = {"title": "Kitchen", "parent": Category.objects.get(slug=parent).pk}
    answer = client.post(reverse("admin:products_category_change", args=[kitchen.pk]), data)
    assert "A category cannot be inside itself: Kitchen" in answer.text
    assert Category.objects.get(pk=kitchen.pk).parent is None


def test_refusal_names_the_ring(kitchen: Category) -> None:
    kitchen.parent = Category.objects.get(slug="small-mugs")
    with pytest.raises(ValidationError, match="Kitchen > Mugs > Small mugs"):
        kitchen.full_clean()


def test_category_may_move_elsewhere(kitchen: Category) -> None:
    mugs = Category.objects.get(slug="mugs")
    mugs.parent = None
    mugs.full_clean()
    mugs.save()
    assert [category.title for category in Category.objects.tree().below(None)] == ["Kitchen", "Mugs"]


def test_category_as_its_own_parent_is_refused_by_the_database(kitchen: Category) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Category.objects.filter(pk=kitchen.pk).update(parent=kitchen)


def test_ring_that_two_members_of_staff_made_at_once_hangs_no_page(client: Client, kitchen: Category) -> None:
    make_product(title="Mug", category=Category.objects.get(slug="small-mugs"))
    Category.objects.filter(pk=kitchen.pk).update(parent=Category.objects.get(slug="small-mugs"))
    assert titles(client, "kitchen") == ["Mug"]
    tree = Tree(Category.objects.all())
    assert [category.title for category in tree.path(tree.find("kitchen"))] == ["Mugs", "Small mugs", "Kitchen"]


def test_menu_holds_the_outermost_categories_and_the_form_all(client: Client, kitchen: Category) -> None:
    page = client.get("/products/")
    assert [category.title for category in page.context["shelves"]] == ["Kitchen"]
    shelves = [title.replace("\u2003", ".") for _slug, title in page.context["form"].shelves()]
    assert shelves == ["Kitchen", ".Bowls", ".Mugs", "..Small mugs"]


def test_crumbs_lead_from_the_outermost_category() -> None:
    kitchen = make_category("Kitchen")
    mugs = Category.objects.create(title="Mugs", parent=kitchen)
    assert mugs.crumbs() == [kitchen, mugs]
    assert kitchen.crumbs() == [kitchen]


def test_crumbs_end_where_categories_stand_in_a_ring() -> None:
    kitchen = make_category("Kitchen")
    mugs = Category.objects.create(title="Mugs", parent=kitchen)
    kitchen.parent = mugs
    kitchen.save()
    assert mugs.crumbs() == [kitchen, mugs]
