"""Tests of the proofs themselves: planted damage is found, the table shows it, and a missing database is reported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orders.models import Mail, Order, OrderEvent, Payment
from orders.workflow.placing import place
from products.models import Product
from stripe_simulator.server import Simulator
from tests import postgres_server
from tests.makers import add_to_cart, buy, make_product, shown_facts, submit_details
from tests.proofs import consistency, postgres, results_table
from tests.proofs.proof_report import ProofReport
from tests.proofs.shown_page import ShownPage

PROOF = "Planted damage"


def charge_again(simulator: Simulator) -> None:
    [charge] = simulator.objects("charge")
    simulator.store.save({**charge, "id": "ch_again"})


def charge_without_order(simulator: Simulator) -> None:
    [charge] = simulator.objects("charge")
    simulator.store.save({**charge, "id": "ch_nobody", "metadata": {"order_uuid": "nobody"}})


DAMAGE: dict[str, tuple[str, Callable[[Simulator], object]]] = {
    "charged twice": ("double_charges", charge_again),
    "charged without an order": ("lost_orders", charge_without_order),
    "charged, but not paid here": ("lost_orders", lambda _s: Order.objects.update(status="placed")),
    "another amount": ("unexplained", lambda _s: Order.objects.update(total=1)),
    "more sold than there was": (
        "oversold",
        lambda _s: Product.objects.get().movements.filter(amount=10).update(amount=0),
    ),
    "stock off by one": ("unexplained", lambda _s: Product.objects.update(stock=3)),
    "canceled, stock not released": ("unexplained", lambda _s: Order.objects.update(status="canceled")),
    "never confirmed": ("lost_orders", lambda _s: Mail.objects.all().delete()),
    "confirmation not sent": ("unexplained", lambda _s: Mail.objects.update(sent=None)),
    "paid twice in the history": ("unexplained", lambda _s: Order.objects.get().record(OrderEvent.Kind.PAID)),
    "payment still pending": ("unexplained", lambda _s: Payment.objects.update(status="new")),
}


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("name", DAMAGE)
def test_planted_damage_is_found(client: Client, simulator: Simulator, report: ProofReport, name: str) -> None:
    figure, plant = DAMAGE[name]
    buy(client, make_product())
    assert list(consistency.all_problems(simulator)) == []
    plant(simulator)
    report.count_try()
    report.record_control(name, figure in dict(consistency.independent_problems(simulator)))


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("email", "bob@example.org"), ("total", 1), ("shipping_address_text", "Bob\n99 Other Road"),
        ("billing_address_text", "Bob\n99 Other Road"), ("items", {"title": "Blue mug"}), ("items", {"quantity": 2}),
    ],
)  # fmt: skip
def test_order_that_differs_from_the_shown_page_is_found(client: Client, column: str, value: Any) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    response, order = client.get(reverse("carts:checkout")), Order.objects.get()
    page = ShownPage(response.text, response.context["quote"].total)
    place(order, shown_facts(order))
    assert page.differences(order) == []
    if column == "items":
        order.items.update(**value)
    else:
        Order.objects.update(**{column: value})
    assert page.differences(Order.objects.get())


def test_table_is_clean_only_without_problems_and_with_all_controls_caught(tmp_path: Path) -> None:
    results = tmp_path / "SQLite.jsonl"
    for figure, text, is_caught in ((None, "", True), (None, "", False), ("oversold", "2 of 1", True)):
        report = ProofReport("Race")
        report.count_try(times=5)
        report.record_control("guard", is_caught)
        if figure:
            report.expect(False, figure, text)
        results.unlink(missing_ok=True)
        report.write(str(results))
        assert (
            results_table.is_clean(results_table.read(tmp_path))
            == (is_caught and not figure)
            == (not report.problems())
        )


def test_table_sums_each_proof_per_database(tmp_path: Path) -> None:
    for database in ("SQLite", "SQLite", "PostgreSQL"):
        report = ProofReport("Race")
        report.count_try(times=600)
        report.write(str(tmp_path / f"{database}.jsonl"))
    rows = [row.split("|")[1:4] for row in results_table.render_table(results_table.read(tmp_path)).splitlines()[2:]]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["Race", "PostgreSQL", "600"],
        ["Race", "SQLite", "1,200"],
    ]


def test_empty_table_is_not_clean(tmp_path: Path) -> None:
    assert not results_table.is_clean(results_table.read(tmp_path))


def test_configured_database_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVE_DATABASE_URL", "postgres://named")
    with postgres.database_url() as url:
        assert url == "postgres://named"


def test_missing_postgres_yields_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROVE_DATABASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///shop.sqlite3")
    monkeypatch.setattr(postgres_server, "find_programs", lambda: None)
    with postgres.database_url() as url:
        assert url is None
