"""Tests for the sections of the product form, the choice of a group, and the stock."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.staff.roles import make_roles
from products.models import Product
from tests.admin_forms import field_errors, open_form
from tests.makers import make_category, make_product, make_user
from tests.markup import parse_html
from tests.visitors import count_queries

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
ADD = "/admin/products/product/add/"


@pytest.fixture
def anna(client: Client) -> Client:
    """Return the client of a superuser."""
    client.force_login(make_user("anna@example.org", is_staff=True, is_superuser=True))
    return client


def member(role: str) -> Client:
    """Return the client of a member of staff with this role."""
    make_roles()
    user = make_user(f"{role.lower()}@example.org", is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


def change_url(product: Product) -> str:
    return reverse("admin:products_product_change", args=[product.pk])


def make_variant(choice: str, group: str = "mugs", **fields: object) -> Product:
    return make_product(**{"title": f"Mug, {choice}", "group": group, "option": "Colour", "choice": choice} | fields)


def folded(page: str) -> list[str]:
    """Return the headings of the sections that are folded."""
    return [heading.text.strip() for box in parse_html(page).all("details") for heading in box.all("h2")]


# Sections


def test_sections_that_few_products_need_are_folded(anna: Client) -> None:
    page = anna.get(change_url(make_product())).text
    assert folded(page) == ["Choices (variants of a group)", "Right of withdrawal", "Link and dates"]


def test_choices_of_a_variant_are_not_folded(anna: Client) -> None:
    assert "Choices (variants of a group)" not in folded(anna.get(change_url(make_variant("teal"))).text)


def test_folded_section_with_an_error_is_unfolded(anna: Client) -> None:
    page = open_form(anna, change_url(make_product())).submit(withdrawal_days="3")
    assert "Enter 0, or a number from 14" in field_errors(page, "withdrawal_days")
    assert "Right of withdrawal" not in folded(page.text)


def test_form_has_all_fields_that_staff_can_edit(anna: Client) -> None:
    fields = {name.partition("-")[0] for name in open_form(anna, ADD).data}
    columns = {column.name for column in Product._meta.concrete_fields if column.editable}
    assert columns - {"stock", "slug", "image", "id", "active"} <= fields  # not entered, files, unticked


def test_staff_who_only_view_see_no_fields_for_the_stock() -> None:
    page = member("Support").get(change_url(make_product(stock=7))).text
    assert ("field-stock" in page, "field-stock_change" in page) == (True, False)


@pytest.mark.parametrize("count", [1, 6])
def test_form_runs_as_many_queries_for_any_number_of_groups(anna: Client, count: int) -> None:
    for number in range(count):
        make_variant("teal", f"group {number}")
    product = make_product(category=make_category())
    anna.get(change_url(product))  # reads what is kept
    with count_queries() as queries:
        anna.get(change_url(product))
    assert len(queries) <= 8


# Groups


def test_list_of_groups_names_their_products(anna: Client) -> None:
    for choice in ("teal", "oat", "rust", "sage"):
        make_variant(choice)
    options = [option.text for option in parse_html(anna.get(ADD).text).all("option")]
    assert "mugs: Mug, teal, Mug, oat, Mug, rust, …" in options


def test_product_joins_a_group_that_was_chosen(anna: Client) -> None:
    make_variant("teal")
    oat = make_product(title="Mug, oat")
    open_form(anna, change_url(oat)).submit(group="mugs", option="Colour", choice="oat")
    assert Product.objects.get(pk=oat.pk).group == "mugs"


def test_typed_name_makes_a_new_group(anna: Client) -> None:
    oat = make_product(title="Mug, oat")
    open_form(anna, change_url(oat)).submit(group_new=" Oat   mugs ", option="Colour", choice="oat")
    assert Product.objects.get(pk=oat.pk).group == "Oat mugs"


def test_typed_name_replaces_the_group_of_the_product(anna: Client) -> None:
    teal = make_variant("teal")
    open_form(anna, change_url(teal)).submit(group_new="cups")
    assert Product.objects.get(pk=teal.pk).group == "cups"


@pytest.mark.parametrize("spelling", ["mugs", "MUGS", " mugs ", "Mügs"])
def test_spelling_of_an_existing_group_is_rejected_at_the_field(anna: Client, spelling: str) -> None:
    make_variant("teal")
    oat = make_product(title="Mug, oat")
    page = open_form(anna, change_url(oat)).submit(group_new=spelling, option="Colour", choice="oat")
    assert "There is already a group “mugs”. Choose it in the list." in field_errors(page, "group")
    assert Product.objects.get(pk=oat.pk).group == ""


@pytest.mark.parametrize("value", ["unknown", "mugs\x00", "x" * 5000, "'; DROP"])
def test_group_that_is_not_in_the_list_is_rejected(anna: Client, value: str) -> None:
    make_variant("teal")
    oat = make_product(title="Mug, oat")
    page = open_form(anna, change_url(oat)).submit(group=value, option="Colour", choice="oat")
    assert "This group does not exist any more" in field_errors(page, "group")


@pytest.mark.parametrize("value", ["x" * 41, "a\x00b"])
def test_name_that_cannot_be_a_group_is_rejected_at_the_field(anna: Client, value: str) -> None:
    oat = make_product(title="Mug, oat")
    page = open_form(anna, change_url(oat)).submit(group_new=value, option="Colour", choice="oat")
    assert page.status_code == 200
    assert field_errors(page, "group")


def test_stale_form_does_not_undo_the_group_that_a_colleague_chose(anna: Client) -> None:
    make_variant("teal")
    oat = make_product(title="Mug, oat")
    mine = open_form(anna, change_url(oat))
    ben = Client()
    ben.force_login(make_user("ben@example.org", is_staff=True, is_superuser=True))
    open_form(ben, change_url(oat)).submit(group="mugs", option="Colour", choice="oat")
    assert mine.submit(price="3.00").status_code == 302
    page = mine.submit(group_new="cups")
    assert "ben@example.org changed “Group” from “(empty)” to “mugs”" in field_errors(page, "group")
    assert Product.objects.get(pk=oat.pk).group == "mugs"


def test_choice_that_another_variant_has_is_rejected_at_the_field(anna: Client) -> None:
    make_variant("teal")
    page = open_form(anna, change_url(make_variant("oat"))).submit(choice="teal", title="Mug, teal")
    assert "Another product of this group has the same choice." in field_errors(page, "choice")
    assert field_errors(page).count("the same choice") == 1


# Stock


def test_sale_while_the_form_is_open_is_not_undone(anna: Client) -> None:
    product = make_product(stock=10)
    form = open_form(anna, change_url(product))
    product.reserve(4, "ORDER1")
    assert form.submit(title="Blue mug", stock_change="2").status_code == 302
    assert Product.objects.get(pk=product.pk).stock == 8


def test_change_that_a_sale_made_impossible_saves_nothing(anna: Client) -> None:
    product = make_product(stock=5, title="Mug")
    form = open_form(anna, change_url(product))
    product.reserve(4, "ORDER1")
    page = form.submit(title="Blue mug", stock_change="-3")
    assert "it would be negative. In stock: 1." in field_errors(page, "stock_change")
    product.refresh_from_db()
    assert (product.title, product.stock) == ("Mug", 1)


@pytest.mark.parametrize(
    ("entered", "message"),
    [
        ({"stock_change": "-1"}, "it would be negative"),
        ({"stock_change": "5", "is_unlimited": "on"}, "it is unlimited"),
        ({"stock_change": "1000001"}, "less than or equal to 1000000"),
        ({"stock_change": "1.5"}, "Enter a whole number."),
    ],
)
def test_impossible_stock_of_a_new_product_is_rejected_at_the_field(
    anna: Client, entered: dict[str, str], message: str
) -> None:
    page = open_form(anna, ADD).submit(title="Jug", sku="J-1", price="4.00", **entered)
    assert message in field_errors(page, "stock_change")
    assert not Product.objects.exists()
