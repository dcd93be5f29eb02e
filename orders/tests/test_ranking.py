"""Tests of the order "Most bought": units of paid orders, counted once a day."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from core.background.models import BackgroundRun
from core.page_cache.versions import SITE
from orders.bookkeeping import pruning
from orders.bookkeeping.ranking import RANK, count_bought
from orders.models import Order
from products.models import Product
from products.page_names import PRODUCTS
from tests.makers import make_category, make_paid_order, make_product
from tests.moved_versions import moved_versions

pytestmark = pytest.mark.django_db


def buy(product: Product) -> None:
    make_paid_order(product, placed_at=timezone.now())


def bought(*products: Product) -> list[int]:
    return [Product.objects.get(pk=product.pk).bought for product in products]


def test_units_of_paid_orders_are_counted() -> None:
    mug, bowl = make_product(), make_product()
    for _number in range(2):
        buy(mug)
    assert count_bought() == 1
    assert bought(mug, bowl) == [2, 0]
    assert count_bought() == 0


@pytest.mark.parametrize(
    ("change", "units"),
    [
        ({"status": Order.Status.REFUNDED}, 0),
        ({"placed_at": timezone.now() - timedelta(days=90)}, 0),
        ({"placed_at": timezone.now() - timedelta(days=89, hours=23)}, 1),
    ],
)
def test_refunded_orders_and_those_of_90_days_ago_do_not_count(change: dict[str, object], units: int) -> None:
    mug = make_product()
    buy(mug)
    count_bought()
    Order.objects.update(**change)
    count_bought()
    assert bought(mug) == [units]


def test_variants_on_sale_have_the_units_of_their_group() -> None:
    teal, oat = make_product(group="mugs"), make_product(group="mugs")
    gone, other = make_product(group="mugs", active=False), make_product(group="mugs", category=make_category())
    for product in (teal, oat):
        buy(product)
    count_bought()
    assert bought(teal, oat, gone, other) == [2, 2, 0, 0]


def test_versions_of_lists_move_once_and_those_of_other_pages_do_not() -> None:
    mug = make_product(category=make_category("Mugs"))
    buy(mug)
    with moved_versions() as moved:
        count_bought()
    assert moved == {PRODUCTS, "category:mugs"}
    assert SITE not in moved


def test_stale_object_does_not_restore_the_units() -> None:
    stale = make_product()
    buy(Product.objects.get(pk=stale.pk))
    count_bought()
    stale.save()
    assert bought(stale) == [1]


def test_products_are_ranked_once_a_day() -> None:
    buy(make_product())
    assert pruning.prune()[0]["products ranked"] == 1
    buy(make_product())
    for hours, changed in ((22.9, None), (23.1, 1)):
        BackgroundRun.objects.filter(name=RANK).update(finished=timezone.now() - timedelta(hours=hours))
        assert pruning.prune()[0].get("products ranked") == changed


def test_list_shows_the_most_bought_first_and_the_newest_of_equals(client: Client) -> None:
    rare, first, second, never = (make_product(title=title) for title in ("Rare", "First", "Second", "Never"))
    for product in (rare, first, first, second, second):
        buy(product)
    count_bought()
    shown = [row.title for row in client.get("/products/?sort=bought").context["products"]]
    assert shown == ["Second", "First", "Rare", "Never"]
    assert bought(never) == [0]
