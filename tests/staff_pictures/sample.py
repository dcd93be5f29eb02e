"""The shop in the pictures: the sample catalog and sample orders, and a few orders of shoppers with fixed names.

Names, numbers and times are the same each time, so that a picture changes only if its page changes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from itertools import count
from random import Random
from unittest import mock

from django.core.management import call_command
from django.db.models import Count
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.staff.roles import make_roles
from billing.models import BillingProfile
from ecommerce.management.sample_orders.plans import order_id_of
from orders.bookkeeping.reconcile import send_emails
from orders.models import Carrier, CustomerNote, Order, Withdrawal
from orders.workflow import refunds
from orders.workflow.refunds import RefundRequest
from orders.workflow.shipping import ShipmentRequest, ship
from orders.workflow.withdrawals.declaring import Declaration, declare
from orders.workflow.withdrawals.matching import match
from products.models import Product
from tests.makers import add_to_cart, buy, make_user

NOW = datetime(2026, 11, 17, 9, 30, tzinfo=UTC)
STAFF, COLLEAGUE = "mia@shop.example", "paul@shop.example"
CUSTOMERS, ORDERS = 40, 200  # sample rows of the past year
FIRST_NUMBER = 10_000  # of the orders below; the sample orders have lower numbers
KEY = "5ec0de" * 6 + "abcd"  # of the second factor in the picture
TOWNS = {
    "Gia Guest": ("1 High Street", "Bath", "BA1 1AA"),
    "Omar Okafor": ("14 Mill Lane", "Leeds", "LS1 4AP"),
    "Wendy Withers": ("8 Harbour Road", "Truro", "TR1 2AA"),
    "Ruth Reed": ("27 Castle Street", "Dundee", "DD1 3AF"),
    "Ivy Ingram": ("5 Quayside", "Bristol", "BS1 4RN"),
    "Uma Unwin": ("3 Park View", "Cardiff", "CF10 1BH"),
}


@dataclass
class Sample:
    """The rows that the pictures open."""

    paid: Order
    shipped: Order
    unpaid: Order
    alert: Order
    withdrawn: Withdrawal
    guest: BillingProfile
    colleague: User
    product: Product


@contextmanager
def fixed_times_and_numbers() -> Iterator[None]:
    """Start the clock of the shop at `NOW`, and number new orders in a fixed order."""
    late = datetime.now(UTC) - NOW

    class ShopTime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) - late

    with (
        mock.patch.object(timezone, "datetime", ShopTime),  # models keep `timezone.now` itself as their default
        mock.patch("orders.signals.new_order_id", side_effect=map(order_id_of, count(FIRST_NUMBER))),
        mock.patch("accounts.models.second_factor.random_hex", return_value=KEY),
    ):
        yield


def make_sample() -> Sample:
    """Fill the shop and return what the pictures open."""
    make_roles()
    call_command("seed", orders=ORDERS, customers=CUSTOMERS)
    make_user(STAFF, name="Mia Staff", is_staff=True, is_superuser=True)
    carrier = Carrier.objects.get(name="Royal Mail")  # of the sample shop
    mugs, stool, lamp = list(Product.objects.active().filter(stock__gte=10).order_by("sku")[:3])
    alert = sell("Omar Okafor", {stool: 1})
    Order.objects.filter(pk=alert.pk).update(attention="The bank asks about this payment. Answer it at Stripe.")
    withdraw(sell("Ivy Ingram", {stool: 1}))
    shipped, withdrawn = sell("Ruth Reed", {mugs: 3, lamp: 1}), sell("Wendy Withers", {mugs: 2})
    for order, tracking in ((shipped, "RM123456785GB"), (withdrawn, "RM987654321GB")):
        ship(order, ShipmentRequest(STAFF, Order.objects.get(pk=order.pk).units_to_ship(), carrier, tracking))
    refund_one(shipped)
    sample = Sample(
        paid=sell("Gia Guest", {mugs: 2, stool: 1}),
        shipped=shipped,
        unpaid=sell("Uma Unwin", {lamp: 2}, token="tok_chargeCustomerFail"),
        alert=alert,
        withdrawn=withdraw(withdrawn),
        guest=guest_with_note(),
        colleague=make_user(COLLEAGUE, name="Paul Packer", is_staff=True),
        product=stool,
    )
    send_emails()
    return sample


def sell(name: str, lines: dict[Product, int], token: str = "tok_visa") -> Order:
    """Place an order of a new account with this name, and pay it if the card of `token` is accepted."""
    client, street_and_town = Client(), TOWNS[name]
    client.force_login(make_user(f"{name.split()[0].lower()}@example.org", name=name))
    (last, quantity), *others = reversed(lines.items())
    for product, units in others:
        add_to_cart(client, product, units)
    line_1, city, postcode = street_and_town
    return buy(client, last, token, quantity, name=name, line_1=line_1, city=city, postal_code=postcode)


def refund_one(order: Order) -> None:
    """Refund one unit of the first line, which is not back in stock."""
    order.refresh_from_db()
    line = order.items.order_by("pk")[0]
    refunds.refund(order, RefundRequest(line.unit_price, Decimal(0), STAFF, "Broken on arrival", {line.pk: 1}))


def withdraw(order: Order) -> Withdrawal:
    """Declare a withdrawal from one unit of the order."""
    name, units = order.shipping_address_text.split("\n")[0], {str(order.items.get().pk): 1}
    declaration = Declaration(name, order.email, order.order_id, False, "en", units=units, order=order)
    with mock.patch("secrets.choice", Random(order.order_id).choice):  # noqa: S311 - the same number each time
        row = declare(declaration, ip="")
    match(row)
    return row


def guest_with_note() -> BillingProfile:
    """Write a note about the guest with most sample orders that fit into a picture."""
    guests = BillingProfile.objects.filter(user=None, customer_id__startswith="cus_seed")
    guest = guests.annotate(size=Count("orders")).filter(size__lte=5).order_by("-size", "pk")[0]
    CustomerNote.objects.create(billing_profile=guest, text="Prefers to be called in the morning.", by=STAFF)
    return guest
