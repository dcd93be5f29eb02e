"""Tests of the product models: slugs, stock and stock movements."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.db.models.deletion import ProtectedError

from products.models import Category, Product, StockMovement
from tests.makers import make_category, make_product

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


def stock_of(product: Product) -> int | None:
    """Return the stock in the database."""
    return Product.objects.values_list("stock", flat=True).get(pk=product.pk)


def movements(product: Product) -> list[tuple[str, int]]:
    return list(product.movements.order_by("pk").values_list("kind", "amount"))


def test_slug_is_made_from_the_title() -> None:
    assert make_product(title="Teal Mug, 350 ml").slug == "teal-mug-350-ml"


def test_slug_is_kept_when_the_title_changes() -> None:
    product = make_product(title="Teal mug")
    product.title = "Blue mug"
    product.save()
    product.refresh_from_db()
    assert (product.title, product.slug) == ("Blue mug", "teal-mug")


def test_slug_of_a_second_product_with_the_same_title_is_numbered() -> None:
    assert [make_product(title="Mug").slug for _ in range(3)] == ["mug", "mug-2", "mug-3"]


def test_slug_of_a_title_without_latin_letters_is_product() -> None:
    assert make_product(title="茶碗").slug == "product"


def test_slug_of_a_long_title_fits_its_column_when_numbered() -> None:
    slugs = [make_product(title="m" * 150).slug for _ in range(2)]
    assert len(set(slugs)) == 2
    assert max(map(len, slugs)) <= 120


def test_duplicate_slug_is_rejected_by_the_database() -> None:
    make_product(slug="mug")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_product(slug="mug")


def test_category_slug_is_unique_and_kept() -> None:
    first, second = make_category("Mugs"), make_category("Mugs")
    first.title = "Cups"
    first.save()
    assert (first.slug, second.slug) == ("mugs", "mugs-2")


def test_category_menu_shows_a_new_category_immediately() -> None:
    make_category("Mugs")
    Category.objects.tree()
    make_category("Bowls")
    assert [category.title for category in Category.objects.tree()] == ["Bowls", "Mugs"]


def test_category_with_products_cannot_be_deleted() -> None:
    category = make_category()
    make_product(category=category)
    with pytest.raises(ProtectedError):
        category.delete()


def test_reserve_lowers_the_stock_and_records_the_order() -> None:
    product = make_product(stock=3)
    assert product.reserve(2, "ORDER1")
    assert (product.stock, stock_of(product)) == (1, 1)
    assert product.movements.filter(order="ORDER1").get().amount == -2


def test_reserve_of_the_last_units_sells_the_product_out() -> None:
    product = make_product(stock=2)
    assert product.reserve(2, "ORDER1")
    assert product.is_sold_out


def test_reserve_of_more_than_the_stock_changes_nothing() -> None:
    product = make_product(stock=2)
    assert not product.reserve(3, "ORDER1")
    assert (stock_of(product), movements(product)) == (2, [("opening", 2)])


def test_reserve_of_an_inactive_product_changes_nothing() -> None:
    product = make_product(stock=2, active=False)
    assert not product.reserve(1, "ORDER1")
    assert (stock_of(product), movements(product)) == (2, [("opening", 2)])


def test_reserve_of_an_unlimited_product_keeps_it_unlimited() -> None:
    product = make_product(stock=None)
    assert product.reserve(50, "ORDER1")
    assert (stock_of(product), movements(product)) == (None, [("taken", 0)])


def test_reserve_of_the_last_unit_by_two_orders_succeeds_once() -> None:
    product = make_product(stock=1)
    other = Product.objects.get(pk=product.pk)
    assert [product.reserve(1, "ORDER1"), other.reserve(1, "ORDER2")] == [True, False]
    assert stock_of(product) == 0


def test_release_returns_the_units_of_the_order_once() -> None:
    product = make_product(stock=5)
    product.reserve(2, "ORDER1")
    product.reserve(1, "ORDER2")
    assert [product.release("ORDER1") for _ in range(3)] == [2, 0, 0]
    assert stock_of(product) == 4


def test_release_for_an_order_without_units_changes_nothing() -> None:
    product = make_product(stock=5)
    assert product.release("ORDER1") == 0
    assert movements(product) == [("opening", 5)]


def test_release_of_an_unlimited_product_changes_nothing() -> None:
    product = make_product(stock=None)
    product.reserve(2, "ORDER1")
    assert product.release("ORDER1") == 0
    assert stock_of(product) is None


@pytest.mark.parametrize(("difference", "stock"), [(7, 12), (-5, 0), (-1, 4)])
def test_adjust_stock_adds_a_difference(difference: int, stock: int) -> None:
    product = make_product(stock=5)
    assert product.adjust_stock(difference, by="staff@example.org")
    assert (product.stock, stock_of(product)) == (stock, stock)
    assert product.movements.filter(by="staff@example.org").get().amount == difference


def test_adjust_stock_rejects_a_result_below_zero() -> None:
    product = make_product(stock=5)
    assert not product.adjust_stock(-6, by="staff@example.org")
    assert (stock_of(product), movements(product)) == (5, [("opening", 5)])


def test_adjust_stock_rejects_an_unlimited_product() -> None:
    product = make_product(stock=None)
    assert not product.adjust_stock(5, by="staff@example.org")
    assert stock_of(product) is None


def test_switch_stock_tracking_makes_unlimited_stock_limited() -> None:
    product = make_product(stock=None)
    assert product.switch_stock_tracking(8, by="staff@example.org")
    assert (stock_of(product), movements(product)) == (8, [("adjusted", 8)])


def test_switch_stock_tracking_makes_limited_stock_unlimited() -> None:
    product = make_product(stock=8)
    assert product.switch_stock_tracking(None, by="staff@example.org")
    assert (stock_of(product), movements(product)) == (None, [("opening", 8), ("adjusted", -8)])


@pytest.mark.parametrize(("stock", "counted"), [(8, 3), (None, None)])
def test_switch_stock_tracking_without_a_change_of_kind_returns_false(stock: int | None, counted: int | None) -> None:
    product = make_product(stock=stock)
    assert not product.switch_stock_tracking(counted, by="staff@example.org")
    assert stock_of(product) == stock


def test_movements_always_add_up_to_the_stock() -> None:
    product = make_product(stock=10)
    steps = [
        lambda: product.reserve(4, "ORDER1"),
        lambda: product.reserve(7, "ORDER2"),
        lambda: product.adjust_stock(12, by="staff"),
        lambda: product.reserve(7, "ORDER2"),
        lambda: product.release("ORDER1"),
        lambda: product.release("ORDER1"),
        lambda: product.adjust_stock(-99, by="staff"),
        lambda: product.switch_stock_tracking(None, by="staff"),
        lambda: product.reserve(3, "ORDER3"),
        lambda: product.switch_stock_tracking(6, by="staff"),
        lambda: product.adjust_stock(-2, by="staff"),
        lambda: product.reserve(4, "ORDER4"),
    ]
    for step in steps:
        step()
        total = product.movements.aggregate(total=Sum("amount"))["total"]
        assert total == (stock_of(product) or 0)


def test_opening_stock_is_the_first_movement() -> None:
    assert movements(make_product(stock=24)) == [("opening", 24)]


def test_product_without_opening_stock_has_no_movement() -> None:
    assert movements(make_product(stock=0)) == []


def test_second_save_does_not_record_opening_stock_again() -> None:
    product = make_product(stock=24)
    product.save()
    assert product.movements.count() == 1


def test_stock_below_zero_is_rejected_by_the_database() -> None:
    product = make_product(stock=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Product.objects.filter(pk=product.pk).update(stock=-1)


def test_price_below_zero_is_rejected_by_the_database() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_product(price=-1)


@pytest.mark.parametrize(
    ("fields", "most"),
    [({"stock": 3}, 3), ({"stock": 0}, 0), ({"stock": 500}, 99), ({"stock": None}, 99), ({"active": False}, 0)],
)
def test_max_cart_quantity_is_the_stock_up_to_99(fields: dict, most: int) -> None:
    assert make_product(**fields).max_cart_quantity() == most


@pytest.mark.parametrize(("stock", "low"), [(0, False), (1, True), (5, True), (6, False), (None, False)])
def test_product_is_low_from_one_to_five_units(stock: int | None, low: bool) -> None:
    assert make_product(stock=stock).is_low is low


def test_movement_str_is_kind_and_signed_amount() -> None:
    product = make_product(stock=5)
    product.reserve(2, "ORDER1")
    assert [str(movement) for movement in StockMovement.objects.all()] == [
        "Reserved by an order -2",
        "Opening stock +5",
    ]
