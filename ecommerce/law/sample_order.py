"""A made-up order that is never stored. Pages and emails are rendered with it to check them."""

from decimal import Decimal
from math import ceil

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from addresses.models import Address
from billing.models import BillingProfile
from carts.models import CartItem
from carts.pricing.agreement import Agreement
from carts.pricing.quotes import Destination, quote
from carts.pricing.rules import PricingRules
from core.money import minimum_charge
from orders.emails import withdrawals
from orders.emails.messages import compose, email_context
from orders.models import Mail, Order, OrderItem, Withdrawal, WithdrawalMail
from orders.models.columns import FROM_CHECKOUT, FROM_QUOTE
from orders.workflow.placing import agree
from products.models import Product

TITLE, UNITS = "Sample item 7QX", 2  # a title that no text of a shop contains
NUMBER, KEY, EMAIL = "SAMPLE0000", 0, "sample@shop.example"


def agreement(country: str, language: str) -> tuple[Agreement, Order]:
    """Return what the payment step would show to a guest in this country, and the order."""
    address = Address(
        name="Sam Sample", line_1="1 Sample Street", city="Sample Town", postal_code="12345", country=country
    )
    profile = BillingProfile(pk=KEY, email=EMAIL)
    order = Order(
        pk=KEY, order_id=NUMBER, email=EMAIL, language=language, placed_at=timezone.now(), billing_profile=profile
    )
    order.shipping_address = order.billing_address = address
    product = Product(pk=KEY, title=TITLE, slug="sample", price=_price(), weight=_weight(country), stock=UNITS)
    quoted = quote([CartItem(pk=KEY, product=product, quantity=UNITS)], Destination(country))
    return agree(order, quoted, language), order


def confirmation(country: str, language: str) -> EmailMultiAlternatives:
    """Return the email that confirms the order."""
    agreed, order = agreement(country, language)
    for names, source in ((FROM_CHECKOUT, agreed), (FROM_QUOTE, agreed.quote)):
        for name in names:
            setattr(order, name, getattr(source, name))
    [line] = agreed.quote.lines
    item = OrderItem(title=TITLE, unit_price=line.product.price, quantity=UNITS, total=line.total, product=line.product)
    order._prefetched_objects_cache = {"items": [item]}  # type: ignore[attr-defined]
    mail = Mail(order=order, kind=Mail.Kind.CONFIRMATION, to=EMAIL, message_id="<sample@shop.example>")
    return compose(mail, email_context(mail) or {}, url="https://shop.example/")


def withdrawal(language: str) -> Withdrawal:
    """Return a declaration of withdrawal from the whole order."""
    row = Withdrawal(number="W00000000", name="Sam Sample", order_number=NUMBER, email=EMAIL, language=language)
    row.is_whole_order = True
    return row


def receipt(row: Withdrawal) -> str:
    """Return the text of the email that confirms the withdrawal."""
    mail = WithdrawalMail(withdrawal=row, kind=WithdrawalMail.Kind.RECEIPT, to=EMAIL)
    message = withdrawals.build(mail)
    return str(message.body) if message else ""


def _price() -> Decimal:
    """Return a price with which the order can be charged in the currency of the shop."""
    return max(Decimal(16), minimum_charge(settings.CURRENCY))


def _weight(country: str) -> int:
    """Return a weight in grams with which some delivery method to this country takes the order."""
    methods = PricingRules.cached().methods_for(country, settings.CURRENCY)
    return ceil(min((method.weight_from or 0 for method in methods), default=0) / UNITS)
