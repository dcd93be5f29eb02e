"""Tests for refunds: requested by staff, made in Stripe's dashboard, rejected, late, and requested twice."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import stripe
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orders.bookkeeping.audit import audit
from orders.models import Order, OrderEvent, Refund
from orders.refund_forms import RefundForm
from orders.workflow import payments, refunds
from orders.workflow.refunds import RefundRejected, RefundRequest
from products.models import Product
from stripe_simulator.server import Simulator
from tests.admin_forms import submit_refund
from tests.makers import buy, make_paid_order, make_product, make_user
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
REFUNDS = "/v1/refunds"


@pytest.fixture
def product() -> Product:
    return make_product(stock=10)


@pytest.fixture
def order(client: Client, simulator: Simulator, product: Product) -> Order:
    """Return a paid order of two mugs at 16.00 each and shipping of 4.95."""
    return buy(client, product, quantity=2)


def refund_order(order: Order, amount: str = "36.95", already: str = "0", **more: Any) -> Refund:
    row = refunds.refund(order, RefundRequest(Decimal(amount), Decimal(already), by="staff@shop.example", **more))
    order.refresh_from_db()
    return row


def age_request(row: Refund) -> None:
    """Change the refund as if it had been requested from Stripe three minutes ago."""
    Refund.objects.filter(pk=row.pk).update(asked_at=timezone.now() - timedelta(minutes=3))


def refunded(simulator: Simulator) -> list[int]:
    """Return the amounts that Stripe refunded, in minor units."""
    return [refund["amount"] for refund in simulator.objects("refund") if refund["status"] == "succeeded"]


def refund_in_dashboard(simulator: Simulator, order: Order, amount: int) -> None:
    """Refund an amount, in minor units, in Stripe's dashboard."""
    client = stripe.StripeClient("sk_test_dashboard", base_addresses={"api": simulator.url})
    client.v1.refunds.create({"payment_intent": str(order.payment_intent_id), "amount": amount})


def test_full_refund_changes_the_status_to_refunded(order: Order, simulator: Simulator) -> None:
    row = refund_order(order)
    assert (row.status, order.status, refunded(simulator)) == (Refund.Status.DONE, Order.Status.REFUNDED, [3695])
    assert audit() == []


def test_partial_refund_keeps_the_order_paid(order: Order, simulator: Simulator) -> None:
    refund_order(order, "10.00")
    assert (order.status, order.amount_refunded, refunded(simulator)) == (Order.Status.PAID, Decimal("10.00"), [1000])
    assert audit() == []


def test_partial_refunds_add_up_to_a_full_refund(order: Order, simulator: Simulator) -> None:
    refund_order(order, "10.00")
    refund_order(order, "26.95", already="10.00")
    assert (order.status, refunded(simulator)) == (Order.Status.REFUNDED, [1000, 2695])


def test_refund_without_restock_does_not_change_the_stock(order: Order, product: Product) -> None:
    refund_order(order)
    product.refresh_from_db()
    assert product.stock == 8


def test_refund_restocks_the_chosen_units(order: Order, product: Product) -> None:
    refund_order(order, "16.00", restock={order.items.get().pk: 1})
    product.refresh_from_db()
    assert product.stock == 9
    assert audit() == []


def test_refund_rejects_restocking_more_than_was_sold(order: Order, simulator: Simulator) -> None:
    line = order.items.get().pk
    refund_order(order, "16.00", restock={line: 1})
    with pytest.raises(RefundRejected):
        refund_order(order, "16.00", already="16.00", restock={line: 2})
    order.refresh_from_db()
    assert (order.amount_refunded, refunded(simulator)) == (Decimal("16.00"), [1600])


@pytest.mark.parametrize("amount", ["36.96", "0", "-1", "0.005"])
def test_refund_rejects_an_invalid_amount(order: Order, simulator: Simulator, amount: str) -> None:
    with pytest.raises(RefundRejected):
        refund_order(order, amount)
    assert refunded(simulator) == []


def test_refund_rejects_a_second_click_on_the_same_page(order: Order, simulator: Simulator) -> None:
    refund_order(order, "10.00")
    with pytest.raises(RefundRejected, match="in the meantime"):
        refund_order(order, "10.00")
    assert refunded(simulator) == [1000]


def test_refund_rejects_an_unpaid_order(client: Client, simulator: Simulator, product: Product) -> None:
    unpaid = buy(client, product, "tok_chargeCustomerFail")
    with pytest.raises(RefundRejected, match="not paid"):
        refund_order(unpaid, "1.00")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error_500", "error_500_stored", "html", "empty"])
def test_refund_with_a_lost_response_is_made_once(order: Order, simulator: Simulator, kind: str) -> None:
    simulator.add_fault(REFUNDS, kind)
    row = refund_order(order, "10.00")
    assert row.status == Refund.Status.REQUESTED
    age_request(row)
    refunds.finish_refund(row)
    refunds.finish_refund(row)
    row.refresh_from_db()
    assert (row.status, refunded(simulator)) == (Refund.Status.DONE, [1000])
    assert audit() == []


def test_refund_rejected_by_stripe_alerts_staff(order: Order, simulator: Simulator) -> None:
    refund_in_dashboard(simulator, order, 3695)
    row = refund_order(order, "10.00")
    assert (row.status, order.amount_refunded) == (Refund.Status.FAILED, 0)
    assert "already been refunded" in order.attention
    assert order.mails.filter(kind="attention").exists()


def test_dashboard_refund_is_stored(order: Order, simulator: Simulator) -> None:
    refund_in_dashboard(simulator, order, 1000)
    payments.settle(order)
    payments.settle(order)
    assert (order.amount_refunded, order.status) == (Decimal("10.00"), Order.Status.PAID)
    assert Refund.objects.get().by == "Stripe"
    assert audit() == []


def test_full_dashboard_refund_changes_the_status_to_refunded(order: Order, simulator: Simulator) -> None:
    refund_in_dashboard(simulator, order, 3695)
    payments.settle(order)
    assert order.status == Order.Status.REFUNDED


def test_pending_refund_is_done_when_stripe_finishes_it(client: Client, simulator: Simulator, product: Product) -> None:
    order = buy(client, product, "tok_pendingRefund")
    row = refund_order(order, "20.95")
    assert (row.status, order.status) == (Refund.Status.PENDING, Order.Status.PAID)
    simulator.finish_refunds()
    payments.settle(order)
    assert order.status == Order.Status.REFUNDED
    assert audit() == []


def test_refund_that_fails_later_restores_the_paid_status(
    client: Client, simulator: Simulator, product: Product
) -> None:
    order = buy(client, product, "tok_refundFail")
    refund_order(order, "20.95")
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


def test_staff_refund_an_order_in_the_admin(order: Order, simulator: Simulator, admin_client: Client) -> None:
    url = reverse("admin:orders_order_refund", args=[order.pk])
    assert url in admin_client.get(reverse("admin:orders_order_change", args=[order.pk])).text
    page = admin_client.get(url).context["form"]
    line = order.items.get().pk
    data = {"already": page["already"].value(), "reason": "Broken", "delivery": "4.95"}
    response = submit_refund(admin_client, url, data | {f"units_{line}": 2, f"unshipped_{line}": "on"})
    order.refresh_from_db()
    assert (response.status_code, order.status, refunded(simulator)) == (302, Order.Status.REFUNDED, [3695])
    assert Product.objects.get().stock == 10


@pytest.mark.parametrize("data", [{}, {"amount": "nan"}, {"amount": "1e9", "already": "0"}])
def test_invalid_refund_form_shows_errors(
    order: Order, simulator: Simulator, admin_client: Client, data: dict[str, str]
) -> None:
    response = admin_client.post(reverse("admin:orders_order_refund", args=[order.pk]), data)
    assert response.status_code == 200
    assert response.context["form"].errors or "can still be refunded" in response.text
    assert refunded(simulator) == []


def test_outdated_refund_form_can_be_submitted_again(order: Order, simulator: Simulator, admin_client: Client) -> None:
    refund_order(order, "10.00")
    url = reverse("admin:orders_order_refund", args=[order.pk])
    response = submit_refund(admin_client, url, {"amount": "5.00", "already": "0"})
    assert "in the meantime" in response.text
    already = response.context["form"]["already"].value()
    assert submit_refund(admin_client, url, {"amount": "5.00", "already": already}).status_code == 302
    assert refunded(simulator) == [1000, 500]


def test_refund_is_not_requested_again_while_stripe_could_be_processing_it(order: Order, simulator: Simulator) -> None:
    """Avoid a second refund: Stripe can still process a request after a 504, and a new key would start another one."""
    simulator.add_fault(REFUNDS, "error_500")
    row = refund_order(order, "10.00")
    refunds.finish_refund(row)
    assert len([path for method, path, _params, _key in simulator.requests if (method, path) == ("POST", REFUNDS)]) == 1
    age_request(row)
    refunds.finish_refund(row)
    assert refunded(simulator) == [1000]


def test_staff_without_the_view_permission_cannot_refund(order: Order, client: Client) -> None:
    clerk = make_user("clerk@shop.example", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="refund_order"))
    client.force_login(clerk)
    assert client.get(reverse("admin:orders_order_refund", args=[order.pk])).status_code == 403


def test_restock_of_untracked_stock_is_not_an_audit_finding(order: Order, product: Product) -> None:
    product.switch_stock_tracking(None, by="staff")
    refund_order(order, "16.00", restock={order.items.get().pk: 1})
    assert audit() == []


def test_staff_without_the_permission_cannot_refund(order: Order, client: Client) -> None:
    clerk = make_user("clerk@shop.example", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(clerk)
    assert client.get(reverse("admin:orders_order_refund", args=[order.pk])).status_code == 403
    assert ">Refund</a>" not in client.get(reverse("admin:orders_order_change", args=[order.pk])).text


def test_order_page_shows_the_refund(order: Order, client: Client) -> None:
    refund_order(order, "10.00")
    page = client.get(order.get_absolute_url()).text
    assert "Refund of £10.00" in page
    assert "Refunded: £10.00" in page


@pytest.mark.slow
def test_many_small_refunds_add_up_exactly(client: Client, simulator: Simulator) -> None:
    """Check that SQLite's floating point arithmetic, where 0.10 + 0.20 exceeds 0.30, does not matter."""
    order = buy(client, make_product(price=Decimal("0.35"), stock=10))
    parts = ["0.10", "0.20", "0.10", "0.70", "1.10", "2.20", "0.90"]
    for number, part in enumerate(parts):
        refund_order(order, part, already=str(sum(map(Decimal, parts[:number]), Decimal(0))))
    assert (order.amount_refunded, order.status) == (order.total, Order.Status.REFUNDED)
    assert audit() == []


def test_refund_form_and_request_need_as_many_queries_for_ten_lines_as_for_one() -> None:
    counts = []
    for lines in (1, 10):
        order = make_paid_order()
        for _ in range(lines - 1):
            product = make_product()
            order.items.create(product=product, sku=product.sku, title=product.title, unit_price=1, quantity=1, total=1)
        restock = dict.fromkeys(order.items.values_list("pk", flat=True), 1)
        with count_queries() as form_queries:
            RefundForm(order=order)
        with count_queries() as request_queries:
            refunds.request_refund(order, RefundRequest(Decimal(1), Decimal(0), by="staff", restock=restock))
        counts.append((len(form_queries), len(request_queries)))
    assert counts[0] == counts[1]
