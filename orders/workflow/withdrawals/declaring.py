"""Declaring a withdrawal. A declaration is never rejected, and the order that it names is not looked up here."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.email_addresses import canonical_email
from core.background.tasks import start
from core.emails.outbox import queued
from core.times import shop_date
from orders.emails import withdrawals as emails
from orders.models import Order, Withdrawal, WithdrawalMail
from orders.numbers import order_number_of
from orders.workflow.withdrawals.matching import match_declared

MIDNIGHT_GRACE = timedelta(minutes=10)


@dataclass(frozen=True)
class Declaration:
    """What a person declares. On the order page, `order` is set and `units` are the ticked units by order line.

    `erased` is how often the same was declared and erased on this day.
    """

    name: str
    email: str
    order_number: str
    is_whole_order: bool
    language: str
    items: str = ""
    units: dict[str, int] = field(default_factory=dict)
    order: Order | None = None
    erased: int = 0

    def digest(self, moment: datetime) -> str:
        """Return a keyed hash of what is declared, and of the day.

        The same declaration on the same day is the same row. On another day it can be about another unit of the same
        item, so it is a new one. Case and spaces make no difference.
        """
        texts = [" ".join(text.split()).casefold() for text in (self.name, self.items)]
        data = [*texts, canonical_email(self.email), order_number_of(self.order_number), self.is_whole_order]
        data += [sorted(self.units.items()), self.order is not None, str(shop_date(moment)), self.erased]
        return salted_hmac("orders.withdrawal", json.dumps(data), algorithm="sha256").hexdigest()

    def as_row(self, moment: datetime, ip: str) -> Withdrawal:
        """Return the row to insert."""
        row = Withdrawal(
            order=self.order, is_from_order_page=self.order is not None, is_whole_order=self.is_whole_order,
            name=self.name, email=self.email, order_number=self.order_number, items=self.items, units=self.units,
            language=self.language, declared_at=moment, digest=self.digest(moment), ip=ip,
        )  # fmt: skip
        row.checksum = row.compute_checksum()
        return row


def declare(declaration: Declaration, ip: str) -> Withdrawal:
    """Store the declaration and queue its receipt. Return the existing row if the same was declared today.

    The order is looked up after the response, so the work here is the same whether or not it exists. `ip` is the hash
    of the IP address.
    """
    now = timezone.now()
    if existing := _find(declaration, now):
        if existing.is_erased:
            return declare(replace(declaration, erased=declaration.erased + 1), ip)
        return existing
    withdrawal = declaration.as_row(now, ip)
    try:
        with transaction.atomic():
            withdrawal.save(force_insert=True)
            receipt = emails.queue_receipt(withdrawal)
    except IntegrityError:  # a second press was faster
        existing = _find(declaration, now)
        if existing is None:
            raise
        return existing
    if receipt:
        queued.send(WithdrawalMail)
    start(match_declared, withdrawal.pk)
    return withdrawal


def _find(declaration: Declaration, now: datetime) -> Withdrawal | None:
    """Return the row of the same declaration of today. Presses right before and after midnight are the same, too."""
    digests = {declaration.digest(now), declaration.digest(now - MIDNIGHT_GRACE)}
    found: Withdrawal | None = Withdrawal.objects.filter(digest__in=digests).order_by("pk").last()
    return found
