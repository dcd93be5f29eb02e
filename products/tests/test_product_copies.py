"""Tests for copying a product as another variant."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.staff.roles import make_roles
from products.copies import OWN_COLUMNS, suggest_group, title_with_choice
from products.models import Picture, Product
from tests.admin_forms import field_errors, open_form
from tests.makers import make_category, make_paid_order, make_product, make_user
from tests.markup import parse_html
from tests.threads import run_in_threads

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]


def member(role: str, name: str = "") -> Client:
    """Return the client of a member of staff with this role, or of a superuser."""
    make_roles()
    user = make_user(f"{name or role.lower()}@example.org", is_staff=True, is_superuser=role == "Superuser")
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def anna() -> Client:
    return member("Catalogue", "anna")


def copy_url(product: Product) -> str:
    return reverse("admin:products_product_copy", args=[product.pk])


def make_teal(**fields: Any) -> Product:
    """Return a variant with all that a copy takes from it."""
    return make_product(
        **{"title": "Mug, teal", "sku": "MUG", "description": "Holds tea.", "price": Decimal("7.50"), "weight": 300}
        | {"category": make_category(), "group": "mugs", "option": "Colour", "choice": "teal"}
        | {"withdrawal_days": 0, "withdrawal_exclusion": "Made for you."}
        | fields
    )


def form_data(client: Client, product: Product) -> dict[str, str]:
    """Return what the page of the copy sends if nothing was entered."""
    page = parse_html(client.get(copy_url(product)).text)
    fields = [field for field in page.all("input") if field.attrs.get("name")]
    return {field.attrs["name"]: field.attrs.get("value", "") for field in fields}


def copy(client: Client, product: Product, **entered: str) -> Any:
    return client.post(copy_url(product), form_data(client, product) | entered)


def copies_of(*originals: Product) -> list[Product]:
    return list(Product.objects.exclude(pk__in=[row.pk for row in originals]).order_by("pk"))


def test_copy_has_the_values_of_the_original_and_its_own_names(anna: Client) -> None:
    teal = make_teal(stock=8)
    response = copy(anna, teal, choice="oat")
    [oat] = copies_of(teal)
    assert response.url == reverse("admin:products_product_change", args=[oat.pk])
    assert (oat.sku, oat.title, oat.slug, oat.choice) == ("MUG-2", "Mug, oat", "mug-oat", "oat")
    assert (oat.stock, oat.active, oat.movements.count()) == (0, False, 0)
    assert (oat.description, oat.price, oat.weight, oat.category) == ("Holds tea.", 7.50, 300, teal.category)
    assert (oat.group, oat.option) == ("mugs", "Colour")
    assert (oat.withdrawal_days, oat.withdrawal_exclusion) == (0, "Made for you.")


def test_columns_that_are_not_copied_exist() -> None:
    assert {column.name for column in Product._meta.concrete_fields} >= OWN_COLUMNS


def test_copy_can_be_saved_and_sold_without_further_entries(anna: Client) -> None:
    teal = make_teal()
    response = copy(anna, teal, choice="oat")
    assert open_form(anna, response.url).submit(active="on").status_code == 302
    [oat] = copies_of(teal)
    assert oat.get_absolute_url() in Client().get(teal.get_absolute_url()).text


def test_copy_has_neither_pictures_nor_orders(anna: Client) -> None:
    teal = make_teal(image="products/teal.png", image_alt="Teal")
    Picture.objects.create(product=teal, image="products/side.png")
    make_paid_order(teal)
    copy(anna, teal, choice="oat")
    [oat] = copies_of(teal)
    assert (oat.image.name, oat.image_alt, oat.pictures.count(), oat.order_items.count()) == ("", "", 0, 0)
    assert "no pictures" in anna.get(copy_url(teal)).text


def test_original_without_a_group_gets_one(anna: Client) -> None:
    mug = make_product(title="Mug in teal", sku="MUG")
    copy(anna, mug, choice="oat", original_choice="teal", option="Colour")
    [oat] = copies_of(mug)
    mug.refresh_from_db()
    assert (mug.group, mug.option, mug.choice, mug.title) == ("Mug in teal", "Colour", "teal", "Mug in teal")
    assert (oat.group, oat.option, oat.choice, oat.title) == ("Mug in teal", "Colour", "oat", "Mug in oat")
    texts = LogEntry.objects.order_by("pk").values_list("object_id", "change_message")
    assert list(texts) == [
        (str(oat.pk), "Copied from “Mug in teal” (MUG)."),
        (str(mug.pk), "Put into the group “Mug in teal”."),
    ]


def test_new_group_must_not_be_an_existing_one(anna: Client) -> None:
    make_teal()
    mug = make_product(title="Cup, red")
    page = copy(anna, mug, choice="oat", original_choice="red", option="Colour", group=" MUGS")
    assert "There is already a group “mugs”." in field_errors(page, "group")
    assert Product.objects.count() == 2


def test_choice_of_the_original_must_be_in_its_title(anna: Client) -> None:
    mug = make_product(title="Mug")
    page = copy(anna, mug, choice="oat", original_choice="teal", option="Colour")
    assert "The title of the original does not include this." in field_errors(page, "original_choice")
    assert Product.objects.get().group == ""


def test_form_that_is_sent_twice_makes_one_copy(anna: Client) -> None:
    teal = make_teal()
    data = form_data(anna, teal) | {"choice": "oat"}
    anna.post(copy_url(teal), data)
    page = anna.post(copy_url(teal), data)
    assert "There is already a product with this SKU: “Mug, oat”." in field_errors(page, "sku")
    assert len(copies_of(teal)) == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_members_of_staff_at_once_make_one_copy(anna: Client) -> None:
    ben = member("Catalogue", "ben")
    teal = make_teal()
    data = form_data(anna, teal) | {"choice": "oat"}
    pages = run_in_threads(*(partial(client.post, copy_url(teal), data) for client in (anna, ben)))
    assert sorted(page.status_code for page in pages) == [200, 302]
    assert len(copies_of(teal)) == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_copies_of_two_products_with_one_sku_at_once_make_one(anna: Client) -> None:
    """Their originals have different locks, so only the constraint can reject the second one."""
    ben = member("Catalogue", "ben")
    originals = [make_teal(), make_product(title="Cup, red", group="cups", option="Colour", choice="red")]
    data = [form_data(anna, original) | {"choice": "oat", "sku": "NEW"} for original in originals]
    sent = zip((anna, ben), originals, data, strict=True)
    steps = [partial(client.post, copy_url(row), one) for client, row, one in sent]
    pages = run_in_threads(*steps)
    assert sorted(page.status_code for page in pages) == [200, 302]
    assert len(copies_of(*originals)) == 1


def test_original_that_a_colleague_changed_is_not_copied(anna: Client) -> None:
    mug = make_product(title="Mug in teal")
    data = form_data(anna, mug) | {"choice": "oat", "original_choice": "teal", "option": "Colour"}
    Product.objects.filter(pk=mug.pk).update(group="cups", option="Colour", choice="teal")
    page = anna.post(copy_url(mug), data)
    assert "While this page was open, the original was changed." in field_errors(page)
    assert Product.objects.get().group == "cups"


@pytest.mark.parametrize(
    ("entered", "field", "message"),
    [
        ({"choice": ""}, "choice", "This field is required."),
        ({"choice": "TEAL "}, "choice", "the same choice"),
        ({"choice": "teal"}, "choice", "the same choice"),
        ({"choice": "o\x00at"}, "choice", "Null characters"),
        ({"choice": "x" * 41}, "choice", "at most 40 characters"),
        ({"choice": "oat", "sku": "MUG"}, "sku", "already a product with this SKU"),
        ({"choice": "oat", "sku": ""}, "sku", "This field is required."),
        ({"choice": "oat", "sku": "9" * 500}, "sku", "at most 40 characters"),
        ({"choice": "oat", "title": "Mug"}, "title", "“oat” is missing"),
        ({"choice": "oat", "title": "oat" * 100}, "title", "at most 150 characters"),
        ({"state": "forged", "choice": "oat"}, "", "the original was changed"),
        ({"state": "", "choice": "oat"}, "", "the original was changed"),
    ],
)
def test_bad_entry_is_rejected_at_its_field(anna: Client, entered: dict[str, str], field: str, message: str) -> None:
    teal = make_teal()
    page = copy(anna, teal, **entered)
    assert message in field_errors(page, field)
    assert copies_of(teal) == []


def test_second_choice_can_differ_alone(anna: Client) -> None:
    small = make_teal(title="Mug, teal, small", second_option="Size", second_choice="small")
    copy(anna, small, choice="teal", second_choice="large")
    [large] = copies_of(small)
    assert (large.title, large.choice, large.second_choice) == ("Mug, teal, large", "teal", "large")


@pytest.mark.parametrize(
    ("title", "old", "new", "expected"),
    [
        ("Mug, teal", "teal", "oat", "Mug, oat"),
        ("Linen shirt, L", "L", "XL", "Linen shirt, XL"),
        ("Teal mug, TEAL", "teal", "oat", "Teal mug, oat"),
        ("Mug", "", "oat", "Mug, oat"),
        ("Mug (teal)", "teal)", "a\\1b", "Mug (a\\1b"),
        ("Oat mug", "", "oat", "Oat mug"),
        ("Mug, teal", "Teal", "Oat", "Mug, oat"),
        ("Mug, small", "Small", "XL", "Mug, XL"),
        ("Mug, Teal", "Teal", "Oat", "Mug, Oat"),
    ],
)
def test_title_gets_the_new_choice(title: str, old: str, new: str, expected: str) -> None:
    assert title_with_choice(title, old, new) == expected


@pytest.mark.parametrize(("role", "status"), [("Catalogue", 302), ("Manager", 302), ("Support", 403), ("Packer", 403)])
def test_copying_needs_the_permission_to_add_and_change_products(anna: Client, role: str, status: int) -> None:
    teal = make_teal()
    data = form_data(anna, teal) | {"choice": "oat"}
    client = member(role)
    assert client.post(copy_url(teal), data).status_code == status
    assert len(copies_of(teal)) == (1 if status == 302 else 0)


def test_form_links_to_the_copy_for_those_who_may() -> None:
    teal = make_teal()
    url = reverse("admin:products_product_change", args=[teal.pk])
    linked = {role: copy_url(teal) in member(role).get(url).text for role in ("Catalogue", "Support")}
    assert linked == {"Catalogue": True, "Support": False}


@pytest.mark.parametrize(
    ("title", "choice", "group"),
    [
        ("Speckled stoneware mug, oat", "", "Speckled stoneware mug"),
        ("Oat mug with a handle", "oat", "Mug with a handle"),
        ("Mug (oat)", "Oat", "Mug"),
        ("Mug", "", "Mug"),
        ("Oat", "oat", "Oat"),
        ("Espresso cup and saucer of speckled stoneware", "", "Espresso cup and saucer of speckled"),
        ("X" * 50, "", "X" * 40),
    ],
)
def test_suggested_group_is_the_title_without_the_choice(title: str, choice: str, group: str) -> None:
    assert suggest_group(Product(title=title, choice=choice)) == group


def test_page_shows_the_choices_of_the_group(anna: Client) -> None:
    teal = make_teal()
    make_product(title="Mug, oat", sku="OAT", group="mugs", option="Colour", choice="oat")
    make_product(title="Jug, red", sku="RED", group="jugs", option="Colour", choice="red")
    assert "The group has: oat, teal." in anna.get(copy_url(teal)).text
