"""The shop as a state machine: shoppers, staff, Stripe's dashboard, time, lost responses and crashes in any order."""

from decimal import Decimal
from typing import Any

from django.urls import reverse
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from addresses.models import Address
from carts.models.rates import ShippingMethod, TaxRate
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order
from tests.admin_forms import submit_refund
from tests.makers import ADDRESS, PASSWORD, add_to_cart, submit_details
from tests.proofs import actions, dispute_steps
from tests.proofs.crashes import BOUNDARIES
from tests.proofs.shown_page import ShownPage
from tests.proofs.withdrawal_rules import WithdrawalRules

WHO = st.integers(0, 1)  # index of a browser
ANY = st.integers(0, 5)  # index of an object, modulo the number of objects
FEW = st.integers(1, 3)
NAMES = st.sampled_from(["gia", "gus"])
TOKENS = st.sampled_from(
    "tok_visa tok_visa tok_threeDSecure2Required tok_chargeCustomerFail tok_threeDSecureRequiredChargeDeclined "
    "tok_createDispute tok_pendingRefund tok_refundFail tok_chargeDeclined".split()
)
CALLS = {
    "customer": ("POST", "/v1/customers"), "card": ("POST", "/v1/customers/*/sources"),
    "intent": ("POST", "/v1/payment_intents"), "confirm": ("POST", "/v1/payment_intents/*/confirm"),
    "look": ("GET", "/v1/payment_intents/*"), "cancel": ("POST", "/v1/payment_intents/*/cancel"),
    "detach": ("DELETE", "/v1/customers/*/sources/*"), "card on file": ("GET", "/v1/payment_methods/*"),
    "refund": ("POST", "/v1/refunds"), "refunds": ("GET", "/v1/refunds"), "books": ("GET", "/v1/payment_intents"),
    "disputes": ("GET", "/v1/disputes"),
}  # fmt: skip
FAULTS = "drop_before drop_after rate_limit error_500 error_500_stored html empty other_json key_in_use".split()
LATE = 50  # minutes without reconcile after which the audit reports overdue work


class ShopMachine(WithdrawalRules):
    """All steps that can happen to a shop, in any order."""

    # --- shoppers ---

    @rule(who=WHO, product=ANY, quantity=FEW)
    def add(self, who: int, product: int, quantity: int) -> None:
        with self.may_crash():
            add_to_cart(self.browsers[who], self.pick(self.products, product), quantity)

    @rule(who=WHO, product=ANY, quantity=st.integers(0, 4))
    def set_quantity(self, who: int, product: int, quantity: int) -> None:
        with self.may_crash():
            add_to_cart(self.browsers[who], self.pick(self.products, product), quantity, action="set")

    @rule(who=WHO, product=ANY)
    def remove(self, who: int, product: int) -> None:
        with self.may_crash():
            add_to_cart(self.browsers[who], self.pick(self.products, product), action="remove")

    @rule(who=WHO)
    def sign_in(self, who: int) -> None:
        self.submit_form(self.browsers[who], reverse("accounts:login"), email="alice@example.org", password=PASSWORD)

    @rule(who=WHO)
    def sign_out(self, who: int) -> None:
        self.submit_form(self.browsers[who], reverse("accounts:logout"))

    @rule(who=WHO, name=NAMES, note=st.sampled_from(["", "Ring twice"]))
    def submit_details(self, who: int, name: str, note: str = "") -> None:
        optional = {"buyer_note": note, "gift_message": note.upper()}
        with self.may_crash():
            submit_details(
                self.browsers[who], f"{name}@example.org", optional=optional, line_1=f"{len(name)} High Street"
            )

    @rule(
        who=WHO, street=st.sampled_from(["7 Bill Lane", "8 Pay Street"]), kind=st.sampled_from(["shipping", "billing"])
    )
    def change_address(self, who: int, street: str, kind: str) -> None:
        """Enter an address in another tab, perhaps after the checkout was opened."""
        data = ADDRESS | {"line_1": street, "address_type": kind}
        self.submit_form(self.browsers[who], reverse("addresses:check"), **data)

    @rule(who=WHO, language=st.sampled_from(["de", "en-gb"]))
    def choose_language(self, who: int, language: str) -> None:
        self.submit_form(self.browsers[who], reverse("language"), language=language)

    @rule(who=WHO)
    def open_checkout(self, who: int) -> None:
        """Open the checkout and keep its form, although the shop can change before Place order is pressed."""
        with self.may_crash():
            page = self.browsers[who].get(reverse("carts:checkout"))
            if page.context and page.context.get("step") == "pay":
                agreement = page.context["agreement"]
                self.forms[who] = {"order": page.context["order"].order_id, "quote": agreement.signed()}
                self.pages[who] = ShownPage(page.text, agreement.quote.total)

    @precondition(lambda self: self.forms)
    @rule(who=WHO, token=TOKENS, is_ticked=st.booleans())
    def place(self, who: int, token: str, is_ticked: bool) -> None:
        """Press Place order on a page that can be outdated."""
        if who not in self.forms:
            return
        form = dict(self.forms[who])
        order, page = Order.objects.get(order_id=form["order"]), self.pages[who]
        card = self.card(self.browsers[who], order, token, is_ticked)
        self.submit_form(self.browsers[who], reverse("carts:checkout"), **form, action="place", card=card)
        order.refresh_from_db()
        if order.placed_at:
            if order.order_id not in self.agreed_totals:
                assert page.differences(order) == []
            self.agreed_totals.setdefault(order.order_id, page.total)
            self.shoppers.setdefault(order.order_id, self.browsers[who])

    @rule(who=WHO, product=ANY, quantity=FEW, token=TOKENS, is_ticked=st.booleans())
    def buy(self, who: int, product: int, quantity: int, token: str, is_ticked: bool) -> None:
        """Add to the cart, check out and pay in one step."""
        self.forms.pop(who, None)
        self.add(who, product, quantity)
        self.open_checkout(who)
        if who not in self.forms:
            self.submit_details(who, "gia")
            self.open_checkout(who)
        self.place(who, token, is_ticked)

    @precondition(lambda self: self.with_status("placed"))
    @rule(number=ANY, token=TOKENS, is_ticked=st.booleans())
    def pay_again(self, number: int, token: str, is_ticked: bool) -> None:
        order = self.pick(self.with_status("placed"), number)
        shopper = self.shoppers[order.order_id]
        card = self.card(shopper, order, token, is_ticked)
        self.submit_form(shopper, reverse("orders:pay", args=[order.order_id]), card=card)

    @precondition(lambda self: self.orders)
    @rule(number=ANY)
    def open_order(self, number: int) -> None:
        order = self.pick(self.orders, number)
        with self.may_crash():
            self.shoppers[order.order_id].get(reverse("orders:status", args=[order.order_id]))

    @precondition(lambda self: self.with_status("placed"))
    @rule(number=ANY)
    def cancel(self, number: int) -> None:
        order = self.pick(self.with_status("placed"), number)
        self.submit_form(self.shoppers[order.order_id], reverse("orders:cancel", args=[order.order_id]))

    @rule(who=WHO)
    def start_afresh(self, who: int) -> None:
        self.submit_form(self.browsers[who], reverse("orders:start_afresh"))

    @rule(who=WHO, code=st.sampled_from(["twice", "NONE", ""]))
    def use_code(self, who: int, code: str) -> None:
        """Apply a discount code to the cart, or remove it if `code` is empty."""
        self.submit_form(self.browsers[who], reverse("carts:discount"), code=code, **({} if code else {"remove": "1"}))

    # --- staff ---

    @rule(price=st.sampled_from(["4.95", "0.00", "7.77"]), percent=st.sampled_from(["20", "5.5"]))
    def change_rules(self, price: str, percent: str) -> None:
        """Change delivery and tax, for example after a shopper opened the checkout."""
        self.save_rule(ShippingMethod.objects.get(), price=price)
        self.save_rule(TaxRate.objects.get(), percent=percent)

    @rule(number=ANY, price=st.sampled_from(["16.00", "0.01", "80.00", "5.55"]), change=st.integers(-2, 3))
    def edit_product(self, number: int, price: str, change: int) -> None:
        self.edit(number, price=price, stock_change=change)

    @rule(number=ANY, title=st.sampled_from(["Mug", "Blue mug"]))
    def rename_product(self, number: int, title: str) -> None:
        self.edit(number, title=title)

    @rule(number=ANY)
    def switch_product(self, number: int) -> None:
        self.edit(number, is_switched=True)

    @rule(street=st.sampled_from(["2 Low Street", "3 Side Street"]))
    def edit_address_book(self, street: str) -> None:
        Address.objects.update(line_1=street)

    @precondition(lambda self: self.with_status("placed", "canceling"))
    @rule()
    def cancel_as_staff(self) -> None:
        numbers = [order.pk for order in self.with_status("placed", "canceling")]
        url = reverse("admin:orders_order_changelist")
        self.submit_form(self.staff, url, action="cancel_unpaid", _selected_action=numbers, confirm="Yes")

    @precondition(lambda self: self.with_status("paid"))
    @rule(number=ANY, part=st.sampled_from([1, 2, 50]), units=st.integers(0, 2))
    def refund(self, number: int, part: int, units: int) -> None:
        """Refund an amount of an order and up to `units` of each line, which return to stock."""
        order = self.pick(self.with_status("paid"), number)
        amount = max(((order.total - order.amount_refunded) / part).quantize(Decimal("0.01")), Decimal("0.01"))
        data: dict[str, Any] = {"amount": amount, "already": order.amount_refunded}
        left = order.refundable_units()
        for item in order.items.all():
            data |= {f"units_{item.pk}": min(units, left[item.pk]), f"unshipped_{item.pk}": "on"}
        with self.may_crash():
            submit_refund(self.staff, reverse("admin:orders_order_refund", args=[order.pk]), data)

    @precondition(lambda self: self.with_status("paid"))
    @rule(number=ANY, what=st.sampled_from(["shipping", "billing", "email"]), name=NAMES, is_ticked=st.booleans())
    def correct(self, number: int, what: str, name: str, is_ticked: bool) -> None:
        """Correct a postal address or the email address of an order as staff.

        The tick corrects both addresses, or sends the confirmation to the new email address.
        """
        order = self.pick(self.with_status("paid"), number)
        url = reverse(f"admin:orders_order_correct_{'email' if what == 'email' else 'address'}", args=[order.pk])
        data = (
            ADDRESS
            | {"name": name, "email": f"{name}@example.org"}
            | ({"both": "1", "confirm": "1"} if is_ticked else {})
        )
        with self.may_crash():
            form = self.staff.get(f"{url}?kind={what}").context["form"]
            self.staff.post(f"{url}?kind={what}", data | {"shown": form["shown"].value()})

    # --- Stripe ---

    @precondition(lambda self: self.with_status("paid"))
    @rule(number=ANY, amount=st.sampled_from([1, 300, 99_999]))
    def refund_in_dashboard(self, number: int, amount: int) -> None:
        self.call_stripe(
            lambda v1: v1.refunds.create(
                {"payment_intent": str(self.pick(self.with_status("paid"), number).payment_intent_id), "amount": amount}
            )
        )

    @precondition(lambda self: self.with_status("paid"))
    @rule(number=ANY, share=FEW, status=st.sampled_from(["needs_response", "warning_needs_response"]))
    def dispute(self, number: int, share: int, status: str) -> None:
        """Let a cardholder dispute a charge or a part, or only ask the bank about it."""
        self.may_differ = True
        order = self.pick(self.with_status("paid"), number)
        dispute_steps.open_dispute(self.simulator, str(order.payment_intent_id), share, status)

    @precondition(lambda self: dispute_steps.movable_disputes(self.simulator))
    @rule(number=ANY, choice=FEW)
    def move_dispute(self, number: int, choice: int) -> None:
        """Let the bank review, decide or close a dispute or an inquiry."""
        self.may_differ = True
        dispute = self.pick(dispute_steps.movable_disputes(self.simulator), number)
        dispute_steps.move_dispute(self.simulator, dispute, choice)

    @precondition(lambda self: self.has_pending_refund)
    @rule()
    def refunds_complete(self) -> None:
        self.may_differ = True
        self.simulator.finish_refunds()

    @precondition(lambda self: self.intents_requiring_action)
    @rule(number=ANY, succeed=st.booleans())
    def complete_3d_secure(self, number: int, succeed: bool) -> None:
        """Complete 3-D Secure without returning to the shop."""
        self.may_differ = True
        self.simulator.complete_3d_secure(self.pick(self.intents_requiring_action, number), succeed)

    @precondition(lambda self: self.unconfirmed_payments())
    @rule()
    def confirm_arrives_late(self) -> None:
        """Let a confirm call reach Stripe after the shop stopped waiting for the response."""
        row = self.unconfirmed_payments()[0]
        params: Any = {"payment_method": row.stripe_pm, "use_stripe_sdk": True}
        intent, options = str(row.order.payment_intent_id), {"idempotency_key": str(row.key)}
        self.call_stripe(lambda v1: v1.payment_intents.confirm(intent, params, options))

    @precondition(lambda self: self.orders)
    @rule(number=st.integers(0, 200))
    def deliver_any_event(self, number: int) -> None:
        """Deliver any event, for the first time or again."""
        if events := self.simulator.objects("event"):
            with self.may_crash():
                assert actions.deliver(self.pick(events, number)) in (200, 503)

    # --- faults and time ---

    @rule(call=st.sampled_from(sorted(CALLS)), kind=st.sampled_from(FAULTS))
    def fail(self, call: str, kind: str) -> None:
        """Make the next such call to Stripe fail."""
        self.may_differ = True
        method, path = CALLS[call]
        self.simulator.add_fault(path, kind, method, times=2 if kind in ("rate_limit", "key_in_use") else 1)

    @rule(boundary=st.sampled_from(BOUNDARIES), when=st.sampled_from(["before", "after"]), times=st.integers(1, 6))
    def crash_at_boundary(self, boundary: str, when: str, times: int) -> None:
        """Schedule a simulated crash at a boundary."""
        self.may_differ = True
        self.crash_schedule.schedule(boundary, when, times if boundary == "commit" else 1)

    @precondition(lambda self: self.minutes < LATE - 3)
    @rule(minutes=FEW)
    def wait(self, minutes: int) -> None:
        self.pass_time(minutes)

    @precondition(lambda self: self.minutes < LATE - 31)
    @rule()
    def expire(self) -> None:
        self.pass_time(31)
        self.reconcile()

    @precondition(lambda self: self.orders)
    @rule()
    def pass_a_day(self) -> None:
        """Let a day pass until reconcile runs again. Stripe has forgotten its idempotency keys by then."""
        self.simulator.forget_idempotency_keys()
        self.recover(minutes=24 * 60)

    @rule()
    def reconcile(self) -> None:
        with self.may_crash():
            reconcile()

    @precondition(lambda self: self.orders and (self.may_differ or self.minutes > LATE // 2))
    @rule()
    def clear_faults_and_reconcile(self) -> None:
        """Clear faults and crashes and run reconcile. Afterwards the orders agree with the Stripe ledger."""
        self.recover(minutes=3)
