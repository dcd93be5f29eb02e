"""The statements and commits of a guest's checkout."""

import logging

import pytest
from django.test import Client
from django.urls import reverse

from products.models import Product
from tests.instant_gateway import InstantGateway
from tests.makers import ADDRESS, add_card, add_to_cart, make_product
from tests.request_costs import CostRecorder

logger = logging.getLogger(__name__)
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def check_out(client: Client, recorder: CostRecorder, product: Product | None = None) -> None:
    """Buy a product as a new guest, with a new card that is accepted immediately."""
    product = product or make_product()
    checkout = reverse("carts:checkout")
    recorder.record("product page", lambda: client.get(product.get_absolute_url()))
    recorder.record("add to cart", lambda: add_to_cart(client, product))
    recorder.record("cart", lambda: client.get(reverse("carts:home")))
    recorder.record("details page", lambda: client.get(checkout))
    details = {f"shipping-{name}": value for name, value in ADDRESS.items()}
    details |= {"email": "guest@example.org", "billing_same": "on"}
    recorder.record("details", lambda: client.post(checkout, details))
    page = recorder.record("payment step", lambda: client.get(checkout))
    card = recorder.record("card", lambda: add_card(client)).json()["card"]
    form = {"action": "place", "order": page.context["order"].order_id, "card": str(card)}
    form |= {"quote": page.context["agreement"].signed()}
    placed = recorder.record("place order", lambda: client.post(checkout, form))
    assert placed.url == reverse("carts:success")
    recorder.record("thank-you page", lambda: client.get(placed.url))


# The largest number of statements and commits of each request. docs/performance.md lists the commits.
BUDGETS = {
    "product page": (1, 0),
    "add to cart": (5, 1),
    "cart": (2, 0),
    "details page": (2, 0),
    "details": (10, 2),  # one counts the guests and the calls to Stripe of the IP address
    "payment step": (4, 0),
    "card": (11, 2),  # one counts the calls to Stripe, and one finds out whether a guest has an order
    "place order": (43, 8),  # one counts the calls to Stripe, one what was tried to hold; one is for the search
    "thank-you page": (3, 0),
}


@pytest.fixture
def purchase(client: Client, monkeypatch: pytest.MonkeyPatch, page_cache: None) -> CostRecorder:
    """Return the costs of a purchase in production, when nothing has to be read for the first time."""
    InstantGateway().install(monkeypatch)
    product = make_product(stock=100)
    check_out(client, CostRecorder(), product)
    recorder = CostRecorder()
    check_out(Client(), recorder, product)
    logger.info("%s", recorder.table())
    return recorder


def test_each_request_of_a_guest_checkout_stays_within_its_budget(purchase: CostRecorder) -> None:
    costs = {request.name: (request.statements, request.commits) for request in purchase.requests}
    exceeded = [name for name, most in BUDGETS.items() if any(n > m for n, m in zip(costs[name], most, strict=True))]
    assert (exceeded, costs.keys()) == ([], BUDGETS.keys()), purchase.table()


def test_guest_checkout_needs_at_most_80_statements_and_13_commits(purchase: CostRecorder) -> None:
    """Count the eight requests of a purchase. The cart page has its own budget, because many shoppers skip it."""
    cart = next(request for request in purchase.requests if request.name == "cart")
    total = (purchase.statements - cart.statements, purchase.commits - cart.commits)
    assert (total[0] <= 80, total[1] <= 13) == (True, True), purchase.table()


def test_adding_to_a_new_cart_needs_at_most_nine_statements_with_its_page(purchase: CostRecorder) -> None:
    page, addition = purchase.requests[:2]
    assert page.statements + addition.statements <= 9, purchase.table()


def test_commits_of_placing_an_order_surround_the_calls_to_stripe(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check that what a call to Stripe needs is stored before it, and that no transaction is open during a call."""
    recorder = CostRecorder()
    InstantGateway(recorder.add_call).install(monkeypatch)
    check_out(client, recorder)
    placing = next(request for request in recorder.requests if request.name == "place order")
    assert [event.text for event in placing.events if event.kind in ("commit", "call")] == [
        "commit",  # the reserved calls to Stripe, and the attempt, which simultaneous attempts count
        "commit",  # P1: the order is placed, and the session has it
        "create_intent",
        "commit",  # P2: the order has the intent
        "commit",  # P3: the payment
        "confirm_intent",
        "retrieve_intent",
        "commit",  # S: the order is paid, and its emails are queued
        "commit",  # the result of the attempt
    ]
    assert [event.text for event in placing.after_response if event.kind in ("commit", "call")] == [
        "commit",  # the confirmation is sent
        "detach_card",
        "commit",  # the card is detached
    ]
