"""Structural tests: every change of the payment step makes the page that was shown before unacceptable.

They try every column of every row that the page can read, so that they notice a new column on the page that is not
signed.
"""

import re
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import models, transaction
from django.test import Client
from django.urls import reverse

from addresses.models import Address
from carts.models import Cart
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.pricing.rules import PricingRules
from core.models import GuaranteeNotice
from orders.models import Order
from orders.workflow.placing import OrderRejected, place
from tests.makers import ADDRESS, add_to_cart, make_discount, make_product, make_tax, shown_facts, submit_details

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
HIDDEN = re.compile(r'<input type="hidden"[^>]*>')
# Other values for columns with a limited set of values.
OTHER: dict[str, Any] = {"country": "IE", "region": "Kent", "kind": "amount", "state": "Kent"}
SIZES = {"image_width", "image_height"}  # change only with the picture
NOTES = {"removed_products", "left_out"}  # messages about lines that are gone; the lines themselves are signed


@pytest.fixture
def order(client: Client) -> Order:
    """Return a guest's open order with two different addresses, a tax, a discount and a picture."""
    make_tax()
    make_discount("TEN")
    add_to_cart(client, make_product(image="products/mug.png", price=70))
    submit_details(client, line_2="Flat 2", state="")
    Order.objects.update(phone="020 7946 0958", buyer_note="Ring twice", gift_message="Happy birthday")
    order = Order.objects.get()
    billing = Address.objects.create(billing_profile=order.billing_profile, **ADDRESS | {"name": "Bo Payer"})
    order.use_address(billing, Address.Type.BILLING)
    Cart.objects.get().store_choices(discount_code="TEN", country="GB")
    client.get(reverse("carts:home"))  # shows pending messages
    return Order.objects.get()


def rows(order: Order) -> Iterator[models.Model]:
    """Yield every row that the payment step reads, except the cards."""
    [line] = order.cart.lines()  # type: ignore[union-attr]
    yield from (*Address.objects.order_by("pk"), order.billing_profile, line.cart, line, line.product)
    yield order
    yield from (ShippingMethod.objects.get(), TaxRate.objects.get(), Discount.objects.get())


def other_value(row: models.Model, field: Any) -> Any:
    value = getattr(row, field.attname)
    if field.name in OTHER:
        return OTHER[field.name]
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.UUIDField):
        return uuid.uuid4()
    if isinstance(field, models.DecimalField):
        return (value or Decimal(0)) + Decimal("0.01")
    if isinstance(field, models.IntegerField):
        return (value or 0) + 1
    return f"{value}x"[-field.max_length if field.max_length else None :]


def columns(row: models.Model) -> Iterator[Any]:
    for field in row._meta.concrete_fields:
        is_plain = not (field.primary_key or field.is_relation or isinstance(field, models.DateTimeField))
        if is_plain and field.name not in SIZES | NOTES:
            yield field


def shown_page(client: Client) -> str:
    """Return the payment step without its hidden fields, or "" if the visitor is sent elsewhere."""
    response = client.get(reverse("carts:checkout"))
    is_pay_step = response.status_code == 200 and response.context["step"] == "pay"
    return HIDDEN.sub("", response.text) if is_pay_step else ""


def changes_page(client: Client, order: Order, row: models.Model, field: Any, before: str) -> bool:
    """Change one column and return whether the page shows it. If it does, the page shown before must be rejected."""
    shown = shown_facts(order, PricingRules.from_database())
    with transaction.atomic():
        type(row)._default_manager.filter(pk=row.pk).update(**{field.attname: other_value(row, field)})
        page = shown_page(client)
        is_shown = page not in ("", before)
        if is_shown:
            with pytest.raises(OrderRejected):
                place(Order.objects.get(pk=order.pk), shown)
        transaction.set_rollback(True)
    return is_shown


def test_whatever_changes_the_payment_step_is_signed(client: Client, order: Order) -> None:
    page = shown_page(client)
    assert page
    shown = {
        f"{row._meta.object_name}.{field.name}"
        for row in rows(order)
        for field in columns(row)
        if changes_page(client, order, row, field, page)
    }
    texts = {"Address.name", "Address.line_1", "Address.postal_code", "BillingProfile.email", "Product.title"}
    sums = {"Product.price", "CartItem.quantity", "ShippingMethod.price", "TaxRate.percent", "Discount.value"}
    texts |= {"Order.phone", "Order.buyer_note", "Order.gift_message"}
    names = {"Product.image", "ShippingMethod.title", "TaxRate.title", "Discount.code"}
    assert texts | sums | names <= shown
    assert place(order, shown_facts(order, PricingRules.from_database()))


def test_each_column_of_the_guarantee_notice_that_the_payment_step_shows_is_signed(
    client: Client, order: Order
) -> None:
    Address.objects.update(country="IE")
    notice = GuaranteeNotice.objects.create(
        language="en-gb", picture="notices/a.png", picture_width=600, picture_height=800, text="Two years."
    )
    page = shown_page(client)
    shown = {field.name for field in columns(notice) if changes_page(client, order, notice, field, page)}
    assert shown == {"language", "picture", "picture_width", "picture_height", "text"}


def test_payment_step_shows_what_the_order_freezes(client: Client, order: Order) -> None:
    page = shown_page(client)
    place(order, shown_facts(order))
    lines = [*order.shipping_address_text.splitlines(), *order.billing_address_text.splitlines(), order.email]
    lines += [order.phone, order.buyer_note, order.gift_message]
    titles = [item.title for item in order.items.all()]
    for text in [*lines, *titles, order.shipping_title, order.discount_code, order.tax_title]:
        assert text in page
