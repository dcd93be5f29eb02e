"""Rows of the tables on the page of an order: models with what only this page shows of them."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.template.defaultfilters import yesno
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.stripe_calls.dashboard import dispute_url
from core.money import format_money, format_percent
from orders.admin.order_page.facts import OrderFacts
from orders.models import Dispute, Mail, Order, OrderItem, Payment
from orders.models.columns import FROM_QUOTE
from orders.models.item import by_line
from orders.workflow.payment_errors import failure_message

LINE_COLUMNS = [name for name in OrderItem.columns.frozen if name not in ("order", "product")]
QUOTE_COLUMNS = [name for name in FROM_QUOTE if name != "discount"]


class Value(NamedTuple):
    """A column of a row with its label and its value as text."""

    name: str
    label: str | Promise
    text: str


def row_url(request: HttpRequest, row: Model | None) -> str:
    """Return the URL of this row in the admin, or an empty string if this member of staff may not see it."""
    if row is None or not admin.site.is_registered(type(row)):
        return ""
    is_visible = admin.site.get_model_admin(type(row)).has_view_permission(request, row)
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]) if is_visible else ""


def email_rows(request: HttpRequest, emails: Iterable[Mail]) -> Iterator[dict[str, Any]]:
    """Yield the emails with their states, and the URLs of their previews for staff who may see them."""
    may_preview = request.user.has_perms(["orders.view_mail", "orders.view_order"])
    for mail in emails:
        url = reverse("admin:orders_mail_preview", args=[mail.pk]) if may_preview else ""
        yield {"mail": mail, "state": _email_state(mail), "url": url, "at": mail.sent or mail.dropped or mail.timestamp}


def _email_state(mail: Mail) -> str:
    if mail.sent:
        return _("Sent")
    if mail.refusal:
        return _("Undeliverable")
    return _("Closed, no longer needed") if mail.dropped else _("Waiting")


def refund_rows(request: HttpRequest, facts: OrderFacts) -> Iterator[dict[str, Any]]:
    """Yield the refunds with their units, those that are back in stock, and the withdrawals that they answer."""
    titles = {line.item.pk: line.item.title for line in facts.lines}
    for row in facts.refunds:
        yield {
            "refund": row,
            "units": unit_texts(row.units, titles),
            "restocked": unit_texts(row.restock, titles) if row.is_restocked else [],
            "url": row_url(request, row.withdrawal),
        }


def unit_texts(stored: Mapping[str, int], titles: Mapping[int, str]) -> list[str]:
    """Return the units of a JSON column with the titles of their lines, for example "2 × Mug"."""
    return [f"{number} × {titles[line]}" for line, number in by_line(stored).items() if number and line in titles]


def payment_rows(payments: Iterable[Payment]) -> Iterator[dict[str, Any]]:
    """Yield the payments with why they failed. The stored message is in the language of the order."""
    for payment in payments:
        message = failure_message(payment.code, payment.decline_code) if payment.message else ""
        yield {"payment": payment, "message": message}


def dispute_rows(disputes: Iterable[Dispute]) -> Iterator[dict[str, Any]]:
    """Yield the disputes with their URLs in Stripe's dashboard."""
    for row in disputes:
        yield {"dispute": row, "url": dispute_url(row.stripe_id)}


def quoted_values(order: Order) -> list[Value]:
    """Return all columns that the order copied from its quote."""
    return [_value(order, name, order.currency) for name in QUOTE_COLUMNS]


def line_values(item: OrderItem, currency: str) -> list[Value]:
    """Return all frozen columns of a line."""
    return [_value(item, name, currency) for name in LINE_COLUMNS]


def _value(row: Model, name: str, currency: str) -> Value:
    value = getattr(row, name)
    if name.endswith("tax_rate"):
        text = format_percent(value)
    elif isinstance(value, Decimal):
        text = format_money(value, currency) if currency else str(value)
    elif isinstance(value, bool):
        text = str(yesno(value))
    else:
        text = str("" if value is None else value)
    return Value(name, row._meta.get_field(name).verbose_name, text)  # type: ignore[union-attr]


STATUS_OF_CHECKSUM = {
    True: gettext_lazy("unchanged since the order was placed"),
    False: gettext_lazy("changed since the order was placed: ask a developer"),
}
