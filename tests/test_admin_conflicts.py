"""Two members of staff edit the same rows at the same time: nothing that either of them saved is lost."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from accounts.models import User
from addresses.models import Address
from carts.models.rates import ShippingMethod, TaxRate
from core.admin import EditAdmin, ReadOnlyAdmin
from orders.workflow.erasure import delete_account
from products.models import Picture, Product
from tests.admin_forms import OpenForm, field_errors, open_form, read_form
from tests.makers import ADDRESS, make_category, make_discount, make_product, make_tax, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(client: Client) -> Client:
    client.force_login(make_user("anna@example.org", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def ben(other_client: Client) -> Client:
    other_client.force_login(make_user("ben@example.org", is_staff=True, is_superuser=True))
    return other_client


def change_url(row: models.Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def list_url(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def make_upload(color: str) -> SimpleUploadedFile:
    content = BytesIO()
    Image.new("RGB", (60, 40), color).save(content, "PNG")
    return SimpleUploadedFile("mug.png", content.getvalue())


def stored(row: models.Model, *names: str) -> Any:
    """Return the stored values of the row as text."""
    fresh = type(row)._base_manager.get(pk=row.pk)
    values = tuple(str(getattr(fresh, name)) for name in names)
    return values[0] if len(names) == 1 else values


def make_address() -> Address:
    return Address.objects.create(billing_profile=make_user("carl@example.org").billing_profile, **ADDRESS)


def make_method() -> ShippingMethod:
    return ShippingMethod.objects.create(title="Van", price=5)


@dataclass(frozen=True)
class Case:
    """A row, one field with three values, and another field with a value."""

    make: Callable[[], models.Model]
    field: str
    mine: str
    theirs: str
    other: str
    other_value: str


CASES = {
    "product": Case(lambda: make_product(), "price", "18.00", "77.77", "title", "Blue mug"),
    "category": Case(make_category, "title", "Cups", "Beakers", "title", "Beakers"),
    "discount": Case(lambda: make_discount(), "value", "15.00", "20.00", "uses_limit", "7"),
    "shipping": Case(lambda: make_method(), "price", "6.00", "7.00", "title", "Bus"),
    "tax": Case(lambda: make_tax(), "percent", "19.000", "21.000", "title", "Tax"),
    "user": Case(lambda: make_user("carl@example.org"), "name", "Carl", "Karl", "email", "karl@example.org"),
    "address": Case(make_address, "city", "Bristol", "Wells", "line_1", "2 Low Street"),
    "group": Case(lambda: Group.objects.create(name="Packers"), "name", "Shipping", "Picking", "name", "Picking"),
}  # fmt: skip
EACH_CASE = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


# --- change forms ---


@EACH_CASE
@pytest.mark.sampled(4)
def test_stale_form_does_not_overwrite_a_field(anna: Client, ben: Client, case: Case) -> None:
    row = case.make()
    before = stored(row, case.field) or "(empty)"
    mine = open_form(anna, change_url(row))
    assert open_form(ben, change_url(row)).submit(**{case.field: case.theirs}).status_code == 302
    page = mine.submit(**{case.field: case.mine})
    assert stored(row, case.field) == case.theirs
    message = field_errors(page, case.field)
    assert "ben@example.org changed “" in message
    assert f"from “{before}” to “{case.theirs}”" in message
    again = read_form(anna, mine.url, page)
    assert again.data[case.field] == [case.mine]
    assert again.submit().status_code == 302
    assert stored(row, case.field) == case.mine


@EACH_CASE
@pytest.mark.sampled(5)
def test_stale_form_keeps_fields_that_it_did_not_change(anna: Client, ben: Client, case: Case) -> None:
    row = case.make()
    mine = open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(**{case.field: case.theirs})
    changes = {case.other: case.other_value} if case.other != case.field else {}
    assert mine.submit(**changes).status_code == 302
    assert stored(row, case.field) == case.theirs
    assert all(stored(row, name) == value for name, value in changes.items())


@EACH_CASE
@pytest.mark.slow
def test_same_change_by_both_is_no_conflict(anna: Client, ben: Client, case: Case) -> None:
    row = case.make()
    mine = open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(**{case.field: case.theirs})
    assert mine.submit(**{case.field: case.theirs}).status_code == 302
    assert stored(row, case.field) == case.theirs


@EACH_CASE
@pytest.mark.slow
def test_form_without_changes_writes_no_row(anna: Client, case: Case) -> None:
    form = open_form(anna, change_url(row := case.make()))
    with CaptureQueriesContext(connection) as queries:
        assert form.submit().status_code == 302
    table = row._meta.db_table
    assert [query["sql"] for query in queries if f'UPDATE "{table}"' in query["sql"]] == []


@EACH_CASE
@pytest.mark.slow
def test_form_of_a_deleted_row_says_so(anna: Client, case: Case) -> None:
    row = case.make()
    form = open_form(anna, change_url(row))
    delete_account(row) if isinstance(row, User) else row.delete()
    page = anna.get(form.submit(**{case.field: case.mine}).url)
    assert "While this page was open, somebody else deleted “" in page.text


@EACH_CASE
@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "x", "{}", "e30:x", "é" * 5000, "[]"])
def test_changed_hidden_value_is_rejected_with_a_message(anna: Client, case: Case, text: str) -> None:
    row = case.make()
    before = stored(row, case.field)
    page = open_form(anna, change_url(row)).submit(**{f"initial-{case.field}": text, case.field: case.mine})
    assert "did not say what it showed" in field_errors(page, case.field)
    assert stored(row, case.field) == before


@pytest.mark.slow
def test_hidden_value_of_another_field_is_rejected_with_a_message(anna: Client) -> None:
    form = open_form(anna, change_url(make_product()))
    page = form.submit(**{"initial-price": form.data["initial-title"][0]})
    assert "did not say what it showed" in field_errors(page, "price")


@pytest.mark.slow
def test_post_without_hidden_values_is_compared_with_the_row(anna: Client) -> None:
    row = make_product()
    form = open_form(anna, change_url(row))
    form.data = {name: values for name, values in form.data.items() if not name.startswith("initial-")}
    assert form.submit(price="18.00").status_code == 302
    assert stored(row, "price") == "18.00"


@pytest.mark.slow
def test_change_by_a_command_is_by_somebody_else(anna: Client, ben: Client) -> None:
    row = make_product()
    open_form(ben, change_url(row)).submit(price="17.00")
    form = open_form(anna, change_url(row))
    Product.objects.filter(pk=row.pk).update(price=Decimal("77.77"))
    message = field_errors(form.submit(price="18.00"), "price")
    assert "somebody else changed “Price” from “17.00” to “77.77”" in message


@pytest.mark.slow
def test_form_with_an_unrelated_error_says_which_fields_changed(anna: Client, ben: Client) -> None:
    row = make_product(title="Mug")
    mine = open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(title="Cup")
    page = mine.submit(price="-1")
    assert "ben@example.org changed “Title” from “Mug” to “Cup”" in field_errors(page, "title")
    assert read_form(anna, mine.url, page).data["title"] == ["Cup"]


VALUES = {
    "title": ["Mug", "Blue mug", "Ärmel™", "<b>Mug</b>"],
    "description": ["", "One", "One\r\ntwo", " One\r\ntwo\r\n"],
    "price": ["16.00", "16", "0.00", "99999999.99"],
    "weight": ["0", "7", "007"],
    "active": ["on", None],
}
some_changes = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()})


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mine=some_changes, theirs=some_changes)
def test_any_changes_by_two_people_are_merged_or_rejected(
    anna: Client, ben: Client, mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    row = make_product(title="Mug")
    shown = as_stored({name: values[0] for name, values in VALUES.items()})
    form = open_form(anna, change_url(row))
    assert open_form(ben, change_url(row)).submit(**theirs).status_code == 302
    response = form.submit(**mine)
    mine, theirs = as_stored(mine), as_stored(theirs)
    clashing = [name for name in mine.keys() & theirs.keys() if len({mine[name], theirs[name], shown[name]}) == 3]
    touched = {name: value for name, value in mine.items() if value != shown[name]}
    assert (response.status_code == 200) == bool(clashing)
    expected = shown | theirs | ({} if clashing else touched)
    row.refresh_from_db()
    assert {name: str(getattr(row, name)) for name in VALUES} == expected


def as_stored(changes: dict[str, Any]) -> dict[str, str]:
    """Return the values of the row as text after these changes were saved."""
    stored_as = {"16": "16.00", "007": "7", "on": "True", None: "False"}
    return {name: stored_as.get(value, value).strip() for name, value in changes.items()}


# --- validation judges the row as it will be stored ---


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("value", "is_saved"), [("150.00", False), ("30.00", True)])
def test_value_is_judged_with_the_kind_that_somebody_else_chose(
    anna: Client, ben: Client, value: str, is_saved: bool
) -> None:
    row = make_discount(kind="amount")
    mine = open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(kind="percent")
    page = mine.submit(value=value)
    assert (page.status_code == 302) == is_saved
    assert stored(row, "kind", "value") == ("percent", value if is_saved else "10.00")
    if not is_saved:
        assert "A discount cannot exceed 100 percent." in field_errors(page, "value")
        assert "changed “Kind” from “fixed amount” to “percentage of the subtotal”" in field_errors(page, "kind")


@pytest.mark.slow
def test_weight_range_is_judged_with_the_other_end_that_somebody_else_set(anna: Client, ben: Client) -> None:
    row = ShippingMethod.objects.create(title="Van", price=5, weight_from=1, weight_to=900)
    mine = open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(weight_to="500")
    assert "less than the minimum weight" in field_errors(mine.submit(weight_from="600"))
    assert stored(row, "weight_from", "weight_to") == ("1", "500")


@pytest.mark.slow
def test_region_is_judged_with_the_country_that_somebody_else_chose(anna: Client, ben: Client) -> None:
    row = make_tax(country="US", region="CA")
    mine = open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(country="CA", region="CA:ON")
    assert field_errors(mine.submit(region="US:NY"), "region").count("ben@example.org changed") == 1
    assert stored(row, "country", "region") == ("CA", "ON")


@pytest.mark.slow
def test_variant_is_judged_with_the_group_that_somebody_else_removed(anna: Client, ben: Client) -> None:
    row = make_product(title="Mug, Teal", group="mugs", option="Colour", choice="Teal")
    mine = open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(group="", option="", choice="")
    assert "A second option needs a choice" in field_errors(mine.submit(second_option="Size", second_choice="Mug"))


@pytest.mark.slow
def test_list_shows_errors_of_columns_that_it_does_not_have(anna: Client) -> None:
    row = make_tax(country="US", region="Narnia")
    page = open_form(anna, list_url(TaxRate)).submit(**{"form-0-active": None})
    assert "do not have this region" in field_errors(page)
    assert stored(row, "active") == "True"


# --- columns that staff do not edit, files, rights ---


@pytest.mark.slow
def test_stale_product_form_keeps_stock_and_slug(anna: Client) -> None:
    row = make_product(stock=10)
    mine = open_form(anna, change_url(row))
    row.reserve(4, "ORDER1")
    Product.objects.filter(pk=row.pk).update(slug="other")
    with CaptureQueriesContext(connection) as queries:
        assert mine.submit(title="Blue mug", stock_change="2").status_code == 302
    assert stored(row, "stock", "slug", "title") == ("8", "other", "Blue mug")
    [update] = [one["sql"] for one in queries if "\"title\" = 'Blue mug'" in one["sql"]]
    assert "price" not in update
    assert '"updated"' in update


@pytest.mark.slow
def test_stale_product_form_keeps_stock_tracking(anna: Client, ben: Client) -> None:
    row = make_product(stock=None)
    mine = open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(is_unlimited=None, stock_change="5")
    assert mine.submit(title="Blue mug").status_code == 302
    assert stored(row, "stock", "title") == ("5", "Blue mug")


@pytest.mark.slow
def test_stock_is_not_counted_twice(anna: Client, ben: Client) -> None:
    row = make_product(stock=None)
    mine = open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(is_unlimited=None, stock_change="5")
    page = mine.submit(is_unlimited=None, stock_change="7")
    assert "changed “Unlimited stock” from “yes” to “no”" in field_errors(page, "stock_change")
    assert stored(row, "stock") == "5"


@pytest.mark.slow
def test_stale_discount_form_keeps_the_uses(anna: Client) -> None:
    row = make_discount()
    mine = open_form(anna, change_url(row))
    row.reserve_use()
    assert mine.submit(value="11.00").status_code == 302
    assert stored(row, "uses", "value") == ("1", "11.00")


@pytest.mark.slow
def test_stale_user_form_restores_neither_email_nor_rights(anna: Client, ben: Client) -> None:
    row = make_user("carl@example.org", is_staff=True)
    mine = open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(is_staff=None)
    User.objects.filter(pk=row.pk).update(email="karl@example.org", password="x")
    assert mine.submit(name="Carl").status_code == 302
    assert stored(row, "email", "is_staff", "password", "name") == ("karl@example.org", "False", "x", "Carl")


def test_form_does_not_contain_the_password(anna: Client) -> None:
    row = make_user("carl@example.org")
    assert "initial-password" not in anna.get(change_url(row)).text


@pytest.mark.slow
def test_permissions_that_somebody_else_changed_stay(anna: Client, ben: Client) -> None:
    row = Group.objects.create(name="Packers")
    ship, refund = (str(Permission.objects.get(codename=name).pk) for name in ("ship_order", "refund_order"))
    mine = open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(permissions=[ship])
    assert mine.submit(name="Packing").status_code == 302
    assert [str(one.pk) for one in row.permissions.all()] == [ship]
    stale = OpenForm(anna, mine.url, mine.data)
    assert "ben@example.org changed “Permissions” from “(empty)”" in field_errors(stale.submit(permissions=[refund]))
    assert [str(one.pk) for one in row.permissions.all()] == [ship]


@pytest.mark.slow
def test_untouched_text_with_unusual_spaces_stays(anna: Client) -> None:
    row = make_product(description=" one\ntwo \n")
    assert open_form(anna, change_url(row)).submit(title="Blue mug").status_code == 302
    assert Product.objects.get(pk=row.pk).description == " one\ntwo \n"


@pytest.mark.slow
def test_stale_form_keeps_the_times_of_a_discount(anna: Client, ben: Client) -> None:
    row = make_discount()
    mine, late = open_form(anna, change_url(row)), open_form(anna, change_url(row))
    open_form(ben, change_url(row)).submit(starts_0="2026-07-01", starts_1="10:00")
    assert mine.submit(value="11.00").status_code == 302
    assert stored(row, "starts") == "2026-07-01 09:00:00+00:00"
    page = late.submit(starts_0="2026-08-01", starts_1="10:00")
    assert "changed “Starts” from “(empty)” to “1 July 2026, 10:00”" in field_errors(page, "starts")


# --- inlines ---


@pytest.fixture
def mug() -> Product:
    """Return a product with two additional pictures, without files."""
    product = make_product()
    for name in ("front", "back"):
        Picture.objects.create(product=product, image=f"products/{name}.png", image_alt=name)
    return product


@pytest.mark.slow
def test_stale_form_of_pictures_loses_nothing(anna: Client, ben: Client, mug: Product) -> None:
    mine = open_form(anna, change_url(mug))
    open_form(ben, change_url(mug)).submit(**{"pictures-0-image_alt": "handle", "pictures-1-position": "5"})
    page = mine.submit(**{"pictures-0-image_alt": "lid", "title": "Blue mug"})
    assert "ben@example.org changed “Alternative text” from “front” to “handle”" in field_errors(page)
    assert stored(mug, "title") != "Blue mug"
    assert mine.submit(title="Blue mug").status_code == 302
    assert [*mug.pictures.values_list("image_alt", "position")] == [("handle", 0), ("back", 5)]


@pytest.mark.slow
def test_changed_picture_is_not_deleted_unseen(anna: Client, ben: Client, mug: Product) -> None:
    mine = open_form(anna, change_url(mug))
    open_form(ben, change_url(mug)).submit(**{"pictures-0-image_alt": "handle"})
    page = mine.submit(**{"pictures-0-DELETE": "on"})
    assert "from “front” to “handle”" in field_errors(page)
    assert mug.pictures.count() == 2
    assert read_form(anna, mine.url, page).submit().status_code == 302
    assert mug.pictures.count() == 1


@pytest.mark.slow
@pytest.mark.parametrize(("change", "is_told"), [({"pictures-0-image_alt": "lid"}, True), ({"title": "Blue"}, False)])
def test_picture_that_somebody_else_deleted(
    anna: Client, ben: Client, mug: Product, change: dict[str, str], is_told: bool
) -> None:
    mine = open_form(anna, change_url(mug))
    open_form(ben, change_url(mug)).submit(**{"pictures-0-DELETE": "on"})
    page = mine.submit(**change, **{"pictures-1-image_alt": "inside"})
    assert (page.status_code == 200) == is_told
    if is_told:
        assert "ben@example.org deleted “" in field_errors(page)
        page = read_form(anna, mine.url, page).submit()
    assert page.status_code == 302
    assert [one.image_alt for one in mug.pictures.all()] == ["inside"]


# --- lists ---


@pytest.mark.slow
def test_stale_list_changes_only_the_edited_row(anna: Client, ben: Client) -> None:
    first, second = make_product(title="A"), make_product(title="B")
    mine = open_form(anna, list_url(Product) + "?o=2")
    Product.objects.filter(pk=second.pk).update(price=Decimal("77.77"))
    assert mine.submit(**{"form-0-price": "18.00"}).status_code == 302
    assert (stored(first, "price"), stored(second, "price")) == ("18.00", "77.77")


def test_stale_list_saves_nothing_if_a_price_was_changed(anna: Client, ben: Client) -> None:
    first, second = make_product(title="A"), make_product(title="B")
    mine = open_form(anna, list_url(Product) + "?o=2")
    open_form(ben, change_url(first)).submit(price="77.77", title="Z")
    page = mine.submit(**{"form-0-price": "18.00", "form-1-price": "19.00"})
    assert "ben@example.org changed “Price” from “16.00” to “77.77”" in field_errors(page, "price")
    assert "changed the same fields while this page was open: Z: Price." in page.text
    assert (stored(first, "price"), stored(second, "price")) == ("77.77", "16.00")
    shown = [(row.title, row.pk, form["price"].value()) for row, form in rows_of(page)]
    assert shown == [("Z", first.pk, "18.00"), ("B", second.pk, "19.00")]


@pytest.mark.slow
@pytest.mark.parametrize("is_edited", [True, False])
def test_row_of_a_list_that_somebody_else_deleted(anna: Client, ben: Client, is_edited: bool) -> None:
    rows = [make_product(title=title, stock=0) for title in "ABC"]
    mine = open_form(anna, list_url(Product) + "?o=2")
    ben.post(change_url(rows[1]).replace("change", "delete"), {"post": "yes"})
    Product.objects.filter(pk=rows[1].pk).delete()
    changes = {"form-2-price": "18.00"} | ({"form-1-price": "19.00"} if is_edited else {})
    page = mine.submit(**changes)
    assert (page.status_code == 200) == is_edited
    if is_edited:
        assert "deleted “B”, so your changes to it are lost" in page.text
        assert [(row.title, form["price"].value()) for row, form in rows_of(page)] == [("A", "16.00"), ("C", "18.00")]
        assert read_form(anna, mine.url, page).submit().status_code == 302
    assert [stored(row, "price") for row in (rows[0], rows[2])] == ["16.00", "18.00"]


def rows_of(page: Any) -> Any:
    """Return the rows that a list shows next to their forms."""
    return [
        (result, result_form)
        for result, result_form in zip(page.context["cl"].result_list, page.context["cl"].formset.forms, strict=True)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("form-0-id", ""), ("form-0-id", "x"), ("form-0-id", "9" * 30), ("form-0-id", "-1"), ("form-0-id", "0"),
        ("form-TOTAL_FORMS", "999999999"), ("form-INITIAL_FORMS", "999999999"), ("form-INITIAL_FORMS", "-5"),
        ("form-INITIAL_FORMS", "x"), ("form-99999999999999999999-id", "1"), ("initial-form-0-price", "x"),
    ],
)  # fmt: skip
def test_changed_list_data_ends_in_no_server_error(anna: Client, name: str, value: str) -> None:
    row = make_product()
    page = open_form(anna, list_url(Product)).submit(**{name: value, "form-0-price": "18.00"})
    assert page.status_code in (200, 302, 400)
    assert stored(row, "price") in ("16.00", "18.00")


# --- the change history ---


@pytest.mark.slow
def test_history_keeps_old_and_new_values(anna: Client) -> None:
    row = make_discount(kind="amount")
    open_form(anna, change_url(row)).submit(value="12.00", kind="percent", active=None)
    page = anna.get(reverse("admin:carts_discount_history", args=[row.pk])).text
    for text in ("Value: “10.00” → “12.00”", "Kind: “fixed amount” → “percentage of the subtotal”", "“yes” → “no”"):
        assert text in page


@pytest.mark.slow
def test_history_keeps_values_of_lists_and_pictures(anna: Client, mug: Product) -> None:
    open_form(anna, list_url(Product)).submit(**{"form-0-price": "18.00"})
    open_form(anna, change_url(mug)).submit(**{"pictures-0-image_alt": "lid"})
    page = anna.get(reverse("admin:products_product_history", args=[mug.pk])).text
    assert "Price: “16.00” → “18.00”" in page
    assert "Alternative text: “front” → “lid”" in page


@pytest.mark.slow
def test_history_keeps_no_passwords(anna: Client) -> None:
    row = make_user("carl@example.org")
    url = reverse("admin:auth_user_password_change", args=[row.pk])
    anna.post(url, {"usable_password": "true", "password1": "a long walk home", "password2": "a long walk home"})
    entry = LogEntry.objects.get()
    assert "walk" not in entry.change_message
    assert stored(row, "password") not in entry.change_message


# --- every admin ---


def test_every_admin_is_read_only_or_protected() -> None:
    others = [
        model_admin
        for model_admin in admin.site._registry.values()
        if not isinstance(model_admin, EditAdmin | ReadOnlyAdmin)
    ]
    assert others == []


@pytest.mark.slow
def test_save_as_new_is_answered_like_a_new_row(anna: Client) -> None:
    product = make_product()
    form = open_form(anna, change_url(product))
    form.button = "_saveasnew"
    assert "already exists" in field_errors(form.submit(), "sku")
    assert form.submit(sku="NEW-1").status_code == 302
    assert Product.objects.exclude(pk=product.pk).get().sku == "NEW-1"


@pytest.mark.slow
def test_picture_in_conflict_has_to_be_chosen_again(anna: Client, ben: Client) -> None:
    product = make_product()
    mine, theirs = open_form(anna, change_url(product)), open_form(ben, change_url(product))
    assert theirs.submit(image=make_upload("red")).status_code == 302
    stored_image = stored(product, "image")
    page = mine.submit(image=make_upload("blue"))
    assert "Choose your file again to use it, or save without one to keep theirs." in field_errors(page, "image")
    assert read_form(anna, mine.url, page).submit().status_code == 302
    assert stored(product, "image") == stored_image
    assert read_form(anna, mine.url, page).submit(image=make_upload("blue")).status_code == 302
    assert stored(product, "image") != stored_image
