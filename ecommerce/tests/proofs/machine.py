"""The shop as a state machine: two browsers, staff, Stripe's dashboard, time, lost answers and deaths, in any order."""

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
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from accounts.models import User
from addresses.models import Address
from billing import gateway
from billing.simulator.server import Simulator
from ecommerce.tests.makers import PASSWORD, add_to_cart, give_details, make_product, make_user
from ecommerce.tests.proofs import acts, sums
from ecommerce.tests.proofs.recoveries import age
from ecommerce.tests.proofs.troubles import BOUNDARIES, Death, Doom
from ecommerce.tests.proofs.watch import Watch, wipe
from orders import audit
from orders.models import Order, Payment
from orders.reconcile import compare_books, reconcile
from products.models import Product

WHO = st.integers(0, 1)  # which browser
ANY = st.integers(0, 5)  # which of those there are, counted round
FEW = st.integers(1, 3)
TOKENS = st.sampled_from(
    "tok_visa tok_visa tok_threeDSecure2Required tok_chargeCustomerFail tok_threeDSecureRequiredChargeDeclined "
    "tok_createDispute tok_pendingRefund tok_refundFail tok_chargeDeclined".split()
)
CALLS = {
    "customer": ("POST", "/v1/customers"), "card": ("POST", "/v1/customers/*/sources"),
    "intent": ("POST", "/v1/payment_intents"), "confirm": ("POST", "/v1/payment_intents/*/confirm"),
    "look": ("GET", "/v1/payment_intents/*"), "cancel": ("POST", "/v1/payment_intents/*/cancel"),
    "refund": ("POST", "/v1/refunds"), "refunds": ("GET", "/v1/refunds"), "books": ("GET", "/v1/payment_intents"),
}  # fmt: skip
FAULTS = "drop_before drop_after rate_limit error_500 error_500_stored html empty other_json key_in_use".split()
LATE = 50  # minutes that reconcile may be away before the audit rightly complains


class Shop(RuleBasedStateMachine):
    """What may happen to a shop; after every step its audit is empty."""

    steps = runs = 0

    def __init__(self, simulator: Simulator, doom: Doom, watch: Watch) -> None:
        super().__init__()
        self.simulator, self.doom, self.watch = simulator, doom, watch
        wipe()
        simulator.reset()
        doom.lift()
        doom.died_at_mail = False
        mail.outbox.clear()
        goods = [{"stock": 3}, {"price": Decimal("5.50"), "stock": 1}, {"price": Decimal("0.40"), "stock": None}]
        self.products = [make_product(**fields) for fields in goods]
        self.had = {product.pk: int(product.stock) for product in self.products if product.stock is not None}
        make_user()
        self.browsers, self.staff = [Client(), Client()], Client()
        self.staff.force_login(User.objects.create_superuser("staff@example.org", PASSWORD))
        self.forms: dict[int, dict[str, str]] = {}
        self.cards: dict[tuple[int, str], str] = {}
        self.agreed: dict[str, Decimal] = {}
        self.placers: dict[str, Client] = {}
        self.is_doubtful, self.minutes = False, 0  # may the books differ; how long reconcile is away
        self.orders: list[Order] = []
        self.asking: list[str] = []
        self.is_refund_to_end = False
        watch.forget()

    # --- shoppers ---

    @rule(who=WHO, product=ANY, quantity=FEW)
    def add(self, who: int, product: int, quantity: int) -> None:
        with self.mortal():
            add_to_cart(self.browsers[who], self.one(self.products, product), quantity)

    @rule(who=WHO, product=ANY, quantity=st.integers(0, 4))
    def set_quantity(self, who: int, product: int, quantity: int) -> None:
        with self.mortal():
            add_to_cart(self.browsers[who], self.one(self.products, product), quantity, action="set")

    @rule(who=WHO, product=ANY)
    def remove(self, who: int, product: int) -> None:
        with self.mortal():
            add_to_cart(self.browsers[who], self.one(self.products, product), action="remove")

    @rule(who=WHO)
    def sign_in(self, who: int) -> None:
        self.press(self.browsers[who], reverse("accounts:login"), email="alice@example.org", password=PASSWORD)

    @rule(who=WHO)
    def sign_out(self, who: int) -> None:
        self.press(self.browsers[who], reverse("accounts:logout"))

    @rule(who=WHO, name=st.sampled_from(["gia", "gus"]))
    def give_details(self, who: int, name: str) -> None:
        with self.mortal():
            give_details(self.browsers[who], f"{name}@example.org", line_1=f"{len(name)} High Street")

    @rule(who=WHO)
    def look_at_checkout(self, who: int) -> None:
        """The page stays open, however much changes before somebody presses Place order there."""
        with self.mortal():
            page = self.browsers[who].get(reverse("carts:checkout"))
            if page.context and page.context.get("step") == "pay":
                order, today = page.context["order"], page.context["quote"]
                self.forms[who] = {"order": order.order_id, "quote": today.signed(), "total": str(today.total)}

    @precondition(lambda self: self.forms)
    @rule(who=WHO, token=TOKENS)
    def place(self, who: int, token: str) -> None:
        """Press Place order, perhaps on a page opened long ago."""
        if who not in self.forms:
            return
        form = dict(self.forms[who])
        order, total = Order.objects.get(order_id=form["order"]), Decimal(form.pop("total"))
        card = self.card(self.browsers[who], order, token)
        self.press(self.browsers[who], reverse("carts:checkout"), **form, action="place", card=card)
        order.refresh_from_db()
        if order.placed_at:
            self.agreed.setdefault(order.order_id, total)
            self.placers.setdefault(order.order_id, self.browsers[who])

    @rule(who=WHO, product=ANY, quantity=FEW, token=TOKENS)
    def buy(self, who: int, product: int, quantity: int, token: str) -> None:
        """The whole way in one go."""
        self.forms.pop(who, None)
        self.add(who, product, quantity)
        self.look_at_checkout(who)
        if who not in self.forms:
            self.give_details(who, "gia")
            self.look_at_checkout(who)
        self.place(who, token)

    @precondition(lambda self: self.of_status("placed"))
    @rule(number=ANY, token=TOKENS)
    def pay_again(self, number: int, token: str) -> None:
        order = self.one(self.of_status("placed"), number)
        shopper = self.placers[order.order_id]
        card = self.card(shopper, order, token)
        self.press(shopper, reverse("orders:pay", args=[order.order_id]), card=card)

    @precondition(lambda self: self.orders)
    @rule(number=ANY)
    def look_at_order(self, number: int) -> None:
        order = self.one(self.orders, number)
        with self.mortal():
            self.placers[order.order_id].get(reverse("orders:status", args=[order.order_id]))

    @precondition(lambda self: self.of_status("placed"))
    @rule(number=ANY)
    def cancel(self, number: int) -> None:
        order = self.one(self.of_status("placed"), number)
        self.press(self.placers[order.order_id], reverse("orders:cancel", args=[order.order_id]))

    # --- staff ---

    @rule(number=ANY, price=st.sampled_from(["16.00", "0.01", "80.00", "5.55"]), change=st.integers(-2, 3))
    def edit_product(self, number: int, price: str, change: int) -> None:
        self.edit(number, price=price, stock_change=change)

    @rule(number=ANY)
    def switch_product(self, number: int) -> None:
        self.edit(number, is_switched=True)

    @rule(street=st.sampled_from(["2 Low Street", "3 Side Street"]))
    def edit_address_book(self, street: str) -> None:
        Address.objects.update(line_1=street)

    @precondition(lambda self: self.of_status("placed", "canceling"))
    @rule()
    def cancel_as_staff(self) -> None:
        numbers = [order.pk for order in self.of_status("placed", "canceling")]
        url = reverse("admin:orders_order_changelist")
        self.press(self.staff, url, action="cancel_unpaid", _selected_action=numbers)

    @precondition(lambda self: self.of_status("paid"))
    @rule(number=ANY, part=st.sampled_from([1, 2, 50]), units=st.integers(0, 2))
    def refund(self, number: int, part: int, units: int) -> None:
        """In whole or part, with so many units of each line back on the shelf."""
        order = self.one(self.of_status("paid"), number)
        amount = max(((order.total - order.amount_refunded) / part).quantize(Decimal("0.01")), Decimal("0.01"))
        back = {f"line_{item.pk}": min(units, item.quantity) for item in order.items.all()}
        url = reverse("admin:orders_order_refund", args=[order.pk])
        self.press(self.staff, url, amount=amount, already=order.amount_refunded, **back)

    # --- Stripe ---

    @precondition(lambda self: self.of_status("paid"))
    @rule(number=ANY, amount=st.sampled_from([1, 300, 99_999]))
    def refund_in_dashboard(self, number: int, amount: int) -> None:
        self.ask_stripe(
            lambda v1: v1.refunds.create(
                {"payment_intent": str(self.one(self.of_status("paid"), number).payment_intent_id), "amount": amount}
            )
        )

    @precondition(lambda self: self.is_refund_to_end)
    @rule()
    def refunds_end(self) -> None:
        self.is_doubtful = True
        self.simulator.finish_refunds()

    @precondition(lambda self: self.asking)
    @rule(number=ANY, succeed=st.booleans())
    def answer_bank(self, number: int, succeed: bool) -> None:
        """The shopper answers 3-D Secure, and does not come back by it."""
        self.is_doubtful = True
        self.simulator.act(self.one(self.asking, number), succeed)

    @precondition(lambda self: self.under_way())
    @rule()
    def confirm_arrives_late(self) -> None:
        """A confirm whose answer nobody waited for reaches Stripe only now."""
        row = self.under_way()[0]
        params: Any = {"payment_method": row.stripe_pm, "use_stripe_sdk": True}
        intent, options = str(row.order.payment_intent_id), {"idempotency_key": str(row.key)}
        self.ask_stripe(lambda v1: v1.payment_intents.confirm(intent, params, options))

    @precondition(lambda self: self.orders)
    @rule(number=st.integers(0, 200))
    def deliver_any_event(self, number: int) -> None:
        """The first time, or again."""
        if events := self.simulator.objects("event"):
            with self.mortal():
                assert acts.deliver(self.one(events, number)) in (200, 503)

    # --- troubles and time ---

    @rule(call=st.sampled_from(sorted(CALLS)), kind=st.sampled_from(FAULTS))
    def fail(self, call: str, kind: str) -> None:
        """The next such call brings no good answer."""
        self.is_doubtful = True
        method, path = CALLS[call]
        self.simulator.add_fault(path, kind, method, times=2 if kind in ("rate_limit", "key_in_use") else 1)

    @rule(boundary=st.sampled_from(BOUNDARIES), when=st.sampled_from(["before", "after"]), times=st.integers(1, 6))
    def doom_somebody(self, boundary: str, when: str, times: int) -> None:
        """Whoever gets there next dies."""
        self.is_doubtful = True
        self.doom.await_(boundary, when, times if boundary == "commit" else 1)

    @precondition(lambda self: self.minutes < LATE - 3)
    @rule(minutes=FEW)
    def wait(self, minutes: int) -> None:
        self.pass_time(minutes)

    @precondition(lambda self: self.minutes < LATE - 31)
    @rule()
    def expire(self) -> None:
        self.pass_time(31)
        self.reconcile()

    @rule()
    def reconcile(self) -> None:
        with self.mortal():
            reconcile()

    @rule()
    def calm_down(self) -> None:
        """Stripe answers, nobody dies, and reconcile comes by: now the books agree."""
        self.recover(minutes=3)

    # --- what must hold ---

    @invariant()
    def audit_is_empty(self) -> None:
        type(self).steps += 1
        self.orders = list(Order.objects.placed().order_by("pk"))
        intents = self.simulator.objects("payment_intent")
        self.asking = [intent["id"] for intent in intents if intent["status"] == "requires_action"]
        refunds = self.simulator.objects("refund")
        self.is_refund_to_end = any(self.simulator.store.notes(row["id"]).get("ends") for row in refunds)
        assert self.watch.findings() == []
        assert sums.charged_twice(self.simulator) == []
        if not self.is_doubtful:
            assert audit.books.compare() == []

    def teardown(self) -> None:
        """Whatever happened: after one reconcile nothing is open, and all sums are right."""
        type(self).runs += 1
        self.simulator.finish_refunds()
        self.recover(minutes=31)
        assert self.watch.findings() == []
        assert audit.audit() == []
        assert not Order.objects.filter(status__in=["placed", "canceling"]).exists()
        assert list(sums.wrong_charges(self.simulator, self.agreed)) == []
        assert list(sums.wrong_stock(self.had)) == []
        assert list(sums.wrong_mails(self.doom.died_at_mail)) == []

    # --- how ---

    @contextmanager
    def mortal(self) -> Iterator[None]:
        """Whoever acts inside may die."""
        with suppress(Death):
            yield

    def press(self, client: Client, path: str, **data: Any) -> Any:
        """Send a form; None if the process died of it."""
        with self.mortal():
            return client.post(path, data)
        return None

    def card(self, client: Client, order: Order, token: str) -> str:
        """The number of such a card on the payer's file, put there now if need be; empty if that fails."""
        wanted = (order.billing_profile_id, token)
        if wanted not in self.cards:
            url = reverse("orders:card", args=[order.order_id]) if order.placed_at else None
            answer = self.press(client, url or reverse("billing:payment_processing"), token=token)
            if answer is None or answer.status_code != 200:
                return ""
            self.cards[wanted] = str(answer.json()["card"])
        return self.cards[wanted]

    def edit(self, number: int, is_switched: bool = False, **changes: Any) -> None:
        """Staff save the product's form in the admin."""
        product = self.one(self.products, number)
        before = Product.objects.get(pk=product.pk)
        data = {"sku": before.sku, "title": before.title, "price": before.price, "weight": 0, **changes}
        data |= {"active": "on"} if before.active is not is_switched else {}
        data |= {"is_unlimited": "on"} if before.stock is None else {}
        self.press(self.staff, reverse("admin:products_product_change", args=[product.pk]), **data)
        after = Product.objects.get(pk=product.pk)
        if before.stock is not None and after.stock is not None:
            self.had[product.pk] += after.stock - before.stock

    def ask_stripe(self, call: Any) -> None:
        """Somebody else than the shop calls Stripe, which may refuse, decline or fail."""
        self.is_doubtful = True
        client = stripe.StripeClient("sk_test_dashboard", base_addresses={"api": self.simulator.url})
        with suppress(Exception):
            call(client.v1)

    def pass_time(self, minutes: int) -> None:
        self.minutes += minutes
        age(minutes)
        self.watch.forget()

    def recover(self, minutes: int) -> None:
        self.simulator.clear_faults()
        self.doom.lift()
        self.pass_time(minutes)
        reconcile()
        _done, left = compare_books()
        assert left == []
        self.is_doubtful, self.minutes = False, 0

    def of_status(self, *statuses: str) -> list[Order]:
        return [order for order in self.orders if order.status in statuses]

    def under_way(self) -> list[Payment]:
        """Attempts whose confirm Stripe may not have met yet."""
        if not self.of_status("placed", "canceling"):
            return []
        since = timezone.now() - timedelta(seconds=gateway.ANSWER_SECONDS)
        return list(Payment.objects.filter(status=Payment.Status.NEW, timestamp__gt=since).select_related("order"))

    def one(self, rows: list[Any], number: int) -> Any:
        return rows[number % len(rows)]
