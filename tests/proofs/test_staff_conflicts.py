"""Proofs that members of staff who save the same rows at the same moment lose nothing that the admin accepted.

Controls run the same rounds without a guard, to show that they would find a loss.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from carts.models.rates import ShippingMethod
from core.admin import edit_admin, row_formsets
from core.admin.shown_values import ShownValueField
from products.models import Product
from tests.admin_forms import OpenForm, field_errors, open_form
from tests.makers import make_discount, make_product, make_tax, make_user
from tests.proofs.proof_report import ProofReport, scaled
from tests.test_admin_conflicts import change_url, list_url

PROOF = "Two members of staff save the same page"
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.proof]
ROUNDS = scaled(quick=4, small=40, full=200)
MOST = 30  # maximum number of rounds until a control is caught
TOLD = "While this page was open,"


@dataclass(frozen=True)
class Page:
    """A page with a field that both change in every second round, and another one for the rounds in between."""

    make: Callable[[], Any]
    field: str
    column: str
    other: str
    other_column: str


def make_list() -> Any:
    rows = [make_product(title=title) for title in "ABC"]
    return rows[0], list_url(Product) + "?o=2", rows[1]


def make_form(row: Any) -> Any:
    return row, change_url(row), row


PAGES = {
    "product list": Page(make_list, "form-0-price", "price", "form-1-price", "price"),
    "product form": Page(lambda: make_form(make_product()), "price", "price", "weight", "weight"),
    "discount form": Page(lambda: make_form(make_discount(kind="amount")), "value", "value", "minimum", "minimum"),
    "shipping form": Page(
        lambda: make_form(ShippingMethod.objects.create(title="Van", price=1)), "price", "price", "position", "position"
    ),
    "tax form": Page(lambda: make_form(make_tax()), "percent", "percent", "title", "title"),
}
EACH_PAGE = pytest.mark.parametrize("name", PAGES)


@pytest.fixture
def staff() -> list[Client]:
    """Return the clients of two members of staff."""
    clients = [Client(raise_request_exception=False), Client(raise_request_exception=False)]
    for client, name in zip(clients, ("anna", "ben"), strict=True):
        client.force_login(make_user(f"{name}@example.org", is_staff=True, is_superuser=True))
    return clients


def submit_together(forms: list[OpenForm], changes: list[dict[str, str]]) -> list[Any]:
    """Submit both forms at the same moment, each in its own thread and database connection."""
    barrier = Barrier(len(forms))

    def submit(form: OpenForm, change: dict[str, str]) -> Any:
        try:
            barrier.wait(60)
            return form.submit(**change)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(forms)) as threads:
        return list(threads.map(submit, forms, changes))


def rounds(page: Page, staff: list[Client]) -> Iterator[tuple[list[Any], list[str]]]:
    """In each round, let both open the page and save it together. Yield their responses, and the lost values."""
    row, url, other_row = page.make()
    for number in range(10**6):
        forms = [open_form(client, url) for client in staff]
        first, second = f"{number % 80}.11", f"{number % 80}.22"
        changes = [{page.field: first}, {page.field: second}]
        if number % 2:
            second = str(number)
            changes[1] = {page.other: second}
        responses = submit_together(forms, changes)
        row.refresh_from_db()
        other_row.refresh_from_db()
        stored = {str(getattr(row, page.column)).rstrip("0"), str(getattr(other_row, page.other_column))}
        stored.add(str(getattr(other_row, page.other_column)).removesuffix(".00"))
        accepted = [
            value
            for value, response in zip((first, second), responses, strict=True)
            if response.status_code == HTTPStatus.FOUND
        ]
        yield responses, [value for value in accepted if value not in stored]


@EACH_PAGE
def test_saves_at_the_same_moment_lose_nothing(name: str, staff: list[Client], report: ProofReport) -> None:
    for number, (responses, lost) in enumerate(islice(rounds(PAGES[name], staff), ROUNDS)):
        report.count_try(*responses)
        report.expect(not lost, "unexplained", f"{name}: saved and lost: {lost}")
        told = [response for response in responses if response.status_code == HTTPStatus.OK]
        report.expect(len(told) == (number + 1) % 2, "unexplained", f"{name}: {len(told)} of two were told")
        report.expect(all(TOLD in field_errors(page) for page in told), "unexplained", f"{name}: told nothing")


@EACH_PAGE
def test_control_shown_values_not_compared(
    name: str, staff: list[Client], report: ProofReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShownValueField, "is_outdated", False)
    report.record_control("values not compared", any(lost for _pages, lost in islice(rounds(PAGES[name], staff), MOST)))


@EACH_PAGE
@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer at a time, so it needs no locks of rows."
)
def test_control_rows_not_locked(
    name: str, staff: list[Client], report: ProofReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (edit_admin, row_formsets):
        monkeypatch.setattr(module, "lock_rows", lambda rows: None)
    report.record_control("rows not locked", any(lost for _pages, lost in islice(rounds(PAGES[name], staff), MOST)))
