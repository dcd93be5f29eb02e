"""Tests of the product admin, including sales that happen while a form is open."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from products.models import Product
from tests.admin_forms import run_action
from tests.makers import EMPTY_PICTURE_FORMSET, make_product, make_user
from tests.markup import parse_html

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


@pytest.fixture
def staff(client: Client) -> Client:
    """Return a client that is logged in as a superuser."""
    client.force_login(make_user("staff@example.org", is_staff=True, is_superuser=True))
    return client


def form_data(product: Product) -> dict[str, str]:
    """Return the data that a browser posts for an unchanged change form."""
    fields = {"sku": product.sku, "title": product.title, "price": str(product.price), "weight": str(product.weight)}
    return (
        fields
        | {"description": "", "group": "", "category": "", "stock_change": "", "active": "on"}
        | EMPTY_PICTURE_FORMSET
    )


def save(staff: Client, product: Product, **changes: str) -> str:
    """Post the change form and return the text of the next page."""
    url = reverse("admin:products_product_change", args=[product.pk])
    return staff.post(url, form_data(product) | changes, follow=True).text


def stock_of(product: Product) -> int | None:
    return Product.objects.get(pk=product.pk).stock


@pytest.mark.slow
def test_form_opened_before_a_sale_keeps_the_stock_when_saved(staff: Client) -> None:
    product = make_product(stock=10)
    staff.get(reverse("admin:products_product_change", args=[product.pk]))
    product.reserve(4, "ORDER1")
    save(staff, product, title="Blue mug")
    assert (Product.objects.get(pk=product.pk).title, stock_of(product)) == ("Blue mug", 6)


def test_form_cannot_overwrite_the_stock(staff: Client) -> None:
    product = make_product(stock=10)
    save(staff, product, stock="99")
    assert stock_of(product) == 10


def test_stock_change_is_applied_to_the_current_stock(staff: Client) -> None:
    product = make_product(stock=10)
    product.reserve(4, "ORDER1")
    save(staff, product, stock_change="12")
    assert stock_of(product) == 18
    assert product.movements.filter(by="staff@example.org").get().amount == 12


@pytest.mark.slow
def test_stock_change_below_zero_is_rejected_with_a_message(staff: Client) -> None:
    product = make_product(stock=3)
    assert "The stock was not changed" in save(staff, product, stock_change="-4")
    assert stock_of(product) == 3


@pytest.mark.slow
@pytest.mark.parametrize("change", ["9" * 12, "-" + "9" * 12, "9" * 500])
def test_stock_change_out_of_range_is_rejected_with_a_field_error(staff: Client, change: str) -> None:
    product = make_product(stock=3)
    assert "Please correct the error below" in save(staff, product, stock_change=change)
    assert stock_of(product) == 3


@pytest.mark.slow
def test_checkbox_makes_the_stock_unlimited(staff: Client) -> None:
    product = make_product(stock=3)
    save(staff, product, is_unlimited="on")
    assert stock_of(product) is None


@pytest.mark.slow
def test_cleared_checkbox_makes_the_stock_limited(staff: Client) -> None:
    product = make_product(stock=None)
    save(staff, product, stock_change="7")
    assert stock_of(product) == 7


@pytest.mark.parametrize(("fields", "stock"), [({"stock_change": "7"}, 7), ({"is_unlimited": "on"}, None), ({}, 0)])
def test_new_product_has_the_entered_stock(staff: Client, fields: dict, stock: int | None) -> None:
    data = {"sku": "NEW-1", "title": "Jug", "price": "20.00", "weight": "0", "active": "on"} | EMPTY_PICTURE_FORMSET
    staff.post(reverse("admin:products_product_add"), data | fields)
    assert Product.objects.get(sku="NEW-1").stock == stock


def test_price_edited_in_the_list_keeps_the_stock(staff: Client) -> None:
    product = make_product(stock=10)
    data = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(product.pk), "form-0-price": "18.00"}
    staff.post(reverse("admin:products_product_changelist"), data | {"_save": "Save"})
    product.refresh_from_db()
    assert (str(product.price), product.stock) == ("18.00", 10)


@pytest.mark.parametrize(("action", "active"), [("publish", True), ("unpublish", False)])
def test_action_puts_products_on_or_off_sale(staff: Client, action: str, active: bool) -> None:
    product = make_product(active=not active)
    run_action(staff, reverse("admin:products_product_changelist"), action, product)
    assert Product.objects.get(pk=product.pk).active is active


@pytest.mark.parametrize(
    ("attention", "titles"), [("low", {"Low"}), ("out", {"Out"}), ("unlimited", {"Endless"}), ("picture", None)]
)
def test_filter_shows_products_that_need_attention(staff: Client, attention: str, titles: set[str] | None) -> None:
    for title, stock in {"Low": 3, "Out": 0, "Endless": None, "Plenty": 50}.items():
        make_product(title=title, stock=stock)
    page = staff.get(reverse("admin:products_product_changelist"), {"attention": attention})
    shown = {product.title for product in page.context["cl"].queryset}
    assert shown == (titles or {"Low", "Out", "Endless", "Plenty"})


def test_picture_that_is_not_an_image_is_rejected(staff: Client) -> None:
    product = make_product()
    picture = SimpleUploadedFile("mug.png", b"<svg onload=alert(1)>", content_type="image/png")
    url = reverse("admin:products_product_change", args=[product.pk])
    staff.post(url, form_data(product) | {"image": picture})
    assert not Product.objects.get(pk=product.pk).image


def test_movements_are_read_only(staff: Client) -> None:
    product = make_product(stock=5)
    assert "Opening stock" in staff.get(reverse("admin:products_stockmovement_changelist")).text
    assert staff.get(reverse("admin:products_stockmovement_add")).status_code == 403
    movement = product.movements.get()
    staff.post(reverse("admin:products_stockmovement_delete", args=[movement.pk]), {"post": "yes"})
    assert product.movements.count() == 1


def test_admin_redirects_customers_to_the_login(client: Client) -> None:
    client.force_login(make_user("charlie@example.org"))
    product = make_product()
    response = client.post(reverse("admin:products_product_change", args=[product.pk]), form_data(product))
    assert response.url.startswith("/admin/login/")


@pytest.mark.parametrize("name", ["product", "stockmovement"])
@pytest.mark.parametrize("text", ["КРУЖКА", "кружка синяя", "mc101", "MC-101", "kera"])
def test_lists_are_searched_like_the_shop(staff: Client, name: str, text: str) -> None:
    make_product(title="Bowl")
    product = make_product(title="Синяя кружка", sku="MC-101", description="Keramik", active=False)
    page = staff.get(reverse(f"admin:products_{name}_changelist"), {"q": text})
    rows = page.context["cl"].result_list
    assert [row.pk if name == "product" else row.product_id for row in rows] == [product.pk]


def test_search_for_stock_movements_finds_a_product_off_sale_that_was_just_added(staff: Client) -> None:
    url = reverse("admin:products_stockmovement_changelist")
    make_product(title="Mug")
    for number in (1, 2):
        assert len(staff.get(url, {"q": "mug"}).context["cl"].result_list) == number
        make_product(title="Mug", active=False)


def test_list_says_that_a_stock_is_unlimited(staff: Client) -> None:
    make_product(stock=None)
    table = parse_html(staff.get(reverse("admin:products_product_changelist")).text).one("table", id="result_list")
    assert "unlimited" in table.text
