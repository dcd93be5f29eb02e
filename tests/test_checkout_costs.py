"""The statements and commits of a guest's checkout."""

import logging

import pytest
from django.test import Client
from django.urls import reverse

from tests.instant_gateway import InstantGateway
from tests.makers import ADDRESS, add_card, add_to_cart, make_product
from tests.request_costs import CostRecorder

logger = logging.getLogger(__name__)
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def check_out(client: Client) -> CostRecorder:
    """Buy a product as a new guest, with a new card that is accepted at once."""
    product, recorder = make_product(), CostRecorder()
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
    return recorder


def test_guest_checkout_stays_within_its_budget(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    InstantGateway().install(monkeypatch)
    check_out(client)
    recorder = check_out(Client())
    logger.info("%s", recorder.table())
    assert (recorder.statements, recorder.commits) < (0, 0), recorder.table()
