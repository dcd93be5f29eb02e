"""Tests of the columns for lists: after any changes of products, they equal what a plain computation gives."""

from collections import defaultdict
from contextlib import suppress
from decimal import Decimal
from functools import partial
from itertools import count
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.core import serializers
from django.db import transaction
from django.db.models import F
from django.db.models.query import QuerySet
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from products import copies
from products.models import Category, Product, listing
from products.models.listing import COLUMNS, SOURCES, refresh_all
from tests.makers import make_category, make_product
from tests.threads import run_in_threads

NUMBERS = count()
SKUS, GROUPS, PRICES = "ABCDEFGH", ("", "cups", "mugs"), (5, 7, 9)


def expected_listing() -> dict[int, tuple[bool, Decimal, Decimal]]:
    """Return what each product on sale must have, computed in Python."""
    groups = defaultdict(list)
    for row in Product.objects.filter(active=True).order_by("sku"):
        groups[(row.category_id, row.group) if row.group else row.pk].append(row)
    expected: dict[int, tuple[bool, Decimal, Decimal]] = {}
    for rows in groups.values():
        prices = [row.price for row in rows]
        expected |= {row.pk: (row is rows[0], min(prices), max(prices)) for row in rows}
    return expected


def stored_listing() -> dict[int, tuple[bool, Decimal, Decimal]]:
    return {pk: tuple(values) for pk, *values in Product.objects.active().values_list("pk", *COLUMNS)}


def assert_listing_is_right() -> None:
    assert stored_listing() == expected_listing()
    assert not Product.objects.filter(active=False, is_listed=True).exists()


def save(row: Product, name: str, value: Any) -> None:
    setattr(row, name, value)
    row.save()


def save_fields(row: Product, name: str, value: Any) -> None:
    setattr(row, name, value)
    row.save(update_fields=[name])


def update(row: Product, name: str, value: Any) -> None:
    Product.objects.filter(pk=row.pk).update(**{name: value})


def update_variants(row: Product, name: str, value: Any) -> None:
    if name != "sku":  # which is unique
        Product.objects.filter(group=row.group).update(**{name: value})


def bulk_update(row: Product, name: str, value: Any) -> None:
    setattr(row, name, value)
    Product.objects.bulk_update([row], [name])


def load_fixture(row: Product, name: str, value: Any) -> None:
    setattr(row, name, value)
    for loaded in serializers.deserialize("json", serializers.serialize("json", [row])):
        loaded.save()


def delete(row: Product, name: str, value: Any) -> None:
    row.delete()


def delete_variants(row: Product, name: str, value: Any) -> None:
    Product.objects.filter(group=row.group).delete()


def move_by_relation(row: Product, name: str, value: Any) -> None:
    Category.objects.order_by("pk")[0].products.add(row)


def create(row: Product, name: str, value: Any) -> None:
    new = {"sku": f"{row.sku}-{next(NUMBERS)}", "group": row.group, "category_id": row.category_id}
    Product.objects.create(title="New", price=3, **new)


def bulk_create(row: Product, name: str, value: Any) -> None:
    new = {"group": row.group, "category_id": row.category_id, "price": 1, "title": "New"}
    numbers = (next(NUMBERS), next(NUMBERS))
    Product.objects.bulk_create(Product(sku=f"0{row.sku}{n}", slug=f"n-{row.sku}-{n}", **new) for n in numbers)


WAYS = [save, save_fields, update, update_variants, bulk_update, load_fixture, delete, delete_variants]
WAYS += [move_by_relation, create, bulk_create]
CHANGES = st.one_of(
    st.tuples(st.just("group"), st.sampled_from(GROUPS)),
    st.tuples(st.just("price"), st.sampled_from(PRICES)),
    st.tuples(st.just("active"), st.booleans()),
    st.tuples(st.just("category_id"), st.sampled_from([None, 0, 1])),
    st.tuples(st.just("sku"), st.integers(0, 99).map("S{:02}".format)),
)
STEPS = st.lists(st.tuples(st.integers(0, 7), st.sampled_from(WAYS), CHANGES), max_size=6)


class ListingTests(TestCase):
    @given(STEPS)
    @settings(max_examples=25, deadline=None)
    def test_listing_is_right_after_any_changes(self, steps: Any) -> None:
        categories = [make_category(title) for title in ("Cups", "Mugs")]
        rows = [
            Product(sku=sku, slug=sku, title=sku, price=PRICES[n % 3], group=GROUPS[n % 3], category=categories[n % 2])
            for n, sku in enumerate(SKUS)
        ]
        Product.objects.bulk_create(rows)
        assert_listing_is_right()
        for number, way, (name, value) in steps:
            row = Product.objects.filter(pk=rows[number].pk).first()
            value = categories[value].pk if name == "category_id" and value is not None else value
            is_taken = name == "sku" and Product.objects.filter(sku=value).exists()
            if row and not is_taken:
                way(row, name, value)
                assert_listing_is_right()


pytestmark = pytest.mark.django_db


def make_variants(number: int, **fields: Any) -> list[Product]:
    return [make_product(sku=f"M-{n}", group="mugs", price=10 + n, **fields) for n in range(number)]


def test_prices_by_expression_are_followed() -> None:
    make_variants(2)
    Product.objects.update(price=F("price") + 5)
    assert_listing_is_right()


def test_many_rows_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_ROWS", 2)
    make_variants(5)
    Product.objects.update(active=False)
    Product.objects.update(active=True, price=4)
    assert_listing_is_right()


def test_change_that_is_rolled_back_changes_no_list() -> None:
    first, _second = make_variants(2)
    with transaction.atomic():
        Product.objects.filter(pk=first.pk).update(active=False)
        transaction.set_rollback(True)
    assert_listing_is_right()


def test_stale_object_does_not_restore_the_columns() -> None:
    first, second = make_variants(2)
    stale = Product.objects.get(pk=second.pk)
    Product.objects.filter(pk=first.pk).update(active=False)
    stale.title = "Other"
    stale.save()
    assert_listing_is_right()


def test_copy_joins_the_group_of_its_original() -> None:
    original = make_product(sku="Z-1")
    copy = copies.copy_as_variant(
        original, {"group": "mugs", "option": "Colour", "choice": "Teal"}, sku="A-1", title="Copy", choice="Oat"
    )
    Product.objects.filter(pk=copy.pk).update(active=True)
    assert Product.objects.get(is_listed=True) == copy
    assert_listing_is_right()


def test_sale_does_not_write_the_columns(django_assert_num_queries: Any) -> None:
    [product] = make_variants(1)
    with transaction.atomic(), django_assert_num_queries(3):  # the stock twice, and its movement
        product.reserve(1, "A-1")


def test_refresh_of_all_rows_repairs_what_sql_changed() -> None:
    make_variants(3)
    QuerySet.update(QuerySet(Product), active=False)
    QuerySet.update(QuerySet(Product).filter(sku="M-2"), active=True)
    assert refresh_all(Product) > 0
    assert_listing_is_right()


def test_sources_are_all_columns_of_the_statement() -> None:
    names = {name for name in SOURCES if name != "category"}
    facts = listing.FACTS.replace('"', "")
    assert {name for name in names if name in facts} == names


def move_and_wait(row: Product, barrier: Barrier) -> None:
    """Move the product into the group, and wait for the other thread before the commit, if it gets as far."""
    with transaction.atomic():
        Product.objects.filter(pk=row.pk).update(group="new")
        with suppress(BrokenBarrierError):
            barrier.wait(0.5)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_products_that_move_into_a_new_group_at_once_are_one_card() -> None:
    rows, barrier = [make_product(), make_product()], Barrier(2)
    run_in_threads(*(partial(move_and_wait, row, barrier) for row in rows))
    assert Product.objects.filter(is_listed=True).count() == 1
    assert_listing_is_right()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_changes_at_once_leave_one_card() -> None:
    first, second, third = make_variants(3)
    for number in range(8):
        group = f"group-{number}"
        steps = [
            partial(save, Product.objects.get(pk=row.pk), "group", group) if number % 2 else
            partial(Product.objects.filter(pk=row.pk).update, group=group, price=number)
            for row in (third, first, second)
        ]  # fmt: skip
        run_in_threads(*steps)
        assert Product.objects.filter(is_listed=True).count() == 1
        assert_listing_is_right()
