"""Tests for the cart models: lookup, merging, restoring, totals and constraints."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing.models import BillingProfile
from carts.models import Cart, CartItem
from tests.makers import make_product, make_user
from tests.visitors import count_queries, make_request

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


def make_cart(*quantities: int, **fields: object) -> Cart:
    """Create a cart with one new product of 16.00 for each quantity."""
    cart = Cart.objects.create(**{"session_key": "session"} | fields)
    for quantity in quantities:
        cart.set_quantity(make_product(), quantity)
    return cart


def totals(cart: Cart) -> tuple[Decimal, Decimal]:
    """Return the subtotal and the total from the database."""
    return Cart.objects.values_list("subtotal", "total").get(pk=cart.pk)


def equal_totals(amount: str) -> tuple[Decimal, Decimal]:
    return Decimal(amount), Decimal(amount)


# Lookup


def test_from_request_of_a_new_visitor_returns_none_without_queries() -> None:
    with count_queries() as queries:
        assert Cart.objects.from_request(make_request()) is None
    assert queries == []


def test_from_request_finds_the_sessions_cart() -> None:
    cart = make_cart(1)
    assert Cart.objects.from_request(make_request(cart_id=cart.pk)) == cart


def test_from_request_never_writes() -> None:
    request = make_request(make_user(), cart_id=404)
    with count_queries() as queries:
        Cart.objects.from_request(request)
    assert {query.split()[0] for query in queries} == {"SELECT"}
    assert dict(request.session) == {"cart_id": 404}


def test_from_request_ignores_a_closed_cart() -> None:
    cart = make_cart(1, active=False)
    assert Cart.objects.from_request(make_request(cart_id=cart.pk)) is None


def test_from_request_never_returns_the_cart_of_another_user() -> None:
    cart = make_cart(1, user=make_user(), session_key="")
    bob = make_user("bob@example.org")
    assert Cart.objects.from_request(make_request(cart_id=cart.pk)) is None
    assert Cart.objects.from_request(make_request(bob, cart_id=cart.pk)) is None


def test_from_request_finds_the_users_cart_without_a_session() -> None:
    alice = make_user()
    cart = make_cart(1, user=alice, session_key="")
    assert Cart.objects.from_request(make_request(alice)) == cart


def test_get_or_create_creates_a_cart_and_stores_it_in_the_session() -> None:
    request = make_request()
    cart, created = Cart.objects.get_or_create_from_request(request)
    assert created
    assert dict(request.session) == {"cart_id": cart.pk, "cart_items": 0}
    assert Cart.objects.get_or_create_from_request(request) == (cart, False)


def test_get_or_create_never_returns_the_cart_of_another_user() -> None:
    other_cart = make_cart(1, user=make_user(), session_key="")
    bob = make_user("bob@example.org")
    cart, created = Cart.objects.get_or_create_from_request(make_request(bob, cart_id=other_cart.pk))
    assert (created, cart.user, cart == other_cart) == (True, bob, False)


def test_get_or_create_stores_the_item_count() -> None:
    alice = make_user()
    cart = make_cart(2, 3, user=alice, session_key="")
    request = make_request(alice)
    assert Cart.objects.get_or_create_from_request(request) == (cart, False)
    assert request.session["cart_items"] == 5


def test_forget_keeps_another_cart_in_the_session() -> None:
    request = make_request(cart_id=7, cart_items=2)
    Cart.objects.forget(request, 6)
    assert dict(request.session) == {"cart_id": 7, "cart_items": 2}
    Cart.objects.forget(request, 7)
    assert dict(request.session) == {}


# Merging


def test_merge_assigns_the_sessions_cart_to_a_user_without_a_cart() -> None:
    alice, cart = make_user(), make_cart(2)
    request = make_request(alice, cart_id=cart.pk)
    Cart.objects.merge_on_login(request, alice)
    cart.refresh_from_db()
    assert (cart.user, cart.session_key, cart.active) == (alice, "", True)
    assert dict(request.session) == {"cart_id": cart.pk, "cart_items": 2}


def test_merge_adds_quantities_and_closes_the_sessions_cart() -> None:
    alice, shared, new = make_user(), make_product(), make_product()
    own, session = make_cart(user=alice, session_key=""), make_cart()
    own.set_quantity(shared, 2)
    session.set_quantity(shared, 3)
    session.set_quantity(new, 1)
    request = make_request(alice, cart_id=session.pk)
    Cart.objects.merge_on_login(request, alice)
    assert dict(own.items.values_list("product", "quantity")) == {shared.pk: 5, new.pk: 1}
    assert dict(request.session) == {"cart_id": own.pk, "cart_items": 6}
    assert not Cart.objects.get(pk=session.pk).active


@pytest.mark.parametrize(
    ("user_quantities", "session_quantities", "expected"), [((2, 1), (1,), 3), ((2,), (), 0), ((), (1,), 0)]
)
def test_merge_returns_the_item_count_of_the_users_cart(
    user_quantities: tuple[int, ...], session_quantities: tuple[int, ...], expected: int
) -> None:
    alice = make_user()
    make_cart(*user_quantities, user=alice, session_key="")
    request = make_request(alice, cart_id=make_cart(*session_quantities).pk)
    assert Cart.objects.merge_on_login(request, alice) == expected


def test_merge_limits_quantities_to_99() -> None:
    product = make_product(stock=None)
    own, other = make_cart(), make_cart(session_key="other")
    own.set_quantity(product, 60)
    other.set_quantity(product, 60)
    own.merge_from(other)
    assert own.items.get().quantity == 99


def test_merge_never_uses_the_cart_of_another_user() -> None:
    other_cart = make_cart(2, user=make_user(), session_key="")
    bob = make_user("bob@example.org")
    request = make_request(bob, cart_id=other_cart.pk)
    Cart.objects.merge_on_login(request, bob)
    other_cart.refresh_from_db()
    assert (other_cart.user.email, other_cart.count_items(), other_cart.active) == ("alice@example.org", 2, True)
    assert not Cart.objects.filter(user=bob).exists()


def test_merge_stores_the_users_cart_in_an_empty_session() -> None:
    alice = make_user()
    own = make_cart(4, user=alice, session_key="")
    request = make_request(alice)
    Cart.objects.merge_on_login(request, alice)
    assert dict(request.session) == {"cart_id": own.pk, "cart_items": 4}


def test_absorb_updates_the_totals() -> None:
    own, other = make_cart(1), make_cart(2, session_key="other")
    own.merge_from(other)
    assert totals(own) == equal_totals("48.00")


def test_absorb_keeps_the_lines_of_the_closed_cart() -> None:
    own, other = make_cart(1), make_cart(2, session_key="other")
    own.merge_from(other)
    assert list(other.items.values_list("quantity", flat=True)) == [2]


def test_restore_copies_the_lines_to_a_new_cart() -> None:
    closed = make_cart(2, active=False)
    Cart.objects.restore(closed, "ORDER1")
    cart = Cart.objects.get(active=True)
    closed.refresh_from_db()
    assert (cart.session_key, cart.count_items(), closed.active) == ("session", 2, False)
    assert totals(cart) == equal_totals("32.00")


def test_restore_adds_to_an_existing_active_cart() -> None:
    closed, cart = make_cart(2, active=False), make_cart(1)
    Cart.objects.restore(closed, "ORDER1")
    assert (cart.count_items(), Cart.objects.filter(active=True).count()) == (3, 1)


def test_restore_uses_only_the_cart_of_the_same_user() -> None:
    alice, bob = make_user(), make_user("bob@example.org")
    closed = make_cart(2, user=alice, session_key="", active=False)
    other_cart = make_cart(1, user=bob, session_key="")
    Cart.objects.restore(closed, "ORDER1")
    assert Cart.objects.get(user=alice, active=True).count_items() == 2
    assert other_cart.count_items() == 1


# Totals


def test_totals_follow_a_quantity_changed_on_the_line() -> None:
    cart = make_cart(2)
    line = cart.items.get()
    line.quantity = 3
    line.save()
    assert totals(cart) == equal_totals("48.00")


def test_totals_follow_changes_of_the_products_relation() -> None:
    cart, mug, jug = make_cart(), make_product(), make_product(price="4.50")
    cart.products.add(mug, jug)
    assert totals(cart) == equal_totals("20.50")
    cart.products.remove(mug)
    assert totals(cart) == equal_totals("4.50")
    cart.products.clear()
    assert totals(cart) == equal_totals("0.00")


def test_totals_follow_a_deleted_line() -> None:
    cart = make_cart(2, 1)
    cart.items.first().delete()
    assert totals(cart) == equal_totals("16.00")


def test_totals_follow_a_deleted_product() -> None:
    cart = make_cart(2, 1)
    cart.items.first().product.delete()
    assert totals(cart) == equal_totals("16.00")


def test_totals_of_the_instance_are_current_after_a_change() -> None:
    cart = make_cart(2)
    assert (cart.subtotal, cart.total) == equal_totals("32.00")


def test_totals_are_exact() -> None:
    cart = make_cart()
    for price, quantity in [("0.10", 3), ("0.20", 1), ("99999.99", 99)]:
        cart.set_quantity(make_product(price=price, stock=None), quantity)
    assert totals(cart) == equal_totals("9899999.51")


def test_totals_of_other_carts_do_not_change() -> None:
    cart, other = make_cart(2), make_cart(1, session_key="other")
    cart.set_quantity(cart.items.get().product, 5)
    assert (totals(cart), totals(other)) == (equal_totals("80.00"), equal_totals("16.00"))


def test_deleting_a_user_deletes_the_carts() -> None:
    alice = make_user()
    make_cart(2, user=alice, session_key="")
    BillingProfile.objects.update(user=None)
    alice.delete()
    assert (Cart.objects.count(), CartItem.objects.count()) == (0, 0)


# Constraints and lines


def test_session_has_one_active_cart() -> None:
    make_cart()
    make_cart(active=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_cart()


def test_user_has_one_active_cart() -> None:
    alice = make_user()
    make_cart(user=alice, session_key="")
    make_cart(user=alice, session_key="", active=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_cart(user=alice, session_key="other")


def test_product_is_in_a_cart_once() -> None:
    cart = make_cart(1)
    with pytest.raises(IntegrityError), transaction.atomic():
        CartItem.objects.create(cart=cart, product=cart.items.get().product)


@pytest.mark.parametrize("quantity", [0, 100])
def test_quantity_is_1_to_99(quantity: int) -> None:
    cart = make_cart()
    with pytest.raises(IntegrityError), transaction.atomic():
        CartItem.objects.create(cart=cart, product=make_product(), quantity=quantity)


def test_set_quantity_returns_the_new_quantity() -> None:
    cart, product = make_cart(), make_product(stock=4)
    assert [cart.set_quantity(product, quantity) for quantity in (2, 9, 0, -3)] == [2, 4, 0, 0]
    assert not cart.items.exists()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"active": False}, "No longer available"),
        ({"stock": 0}, "Sold out"),
        ({"stock": 2}, "Only 2 left"),
        ({"stock": 3}, ""),
        ({"stock": None}, ""),
    ],
)
def test_line_problem_says_why_it_cannot_be_bought(fields: dict, problem: str) -> None:
    line = CartItem(cart=make_cart(), product=make_product(**fields), quantity=3)
    assert line.problem == problem


def test_line_with_too_many_decimals_for_the_currency_is_not_on_sale(settings) -> None:
    settings.CURRENCY = "jpy"
    line = CartItem(cart=make_cart(), product=make_product(price=Decimal("160.50")), quantity=1)
    assert line.problem == "No longer available"
