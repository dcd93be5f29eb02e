"""Tests that staff can delete what was made by mistake, and that nothing that was sold disappears."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse

from accounts.models import User
from carts.models import Cart
from carts.product_removal import delete_products
from core.admin import DeletionAdmin
from orders.models import OrderItem
from products.models import Category, Picture, Product, StockMovement
from products.tests.test_uploads import make_image
from tests import admin_forms
from tests.makers import (
    add_to_cart,
    make_category,
    make_discount,
    make_open_order,
    make_paid_order,
    make_product,
    make_user,
)

pytestmark = pytest.mark.django_db
PRODUCTS = "/admin/products/product/"


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


def delete(staff: Client, row: Any) -> Any:
    """Open the deletion page as staff do, confirm it, and return the answer."""
    url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_delete", args=[row.pk])
    assert staff.get(url).status_code == 200
    return staff.post(url, {"post": "yes"}, follow=True)


def run_action(staff: Client, action: str, *products: Product, **data: str) -> Any:
    data |= {"action": action, "_selected_action": [product.pk for product in products]}  # type: ignore[dict-item]
    return staff.post(PRODUCTS, data, follow=True)


@pytest.mark.slow
def test_product_that_was_never_sold_is_deleted_with_its_stock(boss: Client) -> None:
    product = make_product(stock=10)
    product.adjust_stock(-3, "boss@example.org")
    assert "was deleted successfully" in delete(boss, product).text
    assert not Product.objects.exists()
    assert not StockMovement.objects.exists()


def test_permission_to_delete_products_is_enough() -> None:
    clerk, product = make_user("clerk@example.org", is_staff=True), make_product()
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["delete_product", "view_product"]))
    staff = Client()
    staff.force_login(clerk)
    delete(staff, product)
    assert not Product.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize("status", ["paid", "placed", "canceled"])
def test_ordered_product_is_offered_to_be_removed_from_sale(boss: Client, status: str) -> None:
    product = make_product()
    make_paid_order(product, status=status)
    page = delete(boss, product).text
    assert "cannot be deleted" in page
    assert 'name="action" value="unpublish"' in page
    assert "1 product is not for sale now." in admin_forms.run_action(boss, PRODUCTS, "unpublish", product).text
    assert not Product.objects.get(pk=product.pk).active
    page = delete(boss, product).text
    assert ("This has already been done." in page, 'value="unpublish"' in page) == (True, False)


def test_selected_products_are_split_into_sold_and_unsold(boss: Client) -> None:
    sold, unsold = make_product(title="Sold mug"), make_product(title="New mug")
    make_paid_order(sold)
    page = run_action(boss, "delete_selected", sold, unsold, post="yes").text
    assert ("Delete only these" in page, "Remove from sale" in page) == (True, True)
    assert (Product.objects.count(), LogEntry.objects.count()) == (2, 0)
    run_action(boss, "delete_selected", unsold, post="yes")
    assert list(Product.objects.all()) == [sold]


@pytest.mark.slow
def test_shopper_is_told_at_the_cart_that_a_product_was_deleted(boss: Client, other_client: Client) -> None:
    product, other = make_product(title="Teal mug"), make_product(title="Blue jug")
    add_to_cart(other_client, product)
    add_to_cart(other_client, other)
    delete(boss, product)
    page = other_client.get("/cart/").text
    assert "Teal mug is no longer sold and has been removed from your cart." in page
    assert [line.product for line in Cart.objects.get().lines()] == [other]
    assert Cart.objects.get().total == other.price
    assert "Teal mug" not in other_client.get("/cart/").text


@pytest.mark.slow
def test_emptied_cart_names_the_deleted_product_after_sign_in(boss: Client, other_client: Client) -> None:
    product = make_product(title="Teal mug")
    add_to_cart(other_client, product)
    delete(boss, product)
    alice = make_user()
    Cart.objects.create(user=alice)
    other_client.post("/accounts/login/", {"email": alice.email, "password": "correct horse battery"})
    assert "Teal mug is no longer sold" in other_client.get("/cart/").text


def test_shopper_who_adds_a_product_while_it_is_deleted_gets_a_message(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = make_product()

    def reject(*args: Any, **kwargs: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(Cart, "set_quantity", reject)
    add_to_cart(client, product)
    assert "This product is no longer available." in client.get("/cart/").text


def test_cart_of_an_open_order_is_updated(boss: Client) -> None:
    order = make_open_order()
    delete(boss, order.cart.items.get().product)
    order.refresh_from_db()
    assert (order.total, order.cart.count_items()) == (0, 0)
    assert order.cart.removed_titles()


def test_picture_files_are_deleted_after_the_commit(
    boss: Client, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    product = make_product(image=ContentFile(make_image("PNG"), "mug.png"))
    Picture.objects.create(product=product, image=ContentFile(make_image("PNG", (30, 30)), "side.png"))
    files = [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
    with django_capture_on_commit_callbacks(execute=True):
        delete(boss, product)
        assert files
        assert all(path.exists() for path in files)
    assert not any(path.exists() for path in files)


def test_product_sold_while_the_page_was_open_stays(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    product = make_product()
    make_paid_order(product)
    rows_in_use, seen = DeletionAdmin.rows_in_use, []

    def look(self: Any, rows: Any) -> Any:
        seen.append(rows)
        return Product.objects.none() if len(seen) == 1 else rows_in_use(self, rows)

    monkeypatch.setattr(DeletionAdmin, "rows_in_use", look)
    monkeypatch.setattr("django.contrib.admin.utils.NestedObjects.collect", lambda *args, **options: None)
    page = boss.post(f"{PRODUCTS}{product.pk}/delete/", {"post": "yes"})
    assert "cannot be deleted" in page.text
    assert Product.objects.get() == product


def test_deleting_one_sold_product_of_two_changes_nothing() -> None:
    unsold, sold = make_product(), make_product()
    make_paid_order(sold)
    with pytest.raises(ProtectedError):
        delete_products([unsold.pk, sold.pk])
    assert Product.objects.count() == 2


@pytest.mark.parametrize("inside", ["product", "category"])
def test_category_with_something_inside_stays(boss: Client, inside: str) -> None:
    category = make_category()
    if inside == "product":
        make_product(category=category)
    else:
        Category.objects.create(title="Inner", parent=category)
    assert "There are products or other categories inside." in delete(boss, category).text
    assert Category.objects.filter(pk=category.pk).exists()


@pytest.mark.slow
def test_used_discount_code_is_offered_to_be_deactivated(boss: Client) -> None:
    used, unused = make_discount("USED"), make_discount("UNUSED")
    make_paid_order(discount=used)
    page = delete(boss, used).text
    assert ("cannot be deleted" in page, 'value="deactivate"' in page) == (True, True)
    assert "was deleted successfully" in delete(boss, unused).text
    admin_forms.run_action(boss, reverse("admin:carts_discount_changelist"), "deactivate", used)
    used.refresh_from_db()
    assert not used.active


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_product_is_either_deleted_or_sold() -> None:
    """Delete a product while four shoppers put it into their carts."""
    boss = Client(raise_request_exception=False)
    boss.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))

    def run(step: Callable[[], Any]) -> int:
        try:
            return int(step().status_code)
        finally:
            connection.close()

    for _round in range(5):
        product = make_product(title="Teal mug")
        shoppers = [Client(raise_request_exception=False) for _number in range(4)]
        for shopper in shoppers:
            add_to_cart(shopper, make_product())
        steps = [partial(boss.post, f"{PRODUCTS}{product.pk}/delete/", {"post": "yes"})]
        steps += [partial(add_to_cart, shopper, product) for shopper in shoppers]
        with ThreadPoolExecutor(len(steps)) as pool:
            assert list(pool.map(run, steps)) == [302] * 5
        assert not Product.objects.filter(pk=product.pk).exists()
        assert [shopper.get("/cart/").status_code for shopper in shoppers] == [200] * 4


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_delete_waits_for_an_order_that_is_being_placed() -> None:
    """Sell the product in a transaction that commits while the deletion waits for the row."""
    product, order, is_reserved = make_product(), make_paid_order(), Event()

    def sell() -> None:
        try:
            with transaction.atomic():
                product.reserve(1, order.order_id)
                is_reserved.set()
                line = {"unit_price": 16, "quantity": 1, "total": 16}
                OrderItem.objects.create(order=order, product=product, sku=product.sku, title=product.title, **line)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        selling = pool.submit(sell)
        assert is_reserved.wait(10)
        with pytest.raises(ProtectedError):
            delete_products([product.pk])
        selling.result()
    assert OrderItem.objects.filter(product=product).exists()
    assert User.objects.count() == 0
