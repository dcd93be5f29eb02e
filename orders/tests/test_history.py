"""Tests for the history of an order: milestones stay visible, the steps in between are folded afterwards."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orders.models import Order, OrderEvent
from orders.models.history import split_history
from orders.workflow.refunds import RefundRequest, refund
from stripe_simulator.server import Simulator
from tests.makers import add_card, buy, make_client_request, make_paid_order, make_product

Kind = OrderEvent.Kind
FOLD = re.compile(r"<details class=\"fold\">.*?</details>", re.DOTALL)


def make_order(client: Client, *kinds: str, **fields: Any) -> Order:
    """Create an order with these events that the visitor can open, without Stripe."""
    order = make_paid_order(**{"placed_at": datetime(2026, 11, 28, 11, 9, tzinfo=UTC)} | fields)
    for kind in kinds:
        order.record(kind)
    request = make_client_request(client)
    Order.objects.remember(request, order)
    request.session.save()
    return order


def visible_and_folded(client: Client, order: Order) -> tuple[str, str]:
    """Return the history on the order's page, without its folded part and only that part."""
    page = client.get(order.get_absolute_url()).text
    history = page[page.index('id="timeline"') :]
    return FOLD.sub("", history), "".join(FOLD.findall(history))


@pytest.mark.parametrize("kind", Kind)
def test_kind_is_either_a_milestone_or_a_step(kind: str) -> None:
    assert [kind in OrderEvent.MILESTONES, kind in OrderEvent.STEPS].count(True) == 1


def test_text_for_shoppers_belongs_to_known_kinds() -> None:
    assert set(OrderEvent.MILESTONES + OrderEvent.STEPS) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_event_is_in_the_folded_part_if_it_is_no_milestone(kind: str) -> None:
    events = [OrderEvent(kind=Kind.PLACED), OrderEvent(kind=kind)]
    visible, folded = split_history(events, is_unpaid=False)
    assert (events[1] in visible, folded) == ((True, []) if kind in OrderEvent.MILESTONES else (False, events))
    assert split_history(events, is_unpaid=True) == (events, [])


@pytest.mark.django_db
@pytest.mark.sampled(4)
@pytest.mark.parametrize("status", [Order.Status.PAID, Order.Status.SHIPPED, Order.Status.REFUNDED, "canceled"])
def test_finished_order_folds_its_failed_tries(client: Client, status: str) -> None:
    order = make_order(client, Kind.PLACED, Kind.PAYING, Kind.DECLINED, Kind.PAYING, Kind.PAID, status=status)
    visible, folded = visible_and_folded(client, order)
    assert ("Order placed" in visible, "Payment started" in visible, "Payment failed" in visible) == (
        True,
        False,
        False,
    )
    assert (folded.count("Payment started"), folded.count("Payment failed"), folded.count("Paid")) == (2, 1, 1)


@pytest.mark.django_db
def test_unpaid_order_shows_its_failed_tries(client: Client) -> None:
    order = make_order(client, Kind.PLACED, Kind.PAYING, Kind.DECLINED, status=Order.Status.PLACED)
    visible, folded = visible_and_folded(client, order)
    assert (visible.count("Payment failed"), folded) == (1, "")


@pytest.mark.django_db
def test_history_of_milestones_has_nothing_to_fold(client: Client) -> None:
    assert visible_and_folded(client, make_order(client, Kind.PLACED, Kind.PAID))[1] == ""


@pytest.mark.django_db
def test_times_of_the_history_are_in_the_zone_of_the_shop(client: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    order = make_order(client, Kind.PLACED)
    OrderEvent.objects.update(at=datetime(2026, 11, 28, 11, 39, tzinfo=UTC))
    visible, _folded = visible_and_folded(client, order)
    assert '<time datetime="2026-11-29T00:39:00+13:00">29 November 2026, 00:39</time> Order placed' in visible
    page = client.get(order.get_absolute_url()).text
    assert "Placed on 29 November 2026" in page


@pytest.mark.slow
@pytest.mark.django_db
def test_order_paid_at_the_second_try_shows_milestones(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    assert "Payment failed" in visible_and_folded(client, order)[0]
    client.post(reverse("orders:pay", args=[order.order_id]), {"card": add_card(client).json()["card"]})
    order.refresh_from_db()
    refund(order, RefundRequest(order.total, order.amount_refunded, by="staff"))
    visible, folded = visible_and_folded(client, order)
    words = ["Order placed", "Paid", "Refunded", "Payment failed", "Refund requested"]
    assert [word in visible for word in words] == [True, True, True, False, False]
    assert [word in folded for word in words] == [True] * 5


def timeline_of(staff: Client, order: Order) -> list[tuple[int, bool]]:
    """Return how many events each part of the timeline on the admin's page has, and whether it is folded."""
    page = staff.get(reverse("admin:orders_order_change", args=[order.pk]))
    return [(len(part.events), part.is_folded) for part in page.context["timeline"]]


@pytest.mark.slow
@pytest.mark.django_db
def test_admin_folds_the_history_of_a_finished_order(client: Client, admin_client: Client) -> None:
    kinds = [Kind.PLACED, Kind.PAYING, Kind.DECLINED, Kind.PAYING]
    assert timeline_of(admin_client, make_order(client, *kinds, status="placed")) == [(4, False)]
    assert timeline_of(admin_client, make_order(client, *kinds, Kind.PAID)) == [(1, False), (3, True), (1, False)]


@pytest.mark.slow
@pytest.mark.django_db
def test_admin_shows_times_in_the_zone_and_format_of_the_shop(
    client: Client, admin_client: Client, settings: Any
) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    order = make_order(client, Kind.PLACED)
    assert "28 November 2026, 12:09" not in admin_client.get(reverse("admin:orders_order_changelist")).text
    assert "29 November 2026, 00:09" in admin_client.get(reverse("admin:orders_order_change", args=[order.pk])).text
