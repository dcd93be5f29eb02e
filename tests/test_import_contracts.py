"""Tests for the import contracts of .importlinter, with planted imports. `make lint` checks the real imports."""

from configparser import ConfigParser
from typing import Any

import pytest
from django.conf import settings
from grimp import ImportGraph

from tests.import_contracts import AcyclicFilesContract, DomainContract

CONFIG = ConfigParser()
CONFIG.read(settings.BASE_DIR / ".importlinter")


def graph_of(*imports: tuple[str, str]) -> ImportGraph:
    graph = ImportGraph()
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported)
    return graph


def problems(*imports: tuple[str, str]) -> list[str]:
    """Judge these imports by the project's own layers and pages."""
    section = CONFIG["importlinter:contract:domain"]
    options: dict[str, Any] = {name: section[name].split("\n")[1:] for name in ("layers", "pages", "ignored")}
    contract = DomainContract(name="domain", session_options={}, contract_options=options)
    return list((contract.check(graph_of(*imports), verbose=False).metadata or {})["problems"])


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("products.models.product", "carts.models.cart"),
        ("products.models.product", "accounts.models"),
        ("accounts.models", "billing.models.profile"),
        ("accounts.emails", "orders.workflow.claims"),
        ("billing.signals", "addresses.models"),
        ("billing.gateway", "orders.models.order"),
        ("addresses.labels", "orders.models.order"),
        ("carts.pricing.quotes", "orders.models.order"),
        ("carts.a_new_module", "orders.models.order"),
        ("core.money", "products.models.product"),
        ("core.a_new_module", "products.models.product"),
        ("carts.models.cart", "carts.views.cart"),
        ("orders.workflow.payments", "orders.views.order"),
        ("orders.a_new_package.a_new_module", "carts.views.details"),
        ("orders.models.order", "orders.admin.order"),
        ("orders.workflow.placing", "ecommerce.settings"),
        ("orders.refund_forms", "orders.urls"),
        ("carts.signals", "carts.apps"),
        ("orders.bookkeeping.reconcile", "orders.management.commands.reconcile"),
        ("orders.models.order", "tests.makers"),
        ("orders.models.order", "orders.tests.test_placing"),
    ],
)
def test_wrong_import_is_found(importer: str, imported: str) -> None:
    assert len(problems((importer, imported))) == 1


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("orders.models.order", "carts.models.cart"),
        ("orders.models.order", "core.models"),
        ("orders.models.order", "orders.models.payment"),
        ("carts.models.cart", "accounts.models"),
        ("products.views", "carts.models.cart"),
        ("accounts.views.profile", "orders.workflow.claims"),
        ("carts.views.checkout_steps", "orders.views.payment"),
        ("orders.admin.order", "core.admin"),
        ("carts.tests.test_models", "orders.models.order"),
        ("carts.models.cart", "django.db"),
    ],
)
def test_right_import_is_accepted(importer: str, imported: str) -> None:
    assert problems((importer, imported)) == []


def test_import_cycle_is_found() -> None:
    contract = AcyclicFilesContract(name="cycles", session_options={}, contract_options={})
    cycle = graph_of(
        ("orders.a", "orders.b"), ("orders.b", "orders.c"), ("orders.c", "orders.a"), ("orders.d", "orders.a")
    )
    [found] = (contract.check(cycle, verbose=False).metadata or {})["cycles"]
    assert found.split(" -> ")[0] == found.split(" -> ")[-1] == "orders.a"
    assert contract.check(graph_of(("orders.a", "orders.b"), ("orders.c", "orders.b")), verbose=False).kept
