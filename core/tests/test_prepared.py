"""Tests of prepared statements: they do what the same statements of the ORM do, for each parameter."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.db.models import Case, Count, DateTimeField, F, Value, When
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from accounts.models import GuestEmail, User
from billing.models import BillingProfile, CardAttempt
from carts.models import Cart
from core.database.prepared import PreparedQuery, PreparedUpdate, insert_row, update_row
from orders.models import Order, OrderEvent
from products.models import Product, StockMovement
from products.related import pictures_of
from tests.makers import make_category, make_open_order, make_product, make_user
from tests.threads import run_in_threads
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db


def test_rows_are_those_of_the_queryset() -> None:
    def find(category: int, product: int) -> object:
        found = Product.objects.active().filter(category=category).exclude(pk=product).exclude(stock=0)
        return found.newest_first().only("title", "price")

    query = PreparedQuery(find, category=int, product=int)
    for category in (make_category(title="Mugs"), make_category(title="Cups")):
        products = [make_product(category=category, price=f"{number}.50") for number in range(1, 4)]
        Product.objects.filter(pk=products[0].pk).update(stock=0)
        for product in products:
            rows = query.rows(category=category.pk, product=product.pk)
            expected = list(find(category.pk, product.pk))
            assert [(row.pk, row.title, row.price) for row in rows] == [
                (row.pk, row.title, row.price) for row in expected
            ]


def test_text_is_a_parameter_as_well() -> None:
    def find(title: str) -> object:
        return Product.objects.filter(title=title).annotate(category_slug=F("category__slug"))

    query = PreparedQuery(find, title=str)
    make_product(title="Mug", category=make_category(title="Cups"))
    make_product(title="100 % cotton")
    rows = [query.rows(title=title) for title in ("Mug", "100 % cotton", "it's", "")]
    assert [[row.category_slug for row in found] for found in rows] == [["cups"], [None], [], []]


def test_related_rows_are_read_with_the_row() -> None:
    query = PreparedQuery(lambda text: Product.objects.filter(title=text).select_related("category"), text=str)
    made = make_product(title="Mug", category=make_category(title="Cups"), price="1.50")
    with count_queries() as queries:
        [[found], [again]] = [query.rows(text="Mug") for _time in range(2)]
        assert (found, found.category.title, str(found.price), again.category.title) == (made, "Cups", "1.50", "Cups")
    assert len(queries) == 2
    assert found is not again


def test_time_is_a_parameter_and_rows_can_be_dictionaries() -> None:
    query = PreparedQuery(
        lambda since: Product.objects.filter(timestamp__gt=since).order_by().values("active").annotate(n=Count("pk")),
        since=datetime,
    )
    make_product()
    make_product(active=False)
    now = timezone.now()
    assert sorted(query.rows(since=now - timedelta(minutes=1)), key=str) == [
        {"active": False, "n": 1}, {"active": True, "n": 1},
    ]  # fmt: skip
    assert query.first(since=now + timedelta(minutes=1)) is None


@pytest.mark.django_db(transaction=True)
def test_threads_have_their_own_connections() -> None:
    query = PreparedQuery(lambda text: Product.objects.filter(title=text), text=str)
    titles = [make_product(title=f"Mug {number}").title for number in range(4)]
    assert run_in_threads(*[lambda title=title: query.first(text=title).title for title in titles]) == titles


@pytest.mark.parametrize("number", [-1, 0, 2**63, 2**70])
def test_id_that_no_database_stores_has_no_rows(number: int) -> None:
    query = PreparedQuery(lambda product: Product.objects.filter(pk=product), product=int)
    assert query.rows(product=number) == []


def test_pictures_know_their_product() -> None:
    product, other = make_product(title="Teal mug"), make_product()
    names = {product.pictures.create(image=f"products/{number}.webp", position=number).image.name for number in (1, 2)}
    other.pictures.create(image="products/other.webp")
    pictures = pictures_of(product)
    with count_queries() as queries:
        assert [picture.alt for picture in pictures] == ["Teal mug, another view"] * 2
    assert not queries
    assert {picture.image.name for picture in pictures} == names


def test_query_that_locks_rows_needs_a_transaction() -> None:
    query = PreparedQuery(lambda pk: Order.objects.filter(pk=pk).select_for_update().values_list("pk"), pk=int)
    pk = make_open_order().pk
    with transaction.atomic():
        assert query.rows(pk=pk) == [(pk,)]


@pytest.mark.django_db(transaction=True)
def test_query_that_locks_rows_is_rejected_without_a_transaction() -> None:
    query = PreparedQuery(lambda pk: Order.objects.filter(pk=pk).select_for_update(), pk=int)
    with pytest.raises(TransactionManagementError):
        query.rows(pk=1)


def test_update_writes_only_the_matching_rows_and_counts_them() -> None:
    first, second = make_open_order(), make_open_order()
    update = PreparedUpdate(lambda order: Order.objects.filter(pk=order, status="open"), "status", "total", order=int)
    before = Order.objects.filter(pk=second.pk).values().get()
    assert update.run({"status": "placed", "total": Decimal("7.50")}, order=first.pk) == 1
    assert update.run({"status": "paid", "total": Decimal(1)}, order=first.pk) == 0
    first.refresh_from_db()
    assert (first.status, first.total) == ("placed", Decimal("7.50"))
    assert Order.objects.filter(pk=second.pk).values().get() == before


def test_update_writes_rows_times_and_null() -> None:
    order, cart, now = make_open_order(), Cart.objects.create(), timezone.now()
    update = PreparedUpdate(lambda order: Order.objects.filter(pk=order), "cart", "placed_at", order=int)
    for values in ({"cart": cart, "placed_at": now}, {"cart": None, "placed_at": None}):
        update.run(values, order=order.pk)
        order.refresh_from_db()
        assert {"cart": order.cart, "placed_at": order.placed_at} == values


def test_update_with_an_expression_uses_its_parameters() -> None:
    carts = [Cart.objects.create(country="GB"), Cart.objects.create(country="FR")]
    update = PreparedUpdate(
        lambda country, other: Cart.objects.filter(active=True),
        expressions=lambda country, other: {
            "country": Case(When(country=country, then=Value(other)), default="country")
        },
        country=str,
        other=str,
    )
    for country, other in (("GB", "IE"), ("FR", "DE")):
        assert update.run(country=country, other=other) == 2
    assert [Cart.objects.get(pk=cart.pk).country for cart in carts] == ["IE", "DE"]


def test_update_of_a_related_row_is_possible() -> None:
    order, other = make_open_order(), make_open_order()
    update = PreparedUpdate(lambda email: Order.objects.filter(billing_profile__email=email), "language", email=str)
    BillingProfile.objects.filter(pk=order.billing_profile_id).update(email="only@example.org")
    assert update.run({"language": "de"}, email="only@example.org") == 1
    assert [Order.objects.get(pk=row.pk).language for row in (order, other)] == ["de", other.language]


@pytest.mark.parametrize("number", [-1, 2**63, 2**70])
def test_update_of_an_id_that_no_database_stores_matches_nothing(number: int) -> None:
    update = PreparedUpdate(lambda cart: Cart.objects.filter(pk=cart), "country", cart=int)
    assert update.run({"country": "GB"}, cart=number) == 0


def test_update_of_rows_that_pages_show_is_rejected() -> None:
    update = PreparedUpdate(lambda pk: Product.objects.filter(pk=pk), "title", pk=int)
    with pytest.raises(TypeError, match="an update of its own"):
        update.run({"title": "Mug"}, pk=1)


def test_failed_update_ends_the_transaction() -> None:
    make_user("alice@example.org")
    bob = make_user("bob@example.org")
    with transaction.atomic():
        with pytest.raises(IntegrityError):
            update_row(User, bob.pk, email="alice@example.org")
        assert transaction.get_rollback()
        transaction.set_rollback(True)


def test_row_is_updated_by_its_key_whatever_its_type() -> None:
    session = Session.objects.create(session_key="a" * 32, session_data="x", expire_date=timezone.now())
    assert update_row(Session, session.session_key, session_data="y") == 1
    assert update_row(Session, "b" * 32, session_data="z") == 0
    session.refresh_from_db()
    assert session.session_data == "y"


@pytest.mark.parametrize("model", [OrderEvent, StockMovement, CardAttempt, GuestEmail])
def test_inserted_row_is_the_same_as_a_saved_one(model: Any) -> None:
    order, product = make_open_order(), make_product()
    values: dict[Any, dict[str, Any]] = {
        OrderEvent: {"order": order, "kind": "paid", "by": "bob", "translations": {"de": "Bezahlt"}},
        StockMovement: {"product": product, "kind": "taken", "order": "A1", "amount": -2},
        CardAttempt: {"kind": "pay", "billing_profile": order.billing_profile, "address": "x", "session": "y"},
        GuestEmail: {"email": "guest@example.org"},
    }
    inserted, saved = model(**values[model]), model(**values[model])
    insert_row(inserted)
    saved.save()
    rows = model.objects.filter(pk__in=[inserted.pk, saved.pk]).order_by("pk").values()
    times = {field.name for field in model._meta.fields if isinstance(field, DateTimeField)}
    first, second = [{name: value for name, value in row.items() if name not in {*times, "id"}} for row in rows]
    assert first == second
    assert all(row[name] for row in rows for name in times)
    assert inserted.pk < saved.pk
    inserted.save()  # an update, because the row exists
    assert model.objects.filter(pk__in=[inserted.pk, saved.pk]).count() == 2
