"""Proofs with many processes that do the same thing at the same time.

A control runs each race again without its guard, to show that it is a real race.
"""

from collections.abc import Iterator
from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Card
from carts.models import Cart
from orders.models import Order
from orders.workflow.placing import place as place_order
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import add_card, buy, make_discount, make_product, shown_facts, submit_details
from tests.makers import add_to_cart as put_into_cart
from tests.proofs import actions, disabled_guards
from tests.proofs.processes import ChildEnvironment, ProcessGroup
from tests.proofs.proof_report import ProofReport, scaled
from tests.proofs.recovery import age_and_reconcile

# One race at a time: two would slow each other down and need more connections than the database server allows.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("races"), pytest.mark.slow]
SHOPPERS, PRESSES, STAFF = scaled(quick=8, small=50, full=50), scaled(quick=8, small=20, full=20), 2
# Seconds before the bank's dialog is confirmed, so that sometimes the expiry is first and sometimes the shopper.
PAUSES = (0.0, 0.02, 0.05, 0.1, 0.2)
MOST = 30  # maximum number of rounds until a control is caught


@pytest.fixture
def card(client: Client, simulator: Simulator) -> Card:
    """Return the saved card of a guest with a postal address."""
    put_into_cart(client, make_product(stock=None))
    submit_details(client)
    add_card(client)
    Card.objects.update(is_saved=True)  # to pay many orders with the same card
    return Card.objects.get()


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


# --- 50 shoppers for the last item ---


def rush(group: ProcessGroup, card: Card, rounds: int) -> Iterator[int]:
    """Let all shoppers buy the last item in each round. Yield how many got it. Add one item before the next round."""
    product = make_product(stock=1)
    orders = [open_order(product) for _shopper in range(group.size)]
    shown = shown_facts(orders[0])
    for _round in range(rounds):
        bought = group.run_in_parallel((actions.buy, order.pk, shown, card.pk) for order in orders)
        yield bought.count(True)
        Product.objects.get(pk=product.pk).adjust_stock(1, by="staff")
        still_open = set(Order.objects.filter(status=Order.Status.OPEN).values_list("pk", flat=True))
        orders = [order if order.pk in still_open else open_order(product) for order in orders]


def test_last_item_is_sold_once(place: ChildEnvironment, simulator: Simulator, card: Card, report: ProofReport) -> None:
    report.name = f"Race: {SHOPPERS} shoppers, the last item"
    with ProcessGroup(SHOPPERS, place, disabled_guards.keep_guards) as group:
        for sold in rush(group, card, scaled(quick=3, small=6, full=1000)):
            report.count_try()
            report.expect(sold <= 1, "oversold", f"one item sold {sold} times")
            report.expect(sold >= 1, "lost_orders", "no shopper got the last item")
        report.check_processes(group)
    report.check_consistency(simulator)


def test_control_last_item_read_then_written_is_oversold(
    place: ChildEnvironment, card: Card, report: ProofReport
) -> None:
    report.name = f"Race: {SHOPPERS} shoppers, the last item"
    with ProcessGroup(SHOPPERS, place, disabled_guards.read_then_write_stock) as group:
        report.record_control("read the stock, then write it", any(sold > 1 for sold in rush(group, card, MOST)))


# --- a code with one use left ---


def rush_for_code(group: ProcessGroup, card: Card, rounds: int) -> Iterator[int]:
    """Let all shoppers order with a code that has one use left, in each round. Yield how many used the code."""
    product = make_product(stock=None)
    for number in range(rounds):
        code = make_discount(f"LAST-{number}", uses_limit=1).code
        orders = [open_order(product) for _shopper in range(group.size)]
        Cart.objects.filter(orders__in=orders).update(discount_code=code)
        shown = shown_facts(Order.objects.get(pk=orders[0].pk))
        group.run_in_parallel((actions.buy, order.pk, shown, card.pk) for order in orders)
        yield Order.objects.placed().filter(discount_code=code).count()


@pytest.mark.proof
def test_last_use_of_a_code_goes_to_one_order(
    place: ChildEnvironment, simulator: Simulator, card: Card, report: ProofReport
) -> None:
    report.name = f"Race: {SHOPPERS} shoppers, a code's last use"
    with ProcessGroup(SHOPPERS, place, disabled_guards.keep_guards) as group:
        for used in rush_for_code(group, card, scaled(quick=2, small=2, full=300)):
            report.count_try()
            report.expect(used == 1, "oversold", f"a code for one order was used by {used}")
        report.check_processes(group)
    report.check_consistency(simulator)


@pytest.mark.proof
def test_control_code_read_then_written_is_used_twice(place: ChildEnvironment, card: Card, report: ProofReport) -> None:
    report.name = f"Race: {SHOPPERS} shoppers, a code's last use"
    with ProcessGroup(SHOPPERS, place, disabled_guards.read_then_write_uses) as group:
        is_caught = any(used > 1 for used in rush_for_code(group, card, MOST))
        report.record_control("read the uses of a code, then write them", is_caught)


# --- 20 presses of Pay ---


def press_pay(group: ProcessGroup, simulator: Simulator, card: Card, rounds: int) -> Iterator[int]:
    """Press Pay in all processes at the same time, for a new order in each round. Yield its number of charges."""
    product = make_product(stock=None)
    for _round in range(rounds):
        order = open_order(product)
        place_order(order, shown_facts(order))
        before = len(simulator.objects("charge"))
        group.run_in_parallel([(actions.pay, order.pk, card.pk)] * group.size)
        yield len(simulator.objects("charge")) - before


def test_parallel_payments_charge_once(
    place: ChildEnvironment, simulator: Simulator, card: Card, report: ProofReport
) -> None:
    report.name = f"Race: {PRESSES} presses of Pay"
    with ProcessGroup(PRESSES, place, disabled_guards.keep_guards) as group:
        for charged in press_pay(group, simulator, card, scaled(quick=3, small=5, full=200)):
            report.count_try()
            report.expect(charged <= 1, "double_charges", f"charged {charged} times")
        report.check_processes(group)
    age_and_reconcile(minutes=3)
    report.check_consistency(simulator)
    paid = Order.objects.filter(status=Order.Status.PAID).count()
    report.expect(paid == report.try_count, "lost_orders", f"{paid} of {report.try_count} orders are paid")


def test_control_intent_for_each_press_is_charged_twice(
    place: ChildEnvironment, simulator: Simulator, card: Card, report: ProofReport
) -> None:
    report.name = f"Race: {PRESSES} presses of Pay"
    with ProcessGroup(PRESSES, place, disabled_guards.create_intent_for_each_press) as group:
        is_caught = any(charged > 1 for charged in press_pay(group, simulator, card, MOST))
        report.record_control("an intent for each press, created and confirmed", is_caught)


# --- parallel first adds of one session ---


def first_adds(group: ProcessGroup, rounds: int) -> Iterator[tuple[int, int]]:
    """Let a new visitor add a product in all tabs at the same time, in each round. Yield the carts and units."""
    product = make_product(stock=None)
    data = {"product_id": product.pk, "quantity": 1, "action": "add"}
    for _round in range(rounds):
        visitor = Client()
        session = visitor.session
        session["began"] = True
        session.save()
        cookies = {name: morsel.value for name, morsel in visitor.cookies.items()}
        statuses = group.run_in_parallel([(actions.submit_form, cookies, reverse("carts:update"), data)] * group.size)
        group.errors += [f"status {status}" for status in statuses if status != HTTPStatus.FOUND]
        carts = Cart.objects.filter(session_key=session.session_key, active=True)
        yield carts.count(), sum(cart.count_items() for cart in carts)


def test_parallel_first_adds_create_one_cart(
    place: ChildEnvironment, simulator: Simulator, report: ProofReport
) -> None:
    report.name = f"Race: {PRESSES} first adds of a session"
    with ProcessGroup(PRESSES, place, disabled_guards.keep_guards) as group:
        for carts, units in first_adds(group, scaled(quick=2, small=5, full=100)):
            report.count_try()
            report.expect((carts, units) == (1, PRESSES), "unexplained", f"{carts} carts with {units} units")
        report.check_processes(group)


def test_control_first_adds_without_constraint_create_more_carts(
    place: ChildEnvironment, simulator: Simulator, report: ProofReport
) -> None:
    report.name = f"Race: {PRESSES} first adds of a session"
    with (
        disabled_guards.without_constraint(Cart, "cart_one_active_a_session"),
        ProcessGroup(PRESSES, place, disabled_guards.add_without_transaction) as group,
    ):
        is_caught = any(carts > 1 for carts, _units in first_adds(group, MOST))
        report.record_control("no constraint of one active cart per session", is_caught)


# --- two staff members refund at the same time ---


def refund_twice(group: ProcessGroup, client: Client, simulator: Simulator, rounds: int) -> Iterator[int]:
    """Let several staff refund part of a paid order at the same time, in each round. Yield its refunds at Stripe."""
    for _round in range(rounds):
        order = buy(client, make_product())
        before = len(simulator.objects("refund"))
        group.run_in_parallel([(actions.refund, order.pk, "5.00")] * group.size)
        yield len(simulator.objects("refund")) - before


def test_parallel_staff_refunds_refund_once(
    client: Client, place: ChildEnvironment, simulator: Simulator, report: ProofReport
) -> None:
    report.name = "Race: staff refund at once"
    with ProcessGroup(STAFF, place, disabled_guards.keep_guards) as group:
        for refunded in refund_twice(group, client, simulator, scaled(quick=2, small=5, full=100)):
            report.count_try()
            report.expect(refunded == 1, "unexplained", f"refunded {refunded} times")
        report.check_processes(group)
    report.check_consistency(simulator)


def test_control_refund_read_then_written_is_refunded_twice(
    client: Client, place: ChildEnvironment, simulator: Simulator, report: ProofReport
) -> None:
    report.name = "Race: staff refund at once"
    with ProcessGroup(STAFF, place, disabled_guards.read_then_write_refund) as group:
        is_caught = any(refunded > 1 for refunded in refund_twice(group, client, simulator, MOST))
        report.record_control("read what is left, then write it", is_caught)


# --- expiry, 3-D Secure and webhook ---


def expire_while_paying(group: ProcessGroup, client: Client, simulator: Simulator, rounds: int) -> Iterator[Order]:
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
        jobs = [
            (actions.expire, order.pk),
            (actions.complete_3d_secure, bank, PAUSES[number % len(PAUSES)]),
            (actions.deliver, event),
        ]
        group.run_in_parallel(jobs * (group.size // len(jobs)))
        order.refresh_from_db()
        yield order


def is_charged(simulator: Simulator, order: Order) -> bool:
    return any(
        charge["payment_intent"] == order.payment_intent_id and charge["status"] == "succeeded"
        for charge in simulator.objects("charge")
    )


def test_expiry_during_payment_is_consistent(
    client: Client, place: ChildEnvironment, simulator: Simulator, report: ProofReport
) -> None:
    report.name = "Race: expiry, 3-D Secure, webhook"
    with ProcessGroup(6, place, disabled_guards.keep_guards) as group:
        for order in expire_while_paying(group, client, simulator, scaled(quick=2, small=5, full=200)):
            report.count_try()
            is_sold = is_charged(simulator, order)
            report.expect(
                not is_sold or order.status != Order.Status.CANCELED,
                "lost_orders",
                "charged, but the order is canceled",
            )
        report.check_processes(group)
    age_and_reconcile(minutes=31)
    report.check_consistency(simulator)


def test_control_stock_released_before_canceling_the_intent_is_charged(
    client: Client, place: ChildEnvironment, simulator: Simulator, report: ProofReport
) -> None:
    report.name = "Race: expiry, 3-D Secure, webhook"
    with ProcessGroup(6, place, disabled_guards.release_stock_before_canceling) as group:
        orders = expire_while_paying(group, client, simulator, MOST)
        is_caught = any(order.status == Order.Status.CANCELED and is_charged(simulator, order) for order in orders)
        report.record_control("stock released first, then intent canceled", is_caught)
