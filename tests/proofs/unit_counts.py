"""Independent counts of the units of orders. They share no code with the shop."""

import re
from collections import Counter
from collections.abc import Iterable
from html import unescape

from django.test import Client
from django.urls import reverse

from orders.emails import messages
from orders.models import Mail, Order, Refund

PAID = ("paid", "shipped", "refunded")
ON_PAGE = re.compile(r"<th scope=\"row\">([^<]+) \([^<]*\)</th><td>(\d+)</td>")
IN_EMAIL = re.compile(r"^(\d+) x (.+)$", re.MULTILINE)


def units_to_ship(order: Order) -> dict[int, int]:
    """Return the units of each line that are left: sold, minus refunded or withdrawn (each once), minus shipped.

    Refunds and withdrawals take units that are not shipped yet before those that are.
    """
    left = {}
    for item in order.items.all():
        sold = item.quantity if order.status in PAID else 0
        shipped = sum(row.units.get(str(item.pk), 0) for row in order.shipments.all())
        is_all_refunded = order.amount_refunded == order.total
        gone = _gone(order, str(item.pk), sold, bool(item.withdrawal_days))
        left[item.pk] = 0 if is_all_refunded else max(sold - gone - shipped, 0)
    return left


def _gone(order: Order, line: str, sold: int, has_right: bool) -> int:
    refunds = [row for row in Refund.objects.filter(payment__order=order, is_mismatch=False) if row.status != "failed"]
    gone = sum(row.units.get(line, 0) for row in refunds if row.withdrawal_id is None)
    for withdrawal in order.withdrawals.all():
        is_dropped = withdrawal.closed_at is not None and withdrawal.closed_by != "shop"
        of_whole = sold if has_right or withdrawal.closed_at is None else 0
        declared = of_whole if withdrawal.is_whole_order else withdrawal.units.get(line, 0)
        refunded = sum(row.units.get(line, 0) for row in refunds if row.withdrawal_id == withdrawal.pk)
        gone += max(0 if is_dropped else declared, refunded)
    return gone


def differences(order: Order, staff: Client) -> list[str]:
    """Return where the units of an order differ: the method, the ship page, the emails and the status."""
    expected, found = units_to_ship(order), []
    if order.units_to_ship() != expected:
        found.append(f"{order}: units_to_ship() is {order.units_to_ship()}, not {expected}")
    titles = {item.pk: item.title for item in order.items.all()}
    page = staff.get(reverse("admin:orders_order_ship", args=[order.pk]))
    on_page = [(units, unescape(title)) for title, units in ON_PAGE.findall(page.text)]
    if _listed(on_page) != _by_title(expected, titles):
        found.append(f"{order}: the ship page differs from {expected}")
    mails = {mail.about: mail for mail in order.mails.filter(kind=Mail.Kind.SHIPPED)}
    for shipment in order.shipments.all():
        message = messages.build(mails.pop(str(shipment.pk)))
        shipped, _, follows = str(message.body if message else "").partition("What will follow")
        packed = {int(line): units for line, units in shipment.units.items()}
        if _listed(IN_EMAIL.findall(shipped)) != _by_title(packed, titles):
            found.append(f"{order}: the email differs from {packed}")
        if _listed(IN_EMAIL.findall(follows)) != _by_title(expected, titles):
            found.append(f"{order}: what will follow differs from {expected}")
    found += [f"{order}: an email about no shipment"] * len(mails)
    return found + _status_problems(order, is_done=not any(expected.values()))


def _status_problems(order: Order, is_done: bool) -> list[str]:
    """Return what is wrong if an order is shipped while units are left, or not shipped although none is."""
    has_shipment, is_shipped = order.shipments.exists(), order.status == "shipped"
    if order.withdrawals.filter(is_checked=False).exists() or order.status == "refunded":
        return []
    return [f"{order}: {order.status}"] if is_shipped != (has_shipment and is_done) else []


def _by_title(units: dict[int, int], titles: dict[int, str]) -> Counter[str]:
    return _listed([(number, titles[line]) for line, number in units.items()])


def _listed(lines: Iterable[tuple[str | int, str]]) -> Counter[str]:
    """Return the units of each title. Two products may have the same title."""
    listed: Counter[str] = Counter()
    for number, title in lines:
        listed[title] += int(number)
    return +listed
