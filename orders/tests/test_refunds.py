"""Money on its way back: asked for by staff, made in Stripe's dashboard, refused, late, and asked for twice."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import stripe
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.simulator.server import Simulator
from ecommerce.tests.makers import buy, make_product, make_user
from orders import payments, refunds
from orders.audit import audit
from orders.models import Order, OrderEvent, Refund
from orders.refunds import RefundRefused, Wish
from products.models import Product

pytestmark = pytest.mark.django_db
REFUNDS = "/v1/refunds"


@pytest.fixture
def product() -> Product:
    return make_product(stock=10)


@pytest.fixture
def order(client: Client, simulator: Simulator, product: Product) -> Order:
    """Two mugs of 16.00 and shipping of 4.95, paid."""
    return buy(client, product, quantity=2)


def give_back(order: Order, amount: str = "36.95", already: str = "0", **more: Any) -> Refund:
    row = refunds.refund(order, Wish(Decimal(amount), Decimal(already), by="staff@shop.example", **more))
    order.refresh_from_db()
    return row


def later(row: Refund) -> None:
    """As if Stripe had been asked three minutes ago."""
    Refund.objects.filter(pk=row.pk).update(asked_at=timezone.now() - timedelta(minutes=3))


def returned(simulator: Simulator) -> list[int]:
    """The amounts Stripe gave back, in minor units."""
    return [refund["amount"] for refund in simulator.objects("refund") if refund["status"] == "succeeded"]


def at_stripe(simulator: Simulator, order: Order, amount: int) -> None:
    """A refund that somebody makes in Stripe's dashboard."""
    client = stripe.StripeClient("sk_test_dashboard", base_addresses={"api": simulator.url})
    client.v1.refunds.create({"payment_intent": str(order.payment_intent_id), "amount": amount})


def test_whole_refund_ends_on_a_refunded_order(order: Order, simulator: Simulator) -> None:
    row = give_back(order)
    assert (row.status, order.status, returned(simulator)) == (Refund.Status.DONE, Order.Status.REFUNDED, [3695])
    assert audit() == []


def test_part_refund_leaves_the_order_paid_with_an_amount(order: Order, simulator: Simulator) -> None:
    give_back(order, "10.00")
    assert (order.status, order.amount_refunded, returned(simulator)) == (Order.Status.PAID, Decimal("10.00"), [1000])
    assert audit() == []


def test_parts_make_a_whole(order: Order, simulator: Simulator) -> None:
    give_back(order, "10.00")
    give_back(order, "26.95", already="10.00")
    assert (order.status, returned(simulator)) == (Order.Status.REFUNDED, [1000, 2695])


def test_refund_without_restocking_leaves_the_goods_sold(order: Order, product: Product) -> None:
    give_back(order)
    product.refresh_from_db()
    assert product.stock == 8


def test_refund_puts_the_chosen_units_back_on_the_shelf(order: Order, product: Product) -> None:
    give_back(order, "16.00", restock={order.items.get().pk: 1})
    product.refresh_from_db()
    assert product.stock == 9
    assert audit() == []


def test_more_units_than_were_sold_are_refused(order: Order, simulator: Simulator) -> None:
    line = order.items.get().pk
    give_back(order, "16.00", restock={line: 1})
    with pytest.raises(RefundRefused):
        give_back(order, "16.00", already="16.00", restock={line: 2})
    order.refresh_from_db()
    assert (order.amount_refunded, returned(simulator)) == (Decimal("16.00"), [1600])


@pytest.mark.parametrize("amount", ["36.96", "0", "-1", "0.005"])
def test_amount_that_cannot_be_given_back_is_refused(order: Order, simulator: Simulator, amount: str) -> None:
    with pytest.raises(RefundRefused):
        give_back(order, amount)
    assert returned(simulator) == []


def test_second_click_on_the_same_page_is_refused(order: Order, simulator: Simulator) -> None:
    give_back(order, "10.00")
    with pytest.raises(RefundRefused, match="in the meantime"):
        give_back(order, "10.00")
    assert returned(simulator) == [1000]


def test_unpaid_order_has_nothing_to_give_back(client: Client, simulator: Simulator, product: Product) -> None:
    unpaid = buy(client, product, "tok_chargeCustomerFail")
    with pytest.raises(RefundRefused, match="not paid"):
        give_back(unpaid, "1.00")


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error_500", "error_500_stored", "html", "empty"])
def test_refund_whose_answer_was_lost_is_made_once(order: Order, simulator: Simulator, kind: str) -> None:
    simulator.add_fault(REFUNDS, kind)
    row = give_back(order, "10.00")
    assert row.status == Refund.Status.REQUESTED
    later(row)
    refunds.finish(row)
    refunds.finish(row)
    row.refresh_from_db()
    assert (row.status, returned(simulator)) == (Refund.Status.DONE, [1000])
    assert audit() == []


def test_refund_that_stripe_refuses_is_told_to_staff(order: Order, simulator: Simulator) -> None:
    at_stripe(simulator, order, 3695)
    row = give_back(order, "10.00")
    assert (row.status, order.amount_refunded) == (Refund.Status.FAILED, 0)
    assert "already been refunded" in order.attention
    assert order.mails.filter(kind="attention").exists()


def test_refund_made_in_the_dashboard_flows_back(order: Order, simulator: Simulator) -> None:
    at_stripe(simulator, order, 1000)
    payments.settle(order)
    payments.settle(order)
    assert (order.amount_refunded, order.status) == (Decimal("10.00"), Order.Status.PAID)
    assert Refund.objects.get().by == "Stripe"
    assert audit() == []


def test_whole_refund_made_in_the_dashboard_ends_the_order(order: Order, simulator: Simulator) -> None:
    at_stripe(simulator, order, 3695)
    payments.settle(order)
    assert order.status == Order.Status.REFUNDED


def test_pending_refund_is_done_when_stripe_says_so(client: Client, simulator: Simulator, product: Product) -> None:
    order = buy(client, product, "tok_pendingRefund")
    row = give_back(order, "20.95")
    assert (row.status, order.status) == (Refund.Status.PENDING, Order.Status.PAID)
    simulator.finish_refunds()
    payments.settle(order)
    assert order.status == Order.Status.REFUNDED
    assert audit() == []


def test_refund_that_fails_later_makes_the_order_paid_again(
    client: Client, simulator: Simulator, product: Product
) -> None:
    order = buy(client, product, "tok_refundFail")
    give_back(order, "20.95")
    assert order.status == Order.Status.REFUNDED
    simulator.finish_refunds()
    payments.settle(order)
    assert (order.status, order.amount_refunded) == (Order.Status.PAID, 0)
    assert order.attention
    assert audit() == []


def test_dispute_marks_the_order_once(client: Client, simulator: Simulator, product: Product) -> None:
    order = buy(client, product, "tok_createDispute")
    payments.settle(order)
    payments.settle(order)
    assert order.events.filter(kind=OrderEvent.Kind.DISPUTED).count() == 1
    assert "disputed" in order.attention
    assert order.status == Order.Status.PAID


def test_staff_give_money_back_on_the_orders_page(order: Order, simulator: Simulator, admin_client: Client) -> None:
    url = reverse("admin:orders_order_refund", args=[order.pk])
    assert url in admin_client.get(reverse("admin:orders_order_change", args=[order.pk])).text
    page = admin_client.get(url).context["form"]
    data = {"amount": page["amount"].value(), "already": page["already"].value(), "reason": "Broken"}
    answer = admin_client.post(url, data | {f"line_{order.items.get().pk}": 2})
    order.refresh_from_db()
    assert (answer.status_code, order.status, returned(simulator)) == (302, Order.Status.REFUNDED, [3695])
    assert Product.objects.get().stock == 10


@pytest.mark.parametrize("data", [{}, {"amount": "nan"}, {"amount": "1e9", "already": "0"}])
def test_staff_are_told_what_is_wrong(
    order: Order, simulator: Simulator, admin_client: Client, data: dict[str, str]
) -> None:
    answer = admin_client.post(reverse("admin:orders_order_refund", args=[order.pk]), data)
    assert answer.status_code == 200
    assert answer.context["form"].errors or "can still be refunded" in answer.text
    assert returned(simulator) == []


def test_staff_who_were_too_late_look_again_and_go_on(order: Order, simulator: Simulator, admin_client: Client) -> None:
    give_back(order, "10.00")
    url = reverse("admin:orders_order_refund", args=[order.pk])
    answer = admin_client.post(url, {"amount": "5.00", "already": "0"})
    assert "in the meantime" in answer.text
    already = answer.context["form"]["already"].value()
    assert admin_client.post(url, {"amount": "5.00", "already": already}).status_code == 302
    assert returned(simulator) == [1000, 500]


def test_refund_is_not_asked_for_anew_while_stripe_may_be_at_it(order: Order, simulator: Simulator) -> None:
    """A 504 says nothing of what Stripe goes on to do; a second asking under another key would be a second refund."""
    simulator.add_fault(REFUNDS, "error_500")
    row = give_back(order, "10.00")
    refunds.finish(row)
    assert len([path for method, path, _params, _key in simulator.requests if (method, path) == ("POST", REFUNDS)]) == 1
    later(row)
    refunds.finish(row)
    assert returned(simulator) == [1000]


def test_staff_who_may_not_see_orders_give_nothing_back(order: Order, client: Client) -> None:
    clerk = make_user("clerk@shop.example", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="refund_order"))
    client.force_login(clerk)
    assert client.get(reverse("admin:orders_order_refund", args=[order.pk])).status_code == 403


def test_refund_of_goods_that_nobody_counts_any_more_is_no_finding(order: Order, product: Product) -> None:
    product.count_stock(None, by="staff")
    give_back(order, "16.00", restock={order.items.get().pk: 1})
    assert audit() == []


def test_staff_without_the_permission_give_nothing_back(order: Order, client: Client) -> None:
    clerk = make_user("clerk@shop.example", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(clerk)
    assert client.get(reverse("admin:orders_order_refund", args=[order.pk])).status_code == 403
    assert ">Refund</a>" not in client.get(reverse("admin:orders_order_change", args=[order.pk])).text


def test_order_page_shows_the_refund(order: Order, client: Client) -> None:
    give_back(order, "10.00")
    page = client.get(order.get_absolute_url()).text
    assert "Refund of £10.00" in page
    assert "Refunded: £10.00" in page


def test_many_small_parts_make_a_whole_to_the_penny(client: Client, simulator: Simulator) -> None:
    """SQLite reckons in floating point, where 0.10 and 0.20 make a little more than 0.30."""
    order = buy(client, make_product(price=Decimal("0.35"), stock=10))
    parts = ["0.10", "0.20", "0.10", "0.70", "1.10", "2.20", "0.90"]
    for number, part in enumerate(parts):
        give_back(order, part, already=str(sum(map(Decimal, parts[:number]), Decimal(0))))
    assert (order.amount_refunded, order.status) == (order.total, Order.Status.REFUNDED)
    assert audit() == []
