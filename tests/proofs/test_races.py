"""Proofs with many processes that do the same thing at the same time.

A control runs each race again without its guard, to show that it is a real race.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Card
from carts.models import Cart
from carts.pricing.quotes import quote_cart
from orders.models import Order
from orders.workflow.placing import place as place_order
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import add_card, buy, give_details, make_discount, make_product
from tests.makers import add_to_cart as put_into_cart
from tests.proofs import acts, controls
from tests.proofs.child import Crowd, Place
from tests.proofs.ledger import Ledger, scaled
from tests.proofs.recoveries import tidy_up

# One race at a time: two would slow each other down and need more connections than the database server allows.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("races")]
SHOPPERS, PRESSES, STAFF = scaled(quick=8, small=50, full=50), scaled(quick=8, small=20, full=20), 2
# Seconds before the bank's dialog is confirmed, so that sometimes the expiry is first and sometimes the shopper.
PAUSES = (0.0, 0.02, 0.05, 0.1, 0.2)
MOST = 30  # maximum number of rounds until a control is caught


@pytest.fixture
def card(client: Client, simulator: Simulator) -> Card:
    """Return the saved card of a guest with a postal address."""
    put_into_cart(client, make_product(stock=None))
    give_details(client)
    return Card.objects.get(pk=add_card(client).json()["card"])


def open_order(product: Product) -> Order:
    """Create another open order of the guest for one unit of the product, with a new cart as from another session."""
    first = Order.objects.first()
    assert first is not None
    cart = Cart.objects.create(session_key=f"s-{Order.objects.count()}")
    cart.set_quantity(product, 1)
    return Order.objects.create(
        billing_profile=first.billing_profile,
        cart=cart,
        email=first.email,
        shipping_address=first.shipping_address,
        billing_address=first.billing_address,
    )


def facts(order: Order) -> dict[str, Any]:
    assert order.cart is not None
    return quote_cart(order.cart, address=order.shipping_address).facts()


# --- 50 shoppers for the last item ---


def rush(crowd: Crowd, card: Card, rounds: int) -> Iterator[int]:
    """Let all shoppers buy the last item in each round. Yield how many got it. Add one item before the next round."""
    product = make_product(stock=1)
    orders = [open_order(product) for _shopper in range(crowd.size)]
    shown = facts(orders[0])
    for _round in range(rounds):
        bought = crowd.at_once((acts.buy, order.pk, shown, card.pk) for order in orders)
        yield bought.count(True)
        Product.objects.get(pk=product.pk).adjust_stock(1, by="staff")
        still_open = set(Order.objects.filter(status=Order.Status.OPEN).values_list("pk", flat=True))
        orders = [order if order.pk in still_open else open_order(product) for order in orders]


def test_last_item_is_sold_once(place: Place, simulator: Simulator, card: Card, ledger: Ledger) -> None:
    ledger.name = f"Race: {SHOPPERS} shoppers, the last item"
    with Crowd(SHOPPERS, place, controls.nothing) as crowd:
        for sold in rush(crowd, card, scaled(quick=3, small=6, full=1000)):
            ledger.tried()
            ledger.expect(sold <= 1, "oversold", f"one item sold {sold} times")
            ledger.expect(sold >= 1, "lost_orders", "no shopper got the last item")
        ledger.check_crowd(crowd)
    ledger.check_books(simulator)


def test_control_last_item_read_then_written_is_oversold(place: Place, card: Card, ledger: Ledger) -> None:
    ledger.name = f"Race: {SHOPPERS} shoppers, the last item"
    with Crowd(SHOPPERS, place, controls.read_then_write_stock) as crowd:
        ledger.control("read the stock, then write it", any(sold > 1 for sold in rush(crowd, card, MOST)))


# --- a code with one use left ---


def rush_for_code(crowd: Crowd, card: Card, rounds: int) -> Iterator[int]:
    """Let all shoppers order with a code that has one use left, in each round. Yield how many used the code."""
    product = make_product(stock=None)
    for number in range(rounds):
        code = make_discount(f"LAST-{number}", uses_limit=1).code
        orders = [open_order(product) for _shopper in range(crowd.size)]
        Cart.objects.filter(orders__in=orders).update(discount_code=code)
        shown = facts(Order.objects.get(pk=orders[0].pk))
        crowd.at_once((acts.buy, order.pk, shown, card.pk) for order in orders)
        yield Order.objects.placed().filter(discount_code=code).count()


@pytest.mark.proof
def test_last_use_of_a_code_is_given_to_one_order(
    place: Place, simulator: Simulator, card: Card, ledger: Ledger
) -> None:
    ledger.name = f"Race: {SHOPPERS} shoppers, a code's last use"
    with Crowd(SHOPPERS, place, controls.nothing) as crowd:
        for used in rush_for_code(crowd, card, scaled(quick=2, small=2, full=300)):
            ledger.tried()
            ledger.expect(used == 1, "oversold", f"a code for one order was used by {used}")
        ledger.check_crowd(crowd)
    ledger.check_books(simulator)


@pytest.mark.proof
def test_control_code_read_then_written_is_used_twice(place: Place, card: Card, ledger: Ledger) -> None:
    ledger.name = f"Race: {SHOPPERS} shoppers, a code's last use"
    with Crowd(SHOPPERS, place, controls.read_then_write_uses) as crowd:
        is_caught = any(used > 1 for used in rush_for_code(crowd, card, MOST))
        ledger.control("read the uses of a code, then write them", is_caught)


# --- 20 presses of Pay ---


def press_pay(crowd: Crowd, simulator: Simulator, card: Card, rounds: int) -> Iterator[int]:
    """Press Pay in all processes at the same time, for a new order in each round. Yield its number of charges."""
    product = make_product(stock=None)
    for _round in range(rounds):
        order = open_order(product)
        place_order(order, facts(order))
        before = len(simulator.objects("charge"))
        crowd.at_once([(acts.pay, order.pk, card.pk)] * crowd.size)
        yield len(simulator.objects("charge")) - before


def test_parallel_payments_charge_once(place: Place, simulator: Simulator, card: Card, ledger: Ledger) -> None:
    ledger.name = f"Race: {PRESSES} presses of Pay"
    with Crowd(PRESSES, place, controls.nothing) as crowd:
        for charged in press_pay(crowd, simulator, card, scaled(quick=3, small=5, full=200)):
            ledger.tried()
            ledger.expect(charged <= 1, "double_charges", f"charged {charged} times")
        ledger.check_crowd(crowd)
    tidy_up(minutes=3)
    ledger.check_books(simulator)
    paid = Order.objects.filter(status=Order.Status.PAID).count()
    ledger.expect(paid == ledger.tries, "lost_orders", f"{paid} of {ledger.tries} orders are paid")


def test_control_intent_for_each_press_is_charged_twice(
    place: Place, simulator: Simulator, card: Card, ledger: Ledger
) -> None:
    ledger.name = f"Race: {PRESSES} presses of Pay"
    with Crowd(PRESSES, place, controls.intent_for_each_press) as crowd:
        is_caught = any(charged > 1 for charged in press_pay(crowd, simulator, card, MOST))
        ledger.control("an intent for each press, created and confirmed", is_caught)


# --- parallel first adds of one session ---


def first_adds(crowd: Crowd, rounds: int) -> Iterator[tuple[int, int]]:
    """Let a new visitor add a product in all tabs at the same time, in each round. Yield the carts and units."""
    product = make_product(stock=None)
    data = {"product_id": product.pk, "quantity": 1, "action": "add"}
    for _round in range(rounds):
        visitor = Client()
        session = visitor.session
        session["began"] = True
        session.save()
        cookies = {name: morsel.value for name, morsel in visitor.cookies.items()}
        statuses = crowd.at_once([(acts.press, cookies, reverse("carts:update"), data)] * crowd.size)
        crowd.errors += [f"status {status}" for status in statuses if status != HTTPStatus.FOUND]
        carts = Cart.objects.filter(session_key=session.session_key, active=True)
        yield carts.count(), sum(cart.count_items() for cart in carts)


def test_parallel_first_adds_create_one_cart(place: Place, simulator: Simulator, ledger: Ledger) -> None:
    ledger.name = f"Race: {PRESSES} first adds of a session"
    with Crowd(PRESSES, place, controls.nothing) as crowd:
        for carts, units in first_adds(crowd, scaled(quick=2, small=5, full=100)):
            ledger.tried()
            ledger.expect((carts, units) == (1, PRESSES), "unexplained", f"{carts} carts with {units} units")
        ledger.check_crowd(crowd)


def test_control_first_adds_without_constraint_create_more_carts(
    place: Place, simulator: Simulator, ledger: Ledger
) -> None:
    ledger.name = f"Race: {PRESSES} first adds of a session"
    with (
        controls.without_constraint(Cart, "cart_one_active_a_session"),
        Crowd(PRESSES, place, controls.add_without_transaction) as crowd,
    ):
        is_caught = any(carts > 1 for carts, _units in first_adds(crowd, MOST))
        ledger.control("no constraint of one cart a session", is_caught)


# --- two staff refund at the same time ---


def refund_twice(crowd: Crowd, client: Client, simulator: Simulator, rounds: int) -> Iterator[int]:
    """Let several staff refund part of a paid order at the same time, in each round. Yield its refunds at Stripe."""
    for _round in range(rounds):
        order = buy(client, make_product())
        before = len(simulator.objects("refund"))
        crowd.at_once([(acts.refund, order.pk, "5.00")] * crowd.size)
        yield len(simulator.objects("refund")) - before


def test_parallel_staff_refunds_refund_once(client: Client, place: Place, simulator: Simulator, ledger: Ledger) -> None:
    ledger.name = "Race: staff refund at once"
    with Crowd(STAFF, place, controls.nothing) as crowd:
        for refunded in refund_twice(crowd, client, simulator, scaled(quick=2, small=5, full=100)):
            ledger.tried()
            ledger.expect(refunded == 1, "unexplained", f"refunded {refunded} times")
        ledger.check_crowd(crowd)
    ledger.check_books(simulator)


def test_control_refund_read_then_written_is_refunded_twice(
    client: Client, place: Place, simulator: Simulator, ledger: Ledger
) -> None:
    ledger.name = "Race: staff refund at once"
    with Crowd(STAFF, place, controls.read_then_write_refund) as crowd:
        is_caught = any(refunded > 1 for refunded in refund_twice(crowd, client, simulator, MOST))
        ledger.control("read what is left, then write it", is_caught)


# --- expiry, 3-D Secure and webhook ---


def expire_while_paying(crowd: Crowd, client: Client, simulator: Simulator, rounds: int) -> Iterator[Order]:
    """Let an order expire in each round while the bank's dialog is confirmed and webhooks arrive. Yield the order."""
    for number in range(rounds):
        order = buy(client, make_product(stock=1), "tok_threeDSecure2Required")
        intent = simulator.store.find("payment_intent", order.payment_intent_id or "") or {}
        event = {
            "id": f"evt_{number}",
            "type": "payment_intent.succeeded",
            "livemode": False,
            "data": {"object": intent},
        }
        bank = intent["next_action"]["use_stripe_sdk"]["stripe_js"]
        jobs = [(acts.expire, order.pk), (acts.answer_bank, bank, PAUSES[number % len(PAUSES)]), (acts.deliver, event)]
        crowd.at_once(jobs * (crowd.size // len(jobs)))
        order.refresh_from_db()
        yield order


def is_charged(simulator: Simulator, order: Order) -> bool:
    return any(
        charge["payment_intent"] == order.payment_intent_id and charge["status"] == "succeeded"
        for charge in simulator.objects("charge")
    )


def test_expiry_during_payment_is_consistent(
    client: Client, place: Place, simulator: Simulator, ledger: Ledger
) -> None:
    ledger.name = "Race: expiry, 3-D Secure, webhook"
    with Crowd(6, place, controls.nothing) as crowd:
        for order in expire_while_paying(crowd, client, simulator, scaled(quick=2, small=5, full=200)):
            ledger.tried()
            is_sold = is_charged(simulator, order)
            ledger.expect(
                not is_sold or order.status != Order.Status.CANCELED,
                "lost_orders",
                "charged, but the order is canceled",
            )
        ledger.check_crowd(crowd)
    tidy_up(minutes=31)
    ledger.check_books(simulator)


def test_control_stock_released_before_canceling_the_intent_is_charged(
    client: Client, place: Place, simulator: Simulator, ledger: Ledger
) -> None:
    ledger.name = "Race: expiry, 3-D Secure, webhook"
    with Crowd(6, place, controls.close_before_cancelling) as crowd:
        orders = expire_while_paying(crowd, client, simulator, MOST)
        is_caught = any(order.status == Order.Status.CANCELED and is_charged(simulator, order) for order in orders)
        ledger.control("stock released first, then intent canceled", is_caught)
