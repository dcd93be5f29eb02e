"""Machine-readable export of all data that the shop stores about a user or a guest."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from accounts.models import AccountMail, EarlierEmail, SecondFactor, SignIn, User
from addresses.models import Address
from billing.models import BillingProfile, Card
from carts.models import Cart
from carts.optional_details import OPTIONAL_DETAILS
from core.columns import Columns
from core.models import ContactMail
from core.times import in_shop_zone
from orders.models import Correction, CustomerNote, Mail, Order, OrderNote, Shipment, Withdrawal, WithdrawalMail
from orders.models.item import lines_with
from orders.models.order import OrderQuerySet
from orders.workflow.erasure.notes import unmatched_withdrawals
from orders.workflow.erasure.person import HeldEmail, Person, notes_about

Data = dict[str, Any]
# Orders, their lines, payments, refunds, shipments, disputes and withdrawals, carts and cards declare in `columns` what
# the export contains.
EXPORTED: dict[type[Model], list[str]] = {
    User: ["email", "email_verified", "name", "date_joined", "last_login", "language"],
    SignIn: ["browser", "system", "created", "last_used"],
    EarlierEmail: ["email", "is_verified", "until"],
    SecondFactor: ["confirmed"],
    BillingProfile: ["email", "customer_email", "rejected_email", "active", "timestamp", "updated"],
    Address: [
        "name", "line_1", "line_2", "city", "city_area", "state", "postal_code", "sorting_code", "country", "timestamp",
    ],
    AccountMail: ["kind", "to", "timestamp", "sent"],
    Mail: ["kind", "to", "timestamp", "sent"],
    ContactMail: ["name", "sender", "order_number", "message", "timestamp", "sent"],
    Correction: ["kind", "old", "new", "at"],
    OrderNote: ["text", "at"],
    WithdrawalMail: ["kind", "to", "timestamp", "sent"],
    CustomerNote: ["text", "at"],
}  # fmt: skip


def export_personal_data(user: User) -> Data:
    """Return the user's account, postal addresses, cards, carts, orders with their history, withdrawals and emails.

    Amounts are decimals, which Django's JSON encoder writes as strings. Times are in the shop's time zone.
    """
    profiles = BillingProfile.objects.filter(user=user)
    return {
        "exported": in_shop_zone(timezone.now()),
        "account": _values(user),
        "sign_ins": _all_values(user.sign_ins.all()),
        "earlier_emails": _all_values(user.earlier_emails.all()),
        "second_factor": _all_values(SecondFactor.objects.on().filter(user=user)),
        **_of_profiles(profiles.values_list("pk", flat=True)),
        "carts": _carts(Cart.objects.filter(user=user)),
        "orders": _orders(Order.objects.for_account(user)),
        "withdrawals": [_withdrawal(row) for row in _withdrawals(user)],
        "mails": _all_values(_account_mails(user)),
        "messages": _all_values(_messages(Person.of_user(user).emails())),
    }


def export_guest(guest: Person) -> Data:
    """Return what the shop stores about a guest: see `export_personal_data`.

    Withdrawals and emails without an order, and messages to the shop, are left out if anybody else has the email
    address, because nobody verified whose they are.
    """
    emails = guest.emails()
    of_orders = Withdrawal.objects.filter(order__in=guest.orders)
    mails: QuerySet[AccountMail] = AccountMail.objects.filter(notes_about(emails, "to", "timestamp"))
    return {
        "exported": in_shop_zone(timezone.now()),
        **_of_profiles(guest.profiles),
        "carts": _carts(guest.carts),
        "orders": _orders(guest.orders),
        "withdrawals": [_withdrawal(row) for row in _with_order_and_mails(of_orders)],
        "mails": _all_values(mails),
        "messages": _all_values(_messages(emails)),
    }


def _of_profiles(profiles: Iterable[int]) -> Data:
    """Return these billing profiles with their postal addresses, cards, and notes of staff."""
    pks = list(profiles)
    return {
        "profile": _all_values(BillingProfile.objects.filter(pk__in=pks)),
        "addresses": _all_values(Address.objects.filter(billing_profile__in=pks)),
        "open_orders": _optional_details(Order.objects.filter(billing_profile__in=pks, status=Order.Status.OPEN)),
        "cards": _all_values(Card.objects.filter(billing_profile__in=pks)),
        "notes": _all_values(CustomerNote.objects.filter(billing_profile__in=pks)),
    }


def _optional_details(orders: OrderQuerySet) -> list[Data]:
    """Return what was typed for orders that are not placed yet. Their addresses are in the export already."""
    rows = orders.order_by("pk").values(*OPTIONAL_DETAILS)
    return [row for row in rows if any(row.values())]


def _account_mails(user: User) -> QuerySet[AccountMail]:
    about = notes_about(Person.of_user(user).emails(), "to", "timestamp")
    rows: QuerySet[AccountMail] = AccountMail.objects.filter(Q(user=user) | about)
    return rows


def _messages(emails: list[HeldEmail]) -> QuerySet[ContactMail]:
    """Return the messages to the shop with one of these email addresses."""
    rows: QuerySet[ContactMail] = ContactMail.objects.filter(notes_about(emails, "sender", "timestamp"))
    return rows


def exported_columns(model: type[Model]) -> Sequence[str]:
    """Return the columns of the model that the export contains."""
    columns: Columns | None = getattr(model, "columns", None)
    return EXPORTED[model] if model in EXPORTED or columns is None else columns.exported


def _values(row: Model) -> Data:
    return {name: _value(getattr(row, name)) for name in exported_columns(row._meta.model)}


def _value(value: Any) -> Any:
    return in_shop_zone(value) if isinstance(value, datetime) else value


def _all_values(rows: QuerySet[Any]) -> list[Data]:
    return [_values(row) for row in rows.order_by("pk")]


def _withdrawals(user: User) -> list[Withdrawal]:
    """Return the withdrawals from the user's orders, and those without an order under a verified email address."""
    of_orders = Q(order__in=Order.objects.for_account(user))
    unmatched = unmatched_withdrawals(Person.of_user(user).emails())
    return _with_order_and_mails(Withdrawal.objects.filter(of_orders | Q(pk__in=unmatched.values("pk"))))


def _with_order_and_mails(rows: QuerySet[Withdrawal]) -> list[Withdrawal]:
    return list(rows.select_related("order").prefetch_related("mails").order_by("pk"))


def _withdrawal(row: Withdrawal) -> Data:
    order = row.order.order_id if row.order else ""
    lines = {str(item.pk): item.title for item in row.order.items.all()} if row.order else {}
    units = [{"title": lines.get(line, ""), "units": units} for line, units in row.units.items()]
    mails = [_values(mail) for mail in row.mails.all() if mail.kind == WithdrawalMail.Kind.RECEIPT]
    return _values(row) | {"order": order, "units": units, "mails": mails}


def _carts(rows: QuerySet[Cart]) -> list[Data]:
    return [_cart(cart) for cart in rows.prefetch_related("items__product")]


def _cart(cart: Cart) -> Data:
    lines = [
        {"sku": line.product.sku, "title": line.product.title, "quantity": line.quantity} for line in cart.items.all()
    ]
    return _values(cart) | {"lines": lines}


def _orders(orders: OrderQuerySet) -> list[Data]:
    rows = orders.placed().order_by("pk").distinct()
    parts = (
        "items", "events", "payments__refunds", "payments__card", "disputes", "mails", "shipments__carrier",
        "corrections", "notes",
    )  # fmt: skip
    return [_order(order) for order in rows.prefetch_related(*parts)]


def _order(order: Order) -> Data:
    """Return the order as its page shows it. Details in the history that only staff see are left out."""
    payments = [
        _values(payment)
        | {"card": str(payment.card or "")}
        | {"refunds": [_values(refund) for refund in payment.refunds.all()]}
        for payment in order.payments.all()
    ]
    return _values(order) | {
        "lines": [_values(item) for item in order.items.all()],
        "history": [{"at": in_shop_zone(event.at), "what": event.display_text} for event in order.events.all()],
        "payments": payments,
        "shipments": [_shipment(shipment, order) for shipment in order.shipments.all()],
        "disputes": [_values(dispute) for dispute in order.disputes.all()],
        "mails": [_values(mail) for mail in order.mails.all() if not mail.is_for_staff],
        "corrections": [_values(correction) for correction in order.corrections.all()],
        "notes": [_values(note) for note in order.notes.all()],
    }


def _shipment(shipment: Shipment, order: Order) -> Data:
    lines = lines_with(order.items.all(), shipment.units_by_line)
    units = [{"title": line.item.title, "units": line.units} for line in lines]
    return _values(shipment) | {"carrier": str(shipment.carrier or ""), "units": units}
