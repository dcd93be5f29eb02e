"""Proof that a placed order is what the pressed page showed, even if another tab or staff changed something since."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addresses.models import Address
from billing.models import BillingProfile
from carts.models.rates import ShippingMethod
from carts.pricing.agreement import Agreement
from carts.pricing.rules import PricingRules
from orders.bookkeeping import audit
from orders.models import Order
from orders.workflow.placing import OrderRejected, place
from products.models import Product
from tests.makers import ADDRESS, make_open_order, shown_facts
from tests.proofs.incremental_audit import delete_all_rows
from tests.proofs.proof_report import ProofReport, scaled

PROOF = "Orders: what the pressed page showed"
pytestmark = pytest.mark.slow
STREETS = ["1 High Street", "99 Other Road"]
VALUES: dict[str, list[str]] = {
    "email": ["guest@example.org", "bob@example.org"],
    "shipping": STREETS,
    "billing": STREETS,
    "edited": STREETS,
    "title": ["Mug", "Blue mug"],
    "price": ["16.00", "16.01"],
    "delivery": ["Standard delivery", "Bicycle"],
    "phone": ["", "020 7946 0958"],
    "buyer_note": ["", "Ring twice"],
    "gift_message": ["", "Happy birthday"],
}
STEPS = [(name, value) for name, values in VALUES.items() for value in values]


def use_new_address(order: Order, street: str, kind: str) -> None:
    order.use_address(order.billing_profile.addresses.create(**ADDRESS | {"line_1": street}), kind)


CHANGES: dict[str, Callable[[Order, str], Any]] = {
    "email": lambda order, email: BillingProfile.objects.update(email=email),
    "shipping": lambda order, street: use_new_address(order, street, "shipping"),
    "billing": lambda order, street: use_new_address(order, street, "billing"),
    "edited": lambda order, street: Address.objects.update(line_1=street),
    "title": lambda order, title: Product.objects.update(title=title),
    "price": lambda order, price: Product.objects.update(price=price),
    "delivery": lambda order, title: ShippingMethod.objects.update(title=title),
    "phone": lambda order, text: Order.objects.filter(pk=order.pk).update(phone=text),
    "buyer_note": lambda order, text: Order.objects.filter(pk=order.pk).update(buyer_note=text),
    "gift_message": lambda order, text: Order.objects.filter(pk=order.pk).update(gift_message=text),
}


@pytest.fixture
def empty_database(transactional_db: None) -> Iterator[None]:
    yield
    delete_all_rows()


def visible(order: Order) -> list[Any]:
    """Return what the payment step of an open order shows, without using the signed facts."""
    order = Order.objects.get(pk=order.pk)
    lines = [(row.product.title, row.product.price, row.quantity) for row in order.cart.lines()]  # type: ignore[union-attr]
    addresses = [str(order.shipping_address), str(order.billing_address)]
    email, delivery = order.billing_profile.email, ShippingMethod.objects.get().title
    return [*addresses, email, lines, delivery, order.phone, order.buyer_note, order.gift_message]


def frozen(order: Order) -> list[Any]:
    """Return the same of a placed order."""
    lines = [(row.title, row.unit_price, row.quantity) for row in order.items.all()]
    addresses = [text.replace("\n", ", ") for text in (order.shipping_address_text, order.billing_address_text)]
    optional = [order.phone, order.buyer_note, order.gift_message]
    return [*addresses, order.email, lines, order.shipping_title, *optional]


def is_placed_in(language: str, order: Order, facts: dict[str, Any]) -> bool:
    """Press Place order on a page with these facts, while the visitor's language is another one."""
    with translation.override(language):
        try:
            return place(order, facts)
        except OrderRejected:
            return False


def check(report: ProofReport, steps: list[tuple[str, str]], language: str) -> None:
    """Show an order, change details, perhaps back again, and place the order as shown."""
    delete_all_rows()
    report.count_try()
    order = make_open_order()
    use_new_address(order, STREETS[0], "shipping")
    Product.objects.update(title="Mug")
    facts, page = shown_facts(order, PricingRules.from_database()), visible(order)
    for name, value in steps:
        CHANGES[name](order, value)
    is_same = visible(order) == page
    is_placed = is_placed_in(language, order, facts)
    state = "the same" if is_same else "outdated"
    report.expect(is_placed == is_same, "unexplained", f"{steps}: the page was {state}, placed: {is_placed}")
    if is_placed:
        report.expect(frozen(order) == page, "unexplained", f"{frozen(order)} was placed, the page showed {page}")
    assert audit.audit(with_stripe=False) == []


def run(report: ProofReport) -> None:
    """Check any steps in any language."""
    options: Any = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
    options |= {"max_examples": scaled(15, 60, 1_500), "derandomize": scaled(quick=True, small=False, full=False)}
    steps, languages = st.lists(st.sampled_from(STEPS), max_size=3), st.sampled_from(["de", "en-gb"])
    settings(**options)(
        given(steps=steps, language=languages)(lambda steps, language: check(report, steps, language))
    )()


def test_placed_order_is_what_the_page_showed(report: ProofReport, empty_database: None) -> None:
    for step in STEPS:
        check(report, [step], "de")
    run(report)


@pytest.mark.proof
def test_control_place_without_comparing_is_found(
    report: ProofReport, empty_database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Agreement, "differences", lambda agreement, shown: [])
    control = ProofReport(PROOF)
    check(control, [("email", "bob@example.org")], "en-gb")
    report.record_control("place without comparing the details", caught=bool(control.problems()))
