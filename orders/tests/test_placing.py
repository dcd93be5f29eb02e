"""Tests for placing an order: exactly as shown, or not at all."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import BillingProfile
from carts.models import Cart
from orders.models import Order
from orders.workflow.placing import OrderRejected, place
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import (
    PASSWORD,
    add_card,
    add_to_cart,
    buy,
    make_open_order,
    make_product,
    make_user,
    payment_form_data,
    place_order,
    set_standard_delivery,
    shown_facts,
    submit_details,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    """Return an open order that can be placed."""
    from addresses.models import Address
    from tests.makers import ADDRESS

    order = make_open_order()
    address = Address.objects.create(billing_profile=order.billing_profile, **ADDRESS)
    order.use_address(address, Address.Type.SHIPPING)
    order.refresh_from_db()
    return order


def product_of(order: Order) -> Product:
    return order.cart.products.get()  # type: ignore[union-attr]


def test_place_freezes_lines_sums_addresses_and_email(order: Order) -> None:
    assert place(order, shown_facts(order))
    item = order.items.get()
    assert (item.unit_price, item.quantity, item.total) == (Decimal("16.00"), 1, Decimal("16.00"))
    assert (order.subtotal, order.shipping_total, order.total) == (Decimal("16"), Decimal("4.95"), Decimal("20.95"))
    assert order.shipping_address_text.splitlines()[0] == "Gia Guest"
    assert (order.email, order.currency) == ("guest@example.org", "gbp")


def test_order_is_not_placed_if_the_session_cannot_store_it(order: Order) -> None:
    def fail() -> None:
        raise OSError("the session cannot be saved")

    with pytest.raises(OSError, match="session"):
        place(order, shown_facts(order), then=fail)
    order.refresh_from_db()
    assert (order.status, product_of(order).stock) == (Order.Status.OPEN, 10)


def test_place_reserves_the_stock_and_closes_the_cart(order: Order) -> None:
    place(order, shown_facts(order))
    assert product_of(order).stock == 9
    assert not Cart.objects.filter(active=True).exists()


def test_placed_order_ignores_changes_to_its_product_and_address(order: Order) -> None:
    place(order, shown_facts(order))
    Product.objects.update(price=99, title="Other", active=False)
    order.shipping_address.delete()  # type: ignore[union-attr]
    order.refresh_from_db()
    assert (order.total, order.items.get().title[:3]) == (Decimal("20.95"), "Mug")
    assert "1 High Street" in order.shipping_address_text


def test_second_place_does_nothing(order: Order) -> None:
    facts = shown_facts(order)
    place(order, facts)
    assert place(order, facts) is False
    assert product_of(order).stock == 9


def test_second_place_leaves_an_active_cart_open(order: Order) -> None:
    Order.objects.update(status=Order.Status.PLACED)
    assert place(order, shown_facts(order)) is False
    assert Cart.objects.get().active


def test_place_rejects_lines_that_another_tab_moved_to_another_cart(order: Order) -> None:
    facts, other = shown_facts(order), Cart.objects.create(user=make_user())
    other.merge_from(order.cart)  # type: ignore[arg-type]
    with pytest.raises(OrderRejected, match="Your cart has changed"):
        place(order, facts)
    order.refresh_from_db()
    assert (order.status, order.items.count(), product_of(order).stock) == (Order.Status.OPEN, 0, 10)
    assert [line.quantity for line in other.lines()] == [1]


def test_place_rejects_lines_that_moved_to_another_cart_at_sign_in(client: Client) -> None:
    alice = make_user()
    add_to_cart(client, make_product())
    submit_details(client)
    order = Order.objects.get()
    facts = shown_facts(order)
    Cart.objects.create(user=alice).set_quantity(make_product(), 1)
    client.post(reverse("accounts:login"), {"email": alice.email, "password": PASSWORD})
    with pytest.raises(OrderRejected, match="Your cart has changed"):
        place(order, facts)
    assert sorted(Product.objects.values_list("stock", flat=True)) == [10, 10]


def test_place_rejects_an_order_whose_cart_was_deleted(order: Order) -> None:
    facts = shown_facts(order)
    order.cart.delete()  # type: ignore[union-attr]
    order.refresh_from_db()
    with pytest.raises(OrderRejected, match="Your cart has changed"):
        place(order, facts)


def test_place_rejects_an_order_that_another_checkout_replaced(order: Order) -> None:
    facts, other = shown_facts(order), BillingProfile.objects.create(email="other@example.org")
    Order.objects.get_or_create_for(other, order.cart)  # type: ignore[arg-type]
    with pytest.raises(OrderRejected, match="Your checkout has expired"):
        place(order, facts)
    assert Cart.objects.get().active


def change_price(order: Order) -> None:
    Product.objects.update(price=17)


def sell_out(order: Order) -> None:
    Product.objects.update(stock=0)


def take_off_sale(order: Order) -> None:
    Product.objects.update(active=False)


def change_quantity(order: Order) -> None:
    order.cart.set_quantity(product_of(order), 2)  # type: ignore[union-attr]


def change_lines(order: Order) -> None:
    cart = order.cart
    assert cart
    Product.objects.update(title="Mug")
    cart.items.all().delete()
    cart.set_quantity(make_product(title="Teapot"), 1)


def empty_cart(order: Order) -> None:
    order.cart.items.all().delete()  # type: ignore[union-attr]


def remove_address(order: Order) -> None:
    Order.objects.update(shipping_address=None)


def remove_billing_address(order: Order) -> None:
    Order.objects.update(billing_address=None)


def make_free(order: Order) -> None:
    Product.objects.update(price=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_price, "now costs £17.00"),
        (sell_out, "Sold out"),
        (take_off_sale, "No longer available"),
        (change_quantity, "Your cart now has 2 ×"),
        (change_lines, "Mug is no longer in your cart. Your cart now has 1 × Teapot. Your order has changed"),
        (empty_cart, "Your cart is empty"),
        (remove_address, "Tell us where"),
        (remove_billing_address, "Tell us where"),
        (make_free, "now costs £0.00"),
    ],
)
def test_place_rejects_a_changed_quote_and_changes_nothing(order: Order, change: Any, message: str) -> None:
    facts = shown_facts(order)
    change(order)
    stock = list(Product.objects.values_list("stock"))
    with pytest.raises(OrderRejected) as caught:
        place(order, facts)
    order.refresh_from_db()
    assert message in " ".join(caught.value.problems)
    assert (order.status, order.items.count(), order.events.count()) == (Order.Status.OPEN, 0, 0)
    assert list(Product.objects.values_list("stock")) == stock
    assert order.cart.active  # type: ignore[union-attr]


def test_place_rejects_total_below_stripes_minimum(order: Order) -> None:
    set_standard_delivery("0")
    Product.objects.update(price=Decimal("0.29"))
    with pytest.raises(OrderRejected, match=r"minimum order value is £0\.30"):
        place(order, shown_facts(order))


def test_last_item_goes_to_one_of_two_orders(client: Client, other_client: Client, simulator: Simulator) -> None:
    product = make_product(stock=1)
    for visitor in (client, other_client):
        add_to_cart(visitor, product)
        submit_details(visitor)
    cards = [add_card(visitor).json()["card"] for visitor in (client, other_client)]
    pages = [visitor.get(reverse("carts:checkout")) for visitor in (client, other_client)]
    for visitor, card, page in zip((client, other_client), cards, pages, strict=True):
        data = {"order": page.context["order"].order_id, "quote": page.context["agreement"].signed()}
        visitor.post(reverse("carts:checkout"), data | {"action": "place", "card": card})
    product.refresh_from_db()
    assert (Order.objects.placed().count(), product.stock) == (1, 0)


def test_posted_total_is_ignored(client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    place_order(client, add_card(client).json()["card"], total="0.01", price="0.01")
    assert [charge["amount"] for charge in simulator.objects("charge")] == [2095]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("forged", ["", "x", "eyJ0b3RhbCI6ICIwLjAxIn0:1x:abc", "\x00", "ü" * 500])
def test_quote_without_a_valid_signature_is_rejected(client: Client, simulator: Simulator, forged: str) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    place_order(client, add_card(client).json()["card"], quote=forged)
    assert not Order.objects.placed().exists()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("card", ["", "new", "0", "x", "99999999999999999999", "\x00"])
def test_invalid_card_is_rejected(client: Client, simulator: Simulator, card: str) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    response = place_order(client, card)
    assert response.status_code == 302
    assert not Order.objects.placed().exists()


def test_strangers_card_is_rejected(client: Client, other_client: Client, simulator: Simulator) -> None:
    card = buy(client, make_product()).billing_profile.cards.get()
    add_to_cart(other_client, make_product())
    submit_details(other_client, "charlie@example.org")
    place_order(other_client, card.pk)
    assert Order.objects.placed().count() == 1


def test_strangers_order_cannot_be_placed(client: Client, other_client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    data = payment_form_data(client)
    other_client.post(reverse("carts:checkout"), data | {"card": add_card(client).json()["card"]})
    assert not Order.objects.placed().exists()


def test_stale_object_saved_after_placing_changes_neither_status_nor_amounts(order: Order) -> None:
    stale = Order.objects.get(pk=order.pk)
    place(order, shown_facts(order))
    stale.email = "new@example.org"
    stale.save()
    email = order.email
    order.refresh_from_db()
    assert (order.status, order.total, order.email) == (Order.Status.PLACED, Decimal("20.95"), email)


def test_place_rejects_total_above_stripes_maximum(order: Order) -> None:
    Product.objects.update(price=Decimal("99999999"))
    with pytest.raises(OrderRejected, match=r"maximum order value is £999,999\.99"):
        place(order, shown_facts(order))


def test_get_or_create_for_returns_the_order_placed_in_another_tab(order: Order) -> None:
    cart = order.cart
    place(order, shown_facts(order))
    assert cart
    assert Order.objects.get_or_create_for(order.billing_profile, cart) == (order, False)
