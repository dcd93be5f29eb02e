"""Machine-readable export of all data that the shop stores about a user."""

from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from accounts.email_addresses import plain_email
from accounts.models import AccountMail, User
from addresses.models import Address
from billing.models import BillingProfile, Card
from carts.models import Cart
from orders.models import Order

Facts = dict[str, Any]
ACCOUNT = ["email", "email_verified", "name", "date_joined", "last_login"]
PROFILE = ["email", "active", "timestamp", "updated"]
ADDRESS = ["name", "line_1", "line_2", "city", "city_area", "state", "postal_code", "sorting_code", "country"]
CARD = ["brand", "country", "last4", "exp_month", "exp_year", "default", "active", "timestamp"]
CART = ["active", "subtotal", "total", "timestamp", "updated"]
ORDER = ["order_id", "status", "email", "language", "shipping_address_text", "billing_address_text", "subtotal"]
ORDER += ["discount_total", "shipping_total", "tax_total", "total", "amount_refunded", "currency"]
ORDER += ["payment_intent_id", "timestamp", "placed_at", "paid_at", "shipped_at"]
LINE = ["sku", "title", "unit_price", "quantity", "tax_rate", "tax_total", "total"]
PAYMENT = ["number", "amount", "currency", "status", "message", "timestamp"]
REFUND = ["amount", "currency", "status", "reason", "timestamp"]
MAIL = ["kind", "to", "timestamp", "sent"]


def own_data(user: User) -> Facts:
    """Return the user's account, postal addresses, cards, carts, orders with their history, and emails.

    Amounts are decimals, which Django's JSON encoder writes as strings.
    """
    profiles = BillingProfile.objects.filter(user=user)
    return {
        "exported": timezone.now(),
        "account": _facts(user, ACCOUNT),
        "profile": [_facts(profile, PROFILE) for profile in profiles],
        "addresses": _all(Address.objects.filter(billing_profile__in=profiles), [*ADDRESS, "timestamp"]),
        "cards": _all(Card.objects.filter(billing_profile__in=profiles), CARD),
        "carts": [_cart(cart) for cart in Cart.objects.filter(user=user).prefetch_related("items__product")],
        "orders": [_order(order) for order in _orders(user)],
        "mails": _all(AccountMail.objects.filter(Q(user=user) | Q(to=plain_email(user.email))), MAIL),
    }


def _facts(row: Model, names: list[str]) -> Facts:
    return {name: getattr(row, name) for name in names}


def _all(rows: QuerySet[Any], names: list[str]) -> list[Facts]:
    return [_facts(row, names) for row in rows.order_by("pk")]


def _cart(cart: Cart) -> Facts:
    lines = [
        {"sku": line.product.sku, "title": line.product.title, "quantity": line.quantity} for line in cart.items.all()
    ]
    return _facts(cart, CART) | {"lines": lines}


def _orders(user: User) -> QuerySet[Order]:
    rows = Order.objects.of_account(user).placed().order_by("pk").distinct()
    return rows.prefetch_related("items", "events", "payments__refunds", "payments__card", "mails")


def _order(order: Order) -> Facts:
    """Return the order as its page shows it. Details in the history that only staff see are left out."""
    payments = [
        _facts(payment, PAYMENT)
        | {"card": str(payment.card or "")}
        | {"refunds": [_facts(refund, REFUND) for refund in payment.refunds.all()]}
        for payment in order.payments.all()
    ]
    return _facts(order, ORDER) | {
        "lines": [_facts(item, LINE) for item in order.items.all()],
        "history": [{"at": event.at, "what": event.said} for event in order.events.all()],
        "payments": payments,
        "mails": [_facts(mail, MAIL) for mail in order.mails.all() if mail.to == order.email],
    }
