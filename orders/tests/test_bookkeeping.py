"""Tests for limits of bookkeeping: what is too recent, too long, too many, damaged or broken."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing import answers, gateway
from billing.models import StripeEvent
from orders.bookkeeping import reconcile
from orders.bookkeeping.audits.findings import AuditFinding, order_finding, without_busy_orders
from orders.bookkeeping.checksum import checksum_of, is_intact
from orders.bookkeeping.discount_usage import recount
from orders.models import Mail, Order, OrderEvent
from orders.workflow import alerts, payments
from tests.makers import make_discount, make_paid_order

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("seconds", "is_reported"), [(30, False), (110, False), (130, True), (3600, True)])
def test_finding_about_an_order_is_reported_two_minutes_after_its_last_event(seconds: int, is_reported: bool) -> None:
    order, now = make_paid_order(), timezone.now()
    order.record(OrderEvent.Kind.PLACED)
    order.events.update(at=now - timedelta(seconds=seconds))
    finding = order_finding(order, "I5", "differs")
    assert without_busy_orders([finding], now) == ([finding] if is_reported else [])


def test_only_the_findings_about_a_busy_order_are_left_out() -> None:
    busy, quiet = make_paid_order(), make_paid_order()
    busy.record(OrderEvent.Kind.PLACED)
    quiet.record(OrderEvent.Kind.ALERTED)
    general = AuditFinding("I9", "product 1", "differs")
    findings = [order_finding(busy, "I5", "differs"), general, order_finding(quiet, "I5", "differs")]
    assert without_busy_orders(findings, timezone.now()) == findings[1:]


@pytest.mark.parametrize(
    "checksum", ["", ":", "v", "v:", "v:0", "vx:0", "x1:0", "v1", "v2", "v99:0", "v²:0", "12", "2:0"]
)
def test_order_with_a_malformed_checksum_is_not_intact(checksum: str) -> None:
    order = make_paid_order()
    order.checksum = checksum_of(order)
    assert is_intact(order)
    order.checksum = checksum
    assert not is_intact(order)


def make_findings(count: int) -> list[AuditFinding]:
    return [order_finding(make_paid_order(), "I5", "differs") for _number in range(count)]


def marked_orders() -> int:
    return Order.objects.exclude(attention="").count()


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(("count", "alerted"), [(1, 1), (2, 2), (3, 1), (4, 1)])
def test_more_findings_than_allowed_raise_one_alert(monkeypatch: pytest.MonkeyPatch, count: int, alerted: int) -> None:
    monkeypatch.setattr(reconcile, "MAX_ALERTS", 2)
    findings = make_findings(count)
    monkeypatch.setattr(reconcile, "audit", lambda stripe_since: findings)
    monkeypatch.setattr(reconcile, "without_busy_orders", lambda findings, began: findings)
    done, _left = reconcile.compare_with_stripe()
    assert (done["alerts raised"], marked_orders()) == (alerted, alerted)


@pytest.mark.usefixtures("simulator")
def test_comparison_starts_three_days_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[Any] = []
    monkeypatch.setattr(gateway, "list_intents", lambda since: starts.append(since) or [])
    reconcile.compare_with_stripe()
    ages = [timezone.now() - start for start in starts]
    assert ages
    assert all(timedelta(days=3) <= age < timedelta(days=3, hours=1) or age >= timedelta(days=4) for age in ages)


def test_broken_row_does_not_stop_the_others_and_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    for name in ("broken", "lost", "one", "two"):
        StripeEvent.objects.create(stripe_id=f"evt_{name}", type="charge.updated", object_id=name)
    StripeEvent.objects.update(received=long_ago)

    def settle(sender: Any, intent_id: str, **_: Any) -> None:
        if intent_id == "broken":
            raise ValueError
        if intent_id == "lost":
            raise answers.OutcomeUnknown

    monkeypatch.setattr(payments, "settle_on_event", settle)
    assert reconcile.reconcile()["events processed"] == 2
    assert set(StripeEvent.objects.filter(processed=None).values_list("object_id", flat=True)) == {"broken", "lost"}
    assert reconcile.reconcile()["events processed"] == 0


@pytest.mark.parametrize("length", [249, 250, 251, 400])
def test_long_alert_is_cut_to_its_column(length: int) -> None:
    order = make_paid_order()
    assert alerts.alert_staff(order, "x" * length)
    assert not alerts.alert_staff(order, "x" * length)
    order.refresh_from_db()
    assert order.attention == order.events.get().text == "x" * min(length, 250)


def test_alert_without_parameters_can_contain_a_percent_sign() -> None:
    order = make_paid_order()
    alerts.alert_staff(order, "100 % of it")
    alerts.alert_staff(order, "%(count)d of it", count=5)
    assert [event.text for event in order.events.order_by("pk")] == ["100 % of it", "5 of it"]
    assert order.mails.filter(kind=Mail.Kind.ATTENTION).count() == 2


def test_alert_is_acknowledged_once() -> None:
    order = make_paid_order()
    assert not alerts.acknowledge(order, by="staff")
    alerts.alert_staff(order, "differs")
    assert alerts.acknowledge(order, by="staff")
    assert not alerts.acknowledge(order, by="staff")
    assert order.events.filter(kind=OrderEvent.Kind.ACKNOWLEDGED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_uses_of_a_code_are_recounted_in_one_transaction() -> None:
    discount = make_discount()
    make_paid_order(discount=discount)
    statements: list[tuple[str, bool]] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append((sql.split()[0], connection.in_atomic_block))
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        recount(discount)
    discount.refresh_from_db()
    assert discount.uses == 1
    assert [entry for entry in statements if entry[0] != "BEGIN"] == [
        ("SELECT", True),
        ("SELECT", True),
        ("UPDATE", True),
    ]
