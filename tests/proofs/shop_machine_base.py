"""The base class of the stateful proof: its shop, its state and the invariants that hold after every step."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import stripe
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from accounts.models import User
from billing.models import Card
from billing.stripe_calls import time_limits
from core.background.tasks import has_workers
from orders.bookkeeping import audit
from orders.bookkeeping.reconcile import compare_with_stripe, reconcile
from orders.models import Order, Payment
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import EMPTY_PICTURE_FORMSET, PASSWORD, make_discount, make_product, make_tax, make_user
from tests.proofs import totals
from tests.proofs.crashes import CrashSchedule, SimulatedCrash
from tests.proofs.incremental_audit import IncrementalAudit, delete_all_rows
from tests.proofs.recovery import age_timestamps
from tests.proofs.shown_page import ShownPage
from tests.workers import run_tasks


class ShopMachineBase(RuleBasedStateMachine):
    """A shop with two browsers, a staff user, three products and a simulated Stripe. The audit must stay empty."""

    runs = 0

    def __init__(self, simulator: Simulator, crash_schedule: CrashSchedule, watch: IncrementalAudit) -> None:
        super().__init__()
        self.simulator, self.crash_schedule, self.watch = simulator, crash_schedule, watch
        delete_all_rows()
        simulator.reset()
        crash_schedule.cancel()
        crash_schedule.crashed_at_email = False
        mail.outbox.clear()
        products = [{"stock": 3}, {"price": Decimal("5.50"), "stock": 1}, {"price": Decimal("0.40"), "stock": None}]
        self.products = [make_product(**fields) for fields in products]
        self.initial_stock = {product.pk: int(product.stock) for product in self.products if product.stock is not None}
        make_tax()
        make_discount("TWICE", uses_limit=2)
        make_user()
        self.browsers, self.staff = [Client(), Client()], Client()
        self.staff.force_login(User.objects.create_superuser("staff@example.org", PASSWORD))
        self.forms: dict[int, dict[str, str]] = {}
        self.pages: dict[int, ShownPage] = {}
        self.cards: dict[tuple[str, str], str] = {}
        self.agreed_totals: dict[str, Decimal] = {}
        self.shoppers: dict[str, Client] = {}
        self.may_differ, self.minutes = False, 0  # whether the Stripe ledger can differ; minutes since reconcile
        self.orders: list[Order] = []
        self.intents_requiring_action: list[str] = []
        self.has_pending_refund = False

    # --- invariants ---

    @invariant()
    def audit_is_empty(self) -> None:
        self.orders = list(Order.objects.placed().order_by("pk"))
        intents = self.simulator.objects("payment_intent")
        self.intents_requiring_action = [intent["id"] for intent in intents if intent["status"] == "requires_action"]
        refunds = self.simulator.objects("refund")
        self.has_pending_refund = any(self.simulator.store.notes(row["id"]).get("ends") for row in refunds)
        assert self.watch.findings() == []
        assert totals.charged_twice(self.simulator) == []
        if not self.may_differ:
            assert audit.stripe_ledger.compare() == []

    def teardown(self) -> None:
        """Check that after one reconcile no order is pending and all sums are correct."""
        type(self).runs += 1
        self.simulator.finish_refunds()
        self.recover(minutes=31)
        assert audit.audit() == []
        assert not Order.objects.filter(status__in=["placed", "canceling"]).exists()
        assert list(totals.wrong_charges(self.simulator, self.agreed_totals)) == []
        assert list(totals.wrong_stock(self.initial_stock)) == []
        assert list(totals.wrong_emails(self.crash_schedule.crashed_at_email)) == []
        self.recover(minutes=61)
        assert list(totals.wrong_cards(self.simulator)) == []

    # --- a step of every machine ---

    @precondition(lambda self: has_workers())
    @rule()
    def run_worker(self) -> None:
        with self.may_crash():
            run_tasks()

    # --- helpers ---

    @contextmanager
    def may_crash(self) -> Iterator[None]:
        """Suppress a simulated crash inside the context."""
        with suppress(SimulatedCrash):
            yield

    def submit_form(self, client: Client, path: str, **data: Any) -> Any:
        """Submit a form. Return None if it ended in a simulated crash."""
        with self.may_crash():
            return client.post(path, data)
        return None

    def card(self, client: Client, order: Order, token: str, is_ticked: bool) -> str:
        """Return the id of a card for this token that can pay the order, or an empty string if it cannot be stored.

        Enter the card first, with or without the tick to save it, if the order cannot use it yet.
        """
        key, usable = (order.order_id, token), Card.objects.usable(order.billing_profile, order.order_id)
        if not usable.filter(pk=self.cards.get(key) or 0).exists():
            url = reverse("orders:card", args=[order.order_id]) if order.placed_at else None
            url = url or reverse("billing:payment_processing")
            response = self.submit_form(client, url, token=token, save=str(int(is_ticked)))
            if response is None or response.status_code != 200:
                return ""
            self.cards[key] = str(response.json()["card"])
        return self.cards[key]

    def edit(self, number: int, is_switched: bool = False, **changes: Any) -> None:
        """Save the product's form in the admin as staff."""
        product = self.pick(self.products, number)
        before = Product.objects.get(pk=product.pk)
        data = {
            "sku": before.sku,
            "title": before.title,
            "price": before.price,
            "weight": 0,
            **EMPTY_PICTURE_FORMSET,
            **changes,
        }
        data |= {"active": "on"} if before.active is not is_switched else {}
        data |= {"is_unlimited": "on"} if before.stock is None else {}
        self.submit_form(self.staff, reverse("admin:products_product_change", args=[product.pk]), **data)
        after = Product.objects.get(pk=product.pk)
        if before.stock is not None and after.stock is not None:
            self.initial_stock[product.pk] += after.stock - before.stock

    def save_rule(self, row: Any, **changes: Any) -> None:
        """Save the admin form of a shipping method, a tax rate or a discount code as staff."""
        url = reverse(f"admin:carts_{row._meta.model_name}_change", args=[row.pk])
        with self.may_crash():
            form = self.staff.get(url).context["adminform"].form
            data = {name: value for name, value in form.initial.items() if value is not None and value is not False}
            assert self.staff.post(url, data | changes).status_code == 302

    def call_stripe(self, call: Any) -> None:
        """Call Stripe from outside the shop. Ignore all errors, because Stripe can reject the call, decline or fail."""
        self.may_differ = True
        client = stripe.StripeClient("sk_test_dashboard", base_addresses={"api": self.simulator.url})
        with suppress(Exception):
            call(client.v1)

    def pass_time(self, minutes: int) -> None:
        self.minutes += minutes
        age_timestamps(minutes)

    def recover(self, minutes: int) -> None:
        self.simulator.clear_faults()
        self.crash_schedule.cancel()
        self.pass_time(minutes)
        reconcile()
        _done, left = compare_with_stripe()
        assert left == []
        run_tasks()  # a worker sends the emails of orders that were paid in this reconcile
        self.watch.mark_healthy()
        self.may_differ, self.minutes = False, 0

    def with_status(self, *statuses: str) -> list[Order]:
        return [order for order in self.orders if order.status in statuses]

    def unconfirmed_payments(self) -> list[Payment]:
        """Return the payment attempts whose confirm call might not have reached Stripe yet."""
        if not self.with_status("placed", "canceling"):
            return []
        since = timezone.now() - timedelta(seconds=time_limits.MAX_CONFIRM_SECONDS)
        return list(Payment.objects.filter(status=Payment.Status.NEW, timestamp__gt=since).select_related("order"))

    def pick(self, rows: list[Any], number: int) -> Any:
        return rows[number % len(rows)]
