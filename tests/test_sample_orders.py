"""Tests of `seed --orders N --customers N`: complete orders, known to the simulator, without an audit finding."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from billing.models import BillingProfile
from carts.models.rates import Discount, TaxRate
from orders.bookkeeping.audit import audit
from orders.bookkeeping.checksum import is_intact
from orders.models import Mail, Order, OrderWords, Refund
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import make_paid_order, make_product

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
ORDERS, CUSTOMERS = 150, 40


@pytest.fixture
def state(settings: LazySettings, tmp_path: Path) -> Path:
    settings.STRIPE_SIMULATOR_STATE = str(tmp_path / "state.sqlite3")
    settings.STRIPE_IS_REAL = False
    for number in range(12):
        make_product(stock=None if number % 4 == 0 else number, price=number * 7 + 3)
    return tmp_path / "state.sqlite3"


def seed_orders(orders: int = ORDERS, customers: int = CUSTOMERS) -> str:
    output = io.StringIO()
    call_command("seed_orders", orders=orders, customers=customers, stdout=output)
    return output.getvalue()


def values() -> list[dict[str, Any]]:
    names = ("order_id", "uuid", "email", "status", "total", "tax_total", "amount_refunded", "checksum")
    names += ("shipments__tracking",)
    return list(Order.objects.order_by("order_id").values(*names))


def test_orders_of_all_kinds_are_complete(state: Path) -> None:
    stock = {product.pk: product.stock for product in Product.objects.all()}
    assert seed_orders() == "40 customers and 150 orders added.\n"
    assert audit(with_stripe=False) == []
    found = set(Order.objects.values_list("status", flat=True))
    assert found == {"open", "canceled", "paid", "shipped", "refunded"}
    assert Refund.objects.exclude(payment__order__status="refunded").exists()
    assert all(is_intact(order) for order in Order.objects.placed())
    assert Order.objects.filter(billing_profile__user=None).exists()
    assert User.objects.exists()
    assert {product.pk: product.stock for product in Product.objects.all()} == stock
    assert Order.objects.exclude(discount_total=0).exists()
    assert Order.objects.exclude(tax_total=0).exists()
    assert not Mail.objects.filter(sent=None).exists()
    assert OrderWords.objects.count() == Order.objects.placed().count()


def test_simulator_knows_the_payments(state: Path, settings: LazySettings) -> None:
    seed_orders()
    simulator = Simulator("127.0.0.1", 0, str(state), "", "whsec_test")
    simulator.start()
    try:
        settings.STRIPE_API_BASE = simulator.url
        assert audit() == []
        Order.objects.filter(amount_refunded__gt=0).update(amount_refunded=F("amount_refunded") - 1)
        Refund.objects.update(amount=F("amount") + 1)
        assert [finding for finding in audit() if "Stripe" in finding.text]
    finally:
        simulator.stop()


def test_same_number_is_the_same_order_again(state: Path) -> None:
    seed_orders(60)
    first = values()
    assert seed_orders(60) == "0 customers and 0 orders added.\n"
    assert seed_orders() == "0 customers and 90 orders added.\n"
    assert [row for row in values() if row["order_id"] in {old["order_id"] for old in first}] == first
    assert audit(with_stripe=False) == []
    codes = Discount.objects.annotate(sum=Coalesce(Sum("orders__total"), F("value")))
    assert {code.code for code in codes} == {"WELCOME10", "SPRING5"}


def test_tax_rates_of_staff_stay(state: Path) -> None:
    TaxRate.objects.create(title="VAT", country="GB", percent=5)
    seed_orders(5, 3)
    assert TaxRate.objects.count() == 1


@pytest.mark.parametrize("change", [{"STRIPE_IS_REAL": True}, {"STRIPE_SIMULATOR_STATE": ""}])
def test_shop_with_real_payments_gets_no_sample_orders(
    state: Path, settings: LazySettings, change: dict[str, Any]
) -> None:
    for name, value in change.items():
        setattr(settings, name, value)
    with pytest.raises(CommandError):
        seed_orders()
    assert (Order.objects.count(), BillingProfile.objects.count()) == (0, 0)


def test_shop_with_real_orders_gets_sample_orders_only_while_debugging(state: Path, settings: LazySettings) -> None:
    make_paid_order()
    settings.DEBUG = False
    with pytest.raises(CommandError, match="1 orders that are not samples"):
        seed_orders(5, 3)
    settings.DEBUG = True
    assert seed_orders(5, 3) == "3 customers and 5 orders added.\n"


def test_shop_without_products_gets_no_sample_orders(state: Path) -> None:
    Product.objects.all().delete()
    with pytest.raises(CommandError, match=r"manage\.py seed"):
        seed_orders()
